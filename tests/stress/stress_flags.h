// The flags of lissom_stress: one table drives parsing and help.
#ifndef LISSOM_TESTS_STRESS_STRESS_FLAGS_H_
#define LISSOM_TESTS_STRESS_STRESS_FLAGS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace lissom::stress {

struct Flags {
  uint64_t duration = 60;      // Seconds of load.
  uint64_t threads = 4;        // That do everything at once.
  uint64_t keys = 40'000;      // Three of five stand in sets of three.
  uint64_t value_size = 400;   // The largest, in bytes, but for a few giants.
  uint64_t value_least = 40;   // The smallest.
  uint64_t memory_budget = 0;  // Bytes; 0: small sizes, drawn from the seed.
  uint64_t seed = 0;           // 0: from the system.
  uint64_t reopen_every = 10;  // Seconds; 0: never.
  uint64_t crash_every = 0;    // Seconds between kill -9, at most; 0: never.
  std::string db;              // Made anew. Empty: below the temporary folder.
  std::string curve;           // A CSV of memory, each second.
  bool keep = false;           // Leave the database behind.
};

// kInvalidArgument with what is wrong and the list of flags; kCancelled with
// the list alone for --help.
absl::Status ParseFlags(int argc, char** argv, Flags* flags);

// The command that does the same again.
std::string CommandOf(const Flags& flags);

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_STRESS_FLAGS_H_
