// A batch as text, and bytes to fill one with, for the tests of batches.
#ifndef LISSOM_TESTS_DB_MEMTABLE_BATCH_LINES_H_
#define LISSOM_TESTS_DB_MEMTABLE_BATCH_LINES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/write_batch.h"
#include "util/random.h"

namespace lissom {

// The changes of a batch as lines: P"key"="value", D"key", L"note".
class Lines final : public WriteBatch::Handler {
 public:
  absl::Status Put(std::string_view key, std::string_view value) override {
    return Add('P', key, value);
  }
  absl::Status Delete(std::string_view key) override {
    return Add('D', key, {});
  }
  absl::Status LogData(std::string_view blob) override {
    return Add('L', blob, {});
  }

  std::vector<std::string> lines;
  size_t fail_after = SIZE_MAX;

 private:
  absl::Status Add(char kind, std::string_view key, std::string_view value) {
    if (lines.size() == fail_after) return absl::AbortedError("enough");
    std::string line(1, kind);
    line += '"';
    line += key;
    line += '"';
    if (kind == 'P') {
      line += "=\"";
      line += value;
      line += '"';
    }
    lines.push_back(line);
    return absl::OkStatus();
  }
};

inline std::vector<std::string> LinesOf(const WriteBatch& batch) {
  Lines lines;
  const absl::Status status = batch.Iterate(&lines);
  EXPECT_TRUE(status.ok()) << status;
  return lines.lines;
}

// At most so many bytes, of any kind.
inline std::string RandomUpTo(Random& random, size_t most) {
  std::string bytes(random.Uniform(most + 1), '\0');
  for (char& c : bytes) c = static_cast<char>(random.Next());
  return bytes;
}

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_MEMTABLE_BATCH_LINES_H_
