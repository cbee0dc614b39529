// Why writes are slowed down or made to wait.
#ifndef LISSOM_DB_WRITE_STALL_CAUSE_H_
#define LISSOM_DB_WRITE_STALL_CAUSE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lissom {

enum class StallCause : uint8_t {
  kMemtables,          // The memtables are full, and their flush is not done.
  kLevel0Files,        // Level 0 has too many tables.
  kPendingCompaction,  // Compactions have too much to do.
};
inline constexpr size_t kStallCauses = 3;

constexpr std::string_view StallCauseName(StallCause cause) {
  constexpr std::string_view kNames[kStallCauses] = {
      "memtables", "level0_files", "pending_compaction"};
  return kNames[static_cast<size_t>(cause)];
}

}  // namespace lissom

#endif  // LISSOM_DB_WRITE_STALL_CAUSE_H_
