// Workloads that read only.
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/workload.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

// Gets random keys of the first `range`; `suffix` is appended to each: keys
// that stand between those there are.
absl::Status Read(Worker& worker, uint64_t range, std::string_view suffix) {
  std::string key;
  Budget budget(worker, worker.settings.Reads());
  while (budget.Next() > 0) {
    worker.PaceReads(1);
    key = worker.KeyOf(worker.random.Uniform(range));
    key += suffix;
    LISSOM_RETURN_IF_ERROR(ReadOne(worker, key));
  }
  SayFound(worker);
  return absl::OkStatus();
}

absl::Status ReadRandom(Worker& worker) {
  return Read(worker, worker.settings.num, "");
}
absl::Status ReadMissing(Worker& worker) {
  return Read(worker, worker.settings.num, "x");
}
absl::Status ReadHot(Worker& worker) {
  return Read(worker, (worker.settings.num + 99) / 100, "");
}

absl::Status MultiReadRandom(Worker& worker) {
  const size_t batch = worker.settings.batch_size;
  std::vector<std::string> keys(batch);
  std::vector<std::string_view> views(batch);
  Budget budget(worker, worker.settings.Reads());
  while (const size_t count = budget.Next(batch)) {
    worker.PaceReads(count);
    for (size_t i = 0; i < count; ++i) {
      keys[i] = worker.KeyOf(worker.random.Uniform(worker.settings.num));
      views[i] = keys[i];
    }
    LISSOM_ASSIGN_OR_RETURN(
        const Found found,
        worker.session.MultiGet(std::span(views).first(count)));
    worker.found += found.entries;
    worker.Done(Op::kRead, count, found.bytes);
  }
  SayFound(worker);
  return absl::OkStatus();
}

absl::Status Scan(Worker& worker, Direction direction) {
  // One by one where each step's time is asked for.
  const uint64_t together = worker.settings.histogram ? 1 : 1000;
  LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor,
                          worker.session.NewCursor());
  LISSOM_RETURN_IF_ERROR(cursor->SeekToEnd(direction));
  Budget budget = Budget::Count(worker, worker.settings.Reads());
  while (const uint64_t wanted = budget.Next(together)) {
    worker.PaceReads(wanted);
    LISSOM_ASSIGN_OR_RETURN(const Found found, cursor->Walk(direction, wanted));
    if (found.entries > 0) worker.Done(Op::kRead, found.entries, found.bytes);
    if (found.entries < wanted) break;
  }
  return absl::OkStatus();
}

absl::Status ReadSeq(Worker& worker) {
  return Scan(worker, Direction::kForward);
}
absl::Status ReadReverse(Worker& worker) {
  return Scan(worker, Direction::kBackward);
}

absl::Status SeekRandom(Worker& worker) {
  const Direction direction = worker.settings.reverse_iterator
                                  ? Direction::kBackward
                                  : Direction::kForward;
  Budget budget(worker, worker.settings.Reads());
  while (budget.Next() > 0) {
    worker.PaceReads(1);
    const std::string_view key =
        worker.KeyOf(worker.random.Uniform(worker.settings.num));
    LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor,
                            worker.session.NewCursor());
    LISSOM_ASSIGN_OR_RETURN(const bool valid, cursor->Seek(key));
    if (valid && cursor->key() == key) ++worker.found;
    Found walked;
    if (valid && worker.settings.seek_nexts > 0) {
      LISSOM_ASSIGN_OR_RETURN(
          walked, cursor->Walk(direction, worker.settings.seek_nexts));
    }
    worker.Done(Op::kSeek, 1, walked.bytes);
  }
  SayFound(worker);
  return absl::OkStatus();
}

}  // namespace

std::vector<Workload> ReadWorkloads() {
  std::vector<Workload> workloads = {
      {.name = "readrandom", .help = "get random keys", .run = ReadRandom},
      {.name = "readmissing",
       .help = "get keys that are not there",
       .run = ReadMissing},
      {.name = "readhot",
       .help = "get random keys of the first hundredth",
       .run = ReadHot},
      {.name = "multireadrandom",
       .help = "get random keys, --batch_size of them at once",
       .run = MultiReadRandom},
      {.name = "readseq", .help = "scan from the first key", .run = ReadSeq},
      {.name = "readreverse",
       .help = "scan from the last key backwards",
       .run = ReadReverse},
      {.name = "seekrandom",
       .help = "seek to random keys, then --seek_nexts moves",
       .run = SeekRandom},
  };
  for (Workload& workload : workloads) workload.reads_only = true;
  return workloads;
}

}  // namespace lissom::bench
