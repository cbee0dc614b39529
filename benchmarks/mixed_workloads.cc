// Workloads that read and write.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmarks/workload.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

absl::Status ReadRandom(Worker& worker) {
  Budget budget(worker, worker.settings.Reads());
  while (budget.Next() > 0) {
    worker.PaceReads(1);
    LISSOM_RETURN_IF_ERROR(ReadOne(
        worker, worker.KeyOf(worker.random.Uniform(worker.settings.num))));
  }
  SayFound(worker);
  return absl::OkStatus();
}

absl::Status WriteUntilStopped(Worker& worker) {
  while (!worker.shared.stop.load(std::memory_order_relaxed)) {
    worker.PaceWrite(worker.settings.key_size + worker.settings.value_size);
    LISSOM_RETURN_IF_ERROR(WriteOne(
        worker, worker.KeyOf(worker.random.Uniform(worker.settings.num))));
  }
  return absl::OkStatus();
}

// So many reads, then so many writes, hundred in all; again and again.
absl::Status ReadRandomWriteRandom(Worker& worker) {
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t reads_left = 0;
  uint64_t writes_left = 0;
  const Settings& settings = worker.settings;
  Budget budget(worker, settings.ReadWrites());
  while (budget.Next() > 0) {
    const std::string_view key =
        worker.KeyOf(worker.random.Uniform(settings.num));
    if (reads_left == 0 && writes_left == 0) {
      reads_left = settings.readwritepercent;
      writes_left = 100 - reads_left;
    }
    if (reads_left > 0) {
      worker.PaceReads(1);
      LISSOM_RETURN_IF_ERROR(ReadOne(worker, key));
      --reads_left;
      ++reads;
    } else {
      worker.PaceWrite(settings.key_size + settings.value_size);
      LISSOM_RETURN_IF_ERROR(WriteOne(worker, key));
      --writes_left;
      ++writes;
    }
  }
  worker.bytes = 0;  // db_bench says no MB/s here.
  worker.message = absl::StrCat("( reads:", reads, " writes:", writes,
                                " total:", settings.ReadWrites(),
                                " found:", worker.found, ")");
  return absl::OkStatus();
}

// A read of a random key, and a write of the same.
absl::Status UpdateRandom(Worker& worker) {
  const Settings& settings = worker.settings;
  uint64_t updates = 0;
  Budget budget(worker, settings.ReadWrites());
  for (; budget.Next() > 0; ++updates) {
    worker.PaceReads(1);
    worker.PaceWrite(settings.key_size + settings.value_size);
    const std::string_view key =
        worker.KeyOf(worker.random.Uniform(settings.num));
    LISSOM_ASSIGN_OR_RETURN(const Found found, worker.session.Get(key));
    worker.found += found.entries;
    const std::string_view value = worker.values.Next();
    worker.session.Put(key, value);
    LISSOM_RETURN_IF_ERROR(worker.session.Commit(settings.sync));
    worker.Done(Op::kUpdate, 1, found.bytes + key.size() + value.size());
  }
  worker.message =
      absl::StrCat("( updates:", updates, " found:", worker.found, ")");
  return absl::OkStatus();
}

}  // namespace

std::vector<Workload> MixedWorkloads() {
  return {
      {.name = "readwhilewriting",
       .help = "get random keys while one more thread puts random keys",
       .run = ReadRandom,
       .beside = WriteUntilStopped},
      {.name = "readrandomwriterandom",
       .help = "get and put random keys, --readwritepercent of them gets",
       .run = ReadRandomWriteRandom},
      {.name = "updaterandom",
       .help = "get a random key, then put it",
       .run = UpdateRandom},
  };
}

}  // namespace lissom::bench
