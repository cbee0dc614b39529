// Shows all keys that begin with a prefix, then the same backwards with an
// iterator. Run: scan_prefix DIRECTORY
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lissom/db.h"

namespace {

// The first key after all that begin with `prefix`; nullopt if there is none,
// because the prefix is empty or all of it is 0xff.
std::optional<std::string> AfterPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

lissom::ReadOptions WithPrefix(const std::string& prefix) {
  lissom::ReadOptions options;
  options.iterate_lower_bound = prefix;
  options.iterate_upper_bound = AfterPrefix(prefix);
  return options;
}

absl::Status Run(const std::string& path) {
  lissom::Options options;
  options.create_if_missing = true;
  absl::StatusOr<std::unique_ptr<lissom::DB>> db =
      lissom::DB::Open(options, path);
  if (!db.ok()) return db.status();

  lissom::WriteBatch batch;
  for (const char* key : {"bird/owl", "fish/cod", "fish/eel", "fish/ray"}) {
    batch.Put(key, "");
  }
  absl::Status s = (*db)->Write({}, batch);
  if (!s.ok()) return s;

  int count = 0;
  s = lissom::ForEach(**db, WithPrefix("fish/"),
                      [&count](std::string_view key, std::string_view) {
                        std::cout << key << "\n";
                        ++count;
                        return true;
                      });
  if (!s.ok()) return s;

  // An iterator moves both ways. It stops at its bounds, and at an error:
  // status() tells the two apart.
  const auto it = (*db)->NewIterator(WithPrefix("fish/"));
  for (it->SeekToLast(); it->Valid(); it->Prev()) {
    std::cout << it->key() << "\n";
    --count;
  }
  if (!it->status().ok()) return it->status();
  return count == 0 ? absl::OkStatus()
                    : absl::InternalError("the two scans differ");
}

}  // namespace

int main(int argc, char** argv) {
  const absl::Status status = Run(argc > 1 ? argv[1] : "scan.db");
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
