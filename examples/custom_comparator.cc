// Keys in an order of your own: version numbers, so that "v9" comes before
// "v10". Run: custom_comparator DIRECTORY
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include "lissom/db.h"

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes off `text` the number it begins with; without its leading zeros.
std::string_view TakeNumber(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && IsDigit(text[length])) ++length;
  std::string_view number = text.substr(0, length);
  while (!number.empty() && number[0] == '0') number.remove_prefix(1);
  text.remove_prefix(length);
  return number;
}

// Digits compare as numbers, all else byte by byte; where that tells no two
// keys apart ("v1", "v01") their bytes do: only a key itself may equal it.
class VersionOrder : public lissom::Comparator {
 public:
  // Written into the database: another name will not open it.
  std::string_view Name() const override { return "example.VersionOrder"; }

  int Compare(std::string_view a, std::string_view b) const override {
    std::string_view x = a;
    std::string_view y = b;
    while (!x.empty() && !y.empty()) {
      if (IsDigit(x[0]) && IsDigit(y[0])) {
        const std::string_view m = TakeNumber(x);
        const std::string_view n = TakeNumber(y);
        if (m.size() != n.size()) return m.size() < n.size() ? -1 : 1;
        if (const int order = m.compare(n); order != 0) return order;
      } else {
        const int order = x.substr(0, 1).compare(y.substr(0, 1));
        if (order != 0) return order;
        x.remove_prefix(1);
        y.remove_prefix(1);
      }
    }
    if (x.empty() && y.empty()) return a.compare(b);
    return x.empty() ? -1 : 1;
  }
};

absl::Status Run(const std::string& path) {
  lissom::Options options;
  options.create_if_missing = true;
  options.comparator = std::make_shared<VersionOrder>();
  auto db = lissom::DB::Open(options, path);
  if (!db.ok()) return db.status();

  for (const char* key : {"v10", "v9", "v9.12", "v9.2", "v100"}) {
    absl::Status s = (*db)->Put({}, key, "");
    if (!s.ok()) return s;
  }
  std::string order;
  absl::Status s = lissom::ForEach(**db, {}, [&](auto key, auto) {
    order += std::string(key) + " ";
    return true;
  });
  if (!s.ok()) return s;
  std::cout << order << "\n";
  const bool right = order == "v9 v9.2 v9.12 v10 v100 ";
  return right ? (*db)->Close() : absl::InternalError("another order");
}

}  // namespace

int main(int argc, char** argv) {
  const absl::Status status = Run(argc > 1 ? argv[1] : "versions.db");
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
