// StoredEntry is one entry as it lies in a memtable's arena, never changed
// after it was written:
//
//   trailer 8 | key size 4 | value size 4 | user key | value
//
// Threads: immutable.
#ifndef LISSOM_DB_MEMTABLE_ENTRY_H_
#define LISSOM_DB_MEMTABLE_ENTRY_H_

#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

#include "table/internal_key.h"
#include "util/arena.h"

namespace lissom {

struct StoredEntry {
  uint64_t trailer;
  uint32_t key_size;
  uint32_t value_size;

  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view user_key() const { return {bytes(), key_size}; }
  std::string_view value() const { return {bytes() + key_size, value_size}; }
  InternalKeyView key() const { return {user_key(), trailer}; }

  // Copies key and value into the arena. Requires: each is below 4 GiB.
  // Throws std::bad_alloc.
  static Arena::Ref Write(Arena& arena, const InternalKeyView& key,
                          std::string_view value) {
    const Arena::Ref ref = arena.Allocate(sizeof(StoredEntry) +
                                          key.user_key.size() + value.size());
    auto* entry = new (arena.Resolve(ref)) StoredEntry;
    entry->trailer = key.trailer;
    entry->key_size = static_cast<uint32_t>(key.user_key.size());
    entry->value_size = static_cast<uint32_t>(value.size());
    char* out = reinterpret_cast<char*>(entry + 1);
    if (!key.user_key.empty()) {
      std::memcpy(out, key.user_key.data(), key.user_key.size());
    }
    if (!value.empty()) {
      std::memcpy(out + key.user_key.size(), value.data(), value.size());
    }
    return ref;
  }
};
static_assert(sizeof(StoredEntry) == 16);

}  // namespace lissom

#endif  // LISSOM_DB_MEMTABLE_ENTRY_H_
