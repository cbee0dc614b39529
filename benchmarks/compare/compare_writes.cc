// Writing: each run in a process and a directory of its own.
#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "benchmarks/compare/compare.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

constexpr double kEntryBytes = 116;
constexpr uint64_t kManyThreads = 8;

// A workload that puts, and the time until what it left behind is done.
struct Written {
  Measured run;
  Measured drain;
};

class WriteRun {
 public:
  WriteRun(Bench& bench, Result& result, std::string engine, uint64_t round)
      : bench_(bench),
        result_(result),
        engine_(std::move(engine)),
        name_("write-" + engine_),
        round_(round) {}

  absl::Status Go() {
    LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<Child> child,
                            bench_.Start(engine_, name_));
    absl::Status status = AllOf(*child);
    bench_.End(std::move(child), name_);
    return status;
  }

 private:
  absl::Status AllOf(Child& child) {
    LISSOM_RETURN_IF_ERROR(Synced(child, 1));
    LISSOM_RETURN_IF_ERROR(Anew(child, kManyThreads));
    LISSOM_RETURN_IF_ERROR(Synced(child, kManyThreads));
    LISSOM_RETURN_IF_ERROR(Anew(child));
    LISSOM_ASSIGN_OR_RETURN(const Written seq, Write(child, "fillseq"));
    Add("fillseq", "Sequential writes", seq.run);
    const auto keys = static_cast<double>(bench_.plan().write_keys);
    AddBytes("fillseq", seq, keys);

    LISSOM_RETURN_IF_ERROR(Anew(child));
    LISSOM_ASSIGN_OR_RETURN(const Written fill, Write(child, "fillrandom"));
    Add("fillrandom", "Random writes", fill.run);
    AddWithDrain("fillrandom_settled", "Random writes until settled", fill);
    AddBytes("fillrandom", fill, ExpectedKeys(bench_.plan().write_keys, keys));

    LISSOM_ASSIGN_OR_RETURN(const Written over, Write(child, "overwrite"));
    Add("overwrite", "Overwriting", over.run);
    AddWithDrain("overwrite_settled", "Overwriting until settled", over);
    AddBytes("overwrite", over,
             ExpectedKeys(bench_.plan().write_keys, 2 * keys));
    result_.memory.push_back(
        {.engine = engine_,
         .phase = "write",
         .peak_bytes = static_cast<double>(over.drain.reply.peak_memory)});
    return absl::OkStatus();
  }

  // An empty database, in the same process.
  absl::Status Anew(Child& child, uint64_t threads = 1) {
    Request request;
    request.what = "close";
    LISSOM_RETURN_IF_ERROR(child.Call(request).status());
    bench_.Remove(name_);
    Request with;
    with.threads = threads;
    return bench_.Open(child, name_, /*fresh=*/true, with);
  }

  absl::Status Synced(Child& child, uint64_t threads) {
    Request request;
    request.what = "run";
    request.workload = "fillsync";
    request.keys = bench_.plan().synced_writes * 1000;  // It does 1/1000.
    request.threads = threads;
    request.seed = Seed(1);
    LISSOM_ASSIGN_OR_RETURN(const Measured run, bench_.Measure(child, request));
    if (threads == 1) {
      Add("fillsync", "Synced writes", run);
    } else {
      Add("fillsync8", "Synced writes, 8 threads", run, threads);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<Written> Write(Child& child, const std::string& workload) {
    Request request;
    request.what = "run";
    request.workload = workload;
    request.keys = bench_.plan().write_keys;
    request.seed = Seed(workload == "overwrite" ? 3 : 2);
    request.interval_seconds = bench_.plan().series_interval;
    Written written;
    LISSOM_ASSIGN_OR_RETURN(written.run, bench_.Measure(child, request));
    LISSOM_ASSIGN_OR_RETURN(written.drain, bench_.Settle(child));
    if (!written.run.reply.series.empty() && engine_ != "null") {
      result_.series.push_back({.engine = engine_,
                                .cell = workload,
                                .interval_seconds = request.interval_seconds,
                                .values = written.run.reply.series});
    }
    return written;
  }

  // The same for every engine of a round.
  uint64_t Seed(uint64_t which) const { return 1000 * round_ + 17 * which; }

  void Add(const std::string& id, const std::string& title,
           const Measured& measured, uint64_t threads = 1) {
    CellNamed(result_, id, title, "write", threads)
        .samples.push_back(SampleOf(engine_, round_, measured));
  }

  void AddWithDrain(const std::string& id, const std::string& title,
                    const Written& written) {
    Add(id, title, bench_.Together(written.run, written.drain));
  }

  void AddBytes(const std::string& cell, const Written& written,
                double live_keys) {
    if (engine_ == "null") return;
    result_.amplifications.push_back(
        {.engine = engine_,
         .cell = cell,
         .round = round_,
         .put_bytes =
             static_cast<double>(written.run.reply.operations) * kEntryBytes,
         .written_bytes =
             static_cast<double>(written.run.reply.written_bytes) +
             static_cast<double>(written.drain.reply.written_bytes),
         .live_bytes = live_keys * kEntryBytes,
         .disk_bytes = static_cast<double>(written.drain.reply.disk_bytes)});
  }

  Bench& bench_;
  Result& result_;
  const std::string engine_;
  const std::string name_;
  const uint64_t round_;
};

}  // namespace

absl::Status CompareWrites(Bench& bench, Voice& voice, Result* result) {
  const Plan& plan = bench.plan();
  uint64_t steps = 0;
  for (uint64_t round = 0; round < plan.rounds; ++round) {
    steps += RoundOrder(plan.engines, round).size();
  }
  voice.Part("Writing", steps);
  for (uint64_t round = 0; round < plan.rounds; ++round) {
    for (const std::string& engine : RoundOrder(plan.engines, round)) {
      voice.Step(
          absl::StrCat("round ", round + 1, " of ", plan.rounds, ": ", engine));
      LISSOM_RETURN_IF_ERROR(WriteRun(bench, *result, engine, round).Go());
    }
  }
  return absl::OkStatus();
}

}  // namespace lissom::bench
