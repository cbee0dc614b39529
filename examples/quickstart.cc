// Opens a database, writes, reads and scans. Run: quickstart DIRECTORY
#include <iostream>
#include <string>

#include "lissom/db.h"

absl::Status Run(const std::string& path) {
  // [README] shows these lines; a test compares them.
  lissom::Options options;
  options.create_if_missing = true;
  auto db = lissom::DB::Open(options, path);
  if (!db.ok()) return db.status();

  absl::Status s = (*db)->Put({.sync = true}, "otter", "eats urchins");
  if (!s.ok()) return s;
  absl::StatusOr<std::string> diet = (*db)->Get("otter");
  if (!diet.ok()) return diet.status();

  return lissom::ForEach(**db, {}, [](auto key, auto value) {
    std::cout << key << ": " << value << "\n";
    return true;  // Go on.
  });
  // [/README]
}

int main(int argc, char** argv) {
  const absl::Status status = Run(argc > 1 ? argv[1] : "quickstart.db");
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
