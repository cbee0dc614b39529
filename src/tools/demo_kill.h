// The demo's hardest part: a process that loads a database is killed with -9
// in the midst of it, and nothing that it had acknowledged may be missing.
//
// The child is this program again. It writes the number of each record to a
// pipe after Put has returned OK; the parent reads a random count of numbers,
// kills it, opens the database and compares.
#ifndef LISSOM_SRC_TOOLS_DEMO_KILL_H_
#define LISSOM_SRC_TOOLS_DEMO_KILL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/tools/package_index.h"

namespace lissom::tools {

struct KillOptions {
  std::string program;  // argv[0]: what the child runs.
  std::string input;    // The index, as the child shall read it; may be empty.
  std::string directory;
  uint64_t kills = 5;
  uint64_t seed = 0;
};

struct KillResult {
  uint64_t acknowledged = 0;
  uint64_t lost = 0;       // Acknowledged, and gone after the kill.
  uint64_t in_flight = 0;  // Written, the kill came before the acknowledgement.
  double recovery_seconds = 0;  // All opens after a kill together.
};

// Kills `kills` loads of one database and looks for every record after each.
// An error: something beside a loss went wrong, or a value differs.
absl::StatusOr<KillResult> RunKills(const PackageIndex& index,
                                    const KillOptions& options);

// The child: puts record `first` and all that follow, round and round, and
// writes each one's number to `ack_descriptor`. Returns on an error only.
absl::Status LoadUntilKilled(const PackageIndex& index,
                             const std::string& directory, uint64_t first,
                             int ack_descriptor);

}  // namespace lissom::tools

#endif  // LISSOM_SRC_TOOLS_DEMO_KILL_H_
