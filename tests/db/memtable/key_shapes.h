// The keys that tests of memtables insert, in shapes that are hard in different
// ways, and orders that are none of the stock ones.
#ifndef LISSOM_TESTS_DB_MEMTABLE_KEY_SHAPES_H_
#define LISSOM_TESTS_DB_MEMTABLE_KEY_SHAPES_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lissom/comparator.h"
#include "util/random.h"

namespace lissom {

// Bytewise, but says nothing about heads: every comparison is in full.
class Headless final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    return a.compare(b);
  }
  std::string_view Name() const override { return "test.Headless"; }
};

// Shorter keys first. Its heads are lengths, so keys between two keys with a
// shared prefix need not share it.
class ByLength final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    return a.compare(b);
  }
  std::string_view Name() const override { return "test.ByLength"; }
  bool HasHeads() const override { return true; }
  uint64_t Head(std::string_view suffix) const override {
    return suffix.size();
  }
};

inline std::string Format(const char* format, uint64_t n) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, static_cast<int>(n));
  return buffer;
}

struct KeyShape {
  const char* name;
  std::function<std::string(Random&, uint64_t)> key;  // Of the i-th entry.
};

inline std::string RandomBytes(Random& random, size_t size, uint64_t alphabet) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.Uniform(alphabet));
  return bytes;
}

inline std::vector<KeyShape> KeyShapes() {
  return {
      {"random", [](Random& r, uint64_t) { return RandomBytes(r, 16, 256); }},
      {"user", [](Random& r,
                  uint64_t) { return Format("user%012d", r.Uniform(5000)); }},
      {"digits",
       [](Random& r, uint64_t) { return Format("%016d", r.Uniform(100000)); }},
      {"url",
       [](Random& r, uint64_t) {
         return Format("https://www.example.com/%02d/", r.Uniform(9)) +
                Format("item?id=%d", r.Uniform(1000));
       }},
      {"one key", [](Random&, uint64_t) { return std::string("the key"); }},
      {"one letter",
       [](Random& r, uint64_t) { return std::string(r.Uniform(300), 'a'); }},
      {"zeros and ones",
       [](Random& r, uint64_t) { return RandomBytes(r, r.Uniform(12), 2); }},
      {"long prefix",
       [](Random& r, uint64_t) {
         return std::string(1000, 'p') + RandomBytes(r, r.Uniform(4), 256);
       }},
      {"few",
       [](Random& r, uint64_t) { return RandomBytes(r, r.Uniform(2), 256); }},
      {"up", [](Random&, uint64_t i) { return Format("user%012d", i); }},
      {"down",
       [](Random&, uint64_t i) { return Format("user%012d", 1000000 - i); }},
      {"runs",
       [](Random& r, uint64_t i) {
         return Format("%08d/", r.Uniform(8)) + Format("%08d", i);
       }},
  };
}

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_MEMTABLE_KEY_SHAPES_H_
