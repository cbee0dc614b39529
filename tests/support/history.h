// History is the reference that a database is compared with: a std::map, the
// batches that made it, and a hash of the state after each of them. After a
// crash the recovered state must be the state after some batch: Find says
// which.
//
// Thread-compatible.
#ifndef LISSOM_TESTS_SUPPORT_HISTORY_H_
#define LISSOM_TESTS_SUPPORT_HISTORY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lissom/db.h"
#include "util/hash.h"

namespace lissom {

class History {
 public:
  // The state is a set of entries; its hash the sum of theirs, so that a change
  // costs as much as the change.
  static uint64_t EntryHash(std::string_view key, std::string_view value) {
    return Hash64(value, Hash64(key) | 1);
  }

  void Put(std::string_view key, std::string_view value) {
    Delete(key);
    hash_ += EntryHash(key, value);
    map_.emplace(key, value);
  }
  void Delete(std::string_view key) {
    const auto it = map_.find(key);
    if (it == map_.end()) return;
    hash_ -= EntryHash(it->first, it->second);
    map_.erase(it);
  }
  // Ends a batch; returns its number, from 1.
  size_t EndBatch() {
    hashes_.push_back(hash_);
    return hashes_.size() - 1;
  }

  size_t batches() const { return hashes_.size() - 1; }
  const std::map<std::string, std::string, std::less<>>& map() const {
    return map_;
  }

  // The last n in [least, most] such that the state after n batches has this
  // hash.
  std::optional<size_t> Find(uint64_t hash, size_t least, size_t most) const {
    for (size_t n = most + 1; n-- > least;) {
      if (hashes_[n] == hash) return n;
    }
    return std::nullopt;
  }

  // The hash of what a database holds now; an error if it cannot be read.
  static absl::StatusOr<uint64_t> HashOf(DB& db) {
    uint64_t hash = 0;
    const absl::Status status =
        ForEach(db, {}, [&](std::string_view key, std::string_view value) {
          hash += EntryHash(key, value);
          return true;
        });
    if (!status.ok()) return status;
    return hash;
  }

 private:
  std::map<std::string, std::string, std::less<>> map_;
  uint64_t hash_ = 0;
  std::vector<uint64_t> hashes_ = {0};  // [n]: after n batches.
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_HISTORY_H_
