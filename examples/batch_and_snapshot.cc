// Moves money between two accounts: a batch keeps the sum right whatever
// happens, a snapshot shows the state before. Run: batch_and_snapshot DIRECTORY
#include <iostream>
#include <memory>
#include <string>

#include "lissom/db.h"

namespace {

absl::StatusOr<int> Balance(lissom::DB& db, const lissom::Snapshot* snapshot,
                            const std::string& account) {
  lissom::ReadOptions options;
  options.snapshot = snapshot;  // Null: the present state.
  std::string amount;
  absl::Status s = db.Get(options, account, &amount);
  if (lissom::IsNotFound(s)) return 0;  // No such account: an answer.
  if (!s.ok()) return s;                // Anything else: not an answer.
  return std::stoi(amount);
}

absl::Status Transfer(lissom::DB& db, const std::string& from,
                      const std::string& to, int amount) {
  absl::StatusOr<int> a = Balance(db, nullptr, from);
  if (!a.ok()) return a.status();
  absl::StatusOr<int> b = Balance(db, nullptr, to);
  if (!b.ok()) return b.status();

  lissom::WriteBatch batch;  // Both puts take effect, or neither does.
  batch.Put(from, std::to_string(*a - amount));
  batch.Put(to, std::to_string(*b + amount));
  return db.Write({.sync = true}, batch);
}

absl::Status Run(const std::string& path) {
  lissom::Options options;
  options.create_if_missing = true;
  absl::StatusOr<std::unique_ptr<lissom::DB>> opened =
      lissom::DB::Open(options, path);
  if (!opened.ok()) return opened.status();
  lissom::DB& db = **opened;

  absl::Status s = db.Put({}, "alice", "100");
  if (!s.ok()) return s;
  s = db.Put({}, "bob", "20");
  if (!s.ok()) return s;

  const std::unique_ptr<const lissom::Snapshot> before = db.GetSnapshot();
  s = Transfer(db, "alice", "bob", 30);
  if (!s.ok()) return s;

  absl::StatusOr<int> was = Balance(db, before.get(), "alice");
  if (!was.ok()) return was.status();
  absl::StatusOr<int> is = Balance(db, nullptr, "alice");
  if (!is.ok()) return is.status();
  std::cout << "alice had " << *was << " and has " << *is << "\n";
  return *was == 100 && *is == 70 ? absl::OkStatus()
                                  : absl::InternalError("the sum is wrong");
}

}  // namespace

int main(int argc, char** argv) {
  const absl::Status status = Run(argc > 1 ? argv[1] : "batch.db");
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
