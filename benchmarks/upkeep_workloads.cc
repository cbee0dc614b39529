// Workloads that have the store do its housekeeping, or tell of it.
#include <string>
#include <vector>

#include "benchmarks/workload.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

absl::Status WaitForIdle(Worker& worker) {
  LISSOM_RETURN_IF_ERROR(worker.engine.Settle());
  worker.Done(Op::kOther, 1, 0);
  return absl::OkStatus();
}

absl::Status Compact(Worker& worker) {
  LISSOM_RETURN_IF_ERROR(worker.engine.CompactAll());
  worker.Done(Op::kOther, 1, 0);
  return absl::OkStatus();
}

absl::Status FlushMemtables(Worker& worker) {
  LISSOM_RETURN_IF_ERROR(worker.engine.Flush());
  worker.Done(Op::kOther, 1, 0);
  return absl::OkStatus();
}

absl::Status Stats(Worker& worker) {
  LISSOM_ASSIGN_OR_RETURN(worker.message, worker.engine.Property("stats"));
  return absl::OkStatus();
}

absl::Status LevelStats(Worker& worker) {
  LISSOM_ASSIGN_OR_RETURN(worker.message, worker.engine.Property("levelstats"));
  return absl::OkStatus();
}

}  // namespace

std::vector<Workload> UpkeepWorkloads() {
  return {
      {.name = "waitforidle",
       .help = "wait until no flush or compaction is left to do",
       .one_thread = true,
       .run = WaitForIdle},
      {.name = "waitforcompaction",
       .help = "the same, in db_bench's words",
       .one_thread = true,
       .run = WaitForIdle},
      {.name = "flush",
       .help = "write the memtables to tables",
       .one_thread = true,
       .run = FlushMemtables},
      {.name = "compact",
       .help = "compact all keys into the last level",
       .one_thread = true,
       .run = Compact},
      {.name = "stats",
       .help = "print what the database has counted",
       .one_thread = true,
       .prints = true,
       .run = Stats},
      {.name = "levelstats",
       .help = "print the levels and their sizes",
       .one_thread = true,
       .prints = true,
       .run = LevelStats},
  };
}

}  // namespace lissom::bench
