// Reading: databases that are loaded once, opened anew and warm, side by side;
// the engines take turns in short slices. Behind it, what writes to them: the
// fixed loads, and the long overwriting.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/compare/compare.h"
#include "benchmarks/compare/summary.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr double kEntryBytes = 116;
constexpr double kPartOfPeak = 0.7;

class ReadRun {
 public:
  ReadRun(Bench& bench, Voice& voice, Result& result)
      : bench_(bench), plan_(bench.plan()), voice_(voice), result_(result) {}

  absl::Status Go() {
    absl::Status status = AllOf();
    for (std::unique_ptr<Child>& child : children_) {
      const std::string name = NameOf(child->engine());
      bench_.End(std::move(child), name);
    }
    return status;
  }

 private:
  absl::Status AllOf() {
    voice_.Part("Loading", plan_.engines.size());
    for (const std::string& engine : plan_.engines) {
      voice_.Step(engine);
      LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<Child> child,
                              bench_.Start(engine, NameOf(engine)));
      children_.push_back(std::move(child));
      LISSOM_RETURN_IF_ERROR(Load(*children_.back()));
    }
    voice_.Part("Reading", ReadCells().size() * plan_.rounds);
    for (const ReadCell& cell : ReadCells()) {
      for (uint64_t round = 0; round < plan_.rounds; ++round) {
        voice_.Step(absl::StrCat(ToAbsl(cell.title), ", round ", round + 1,
                                 " of ", plan_.rounds));
        LISSOM_RETURN_IF_ERROR(Round(cell, round));
      }
    }
    if (plan_.latency) {
      LISSOM_RETURN_IF_ERROR(Latencies("get", "readrandom"));
      LISSOM_RETURN_IF_ERROR(Latencies("put", "overwrite"));
    }
    if (plan_.sustained_seconds > 0) return Sustained();
    return absl::OkStatus();
  }

  static std::string NameOf(const std::string& engine) {
    return "read-" + engine;
  }

  Child& ChildOf(const std::string& engine) {
    return **std::find_if(children_.begin(), children_.end(),
                          [&engine](const std::unique_ptr<Child>& child) {
                            return child->engine() == engine;
                          });
  }

  absl::Status Load(Child& child) {
    Request load;
    load.what = "load";
    load.keys = plan_.read_keys;
    load.seed = 42;
    LISSOM_ASSIGN_OR_RETURN(const Measured loaded, bench_.Measure(child, load));
    LISSOM_ASSIGN_OR_RETURN(const Measured drain, bench_.Settle(child));
    CellNamed(result_, "load", "Loading each key once until settled", "write")
        .samples.push_back(
            SampleOf(child.engine(), 0, bench_.Together(loaded, drain)));
    if (child.engine() != "null") {
      const double live = static_cast<double>(plan_.read_keys) * kEntryBytes;
      result_.amplifications.push_back(
          {.engine = child.engine(),
           .cell = "load",
           .round = 0,
           .put_bytes = live,
           .written_bytes = static_cast<double>(loaded.reply.written_bytes +
                                                drain.reply.written_bytes),
           .live_bytes = live,
           .disk_bytes = static_cast<double>(drain.reply.disk_bytes)});
    }
    return Reopen(child);
  }

  // With empty memtables, and then with a warm cache.
  absl::Status Reopen(Child& child) {
    Request close;
    close.what = "close";
    LISSOM_RETURN_IF_ERROR(child.Call(close).status());
    LISSOM_RETURN_IF_ERROR(
        bench_.Open(child, NameOf(child.engine()), /*fresh=*/false));
    Request scan;
    scan.what = "run";
    scan.workload = "readseq";
    scan.keys = plan_.read_keys;
    LISSOM_ASSIGN_OR_RETURN(const Reply scanned, child.Call(scan));
    if (scanned.operations != plan_.read_keys) {
      return absl::InternalError(
          absl::StrCat(child.engine(), " has ", scanned.operations,
                       " keys after ", plan_.read_keys, " were loaded"));
    }
    scan.workload = "readrandom";
    scan.seconds = plan_.slice_seconds;
    scan.operations = plan_.slice_operations;
    return child.Call(scan).status();
  }

  absl::Status Round(const ReadCell& cell, uint64_t round) {
    for (const std::string& engine : RoundOrder(plan_.engines, round)) {
      LISSOM_ASSIGN_OR_RETURN(const bool busy, Slice(cell, engine, round));
      // Once more: slices are short, and most disturbances too.
      if (busy) {
        LISSOM_RETURN_IF_ERROR(Slice(cell, engine, round).status());
      }
    }
    return absl::OkStatus();
  }

  // True if the machine was busy meanwhile.
  absl::StatusOr<bool> Slice(const ReadCell& cell, const std::string& engine,
                             uint64_t round) {
    Request request;
    request.what = "run";
    request.workload = cell.workload;
    request.keys = plan_.read_keys;
    request.seconds = plan_.slice_seconds;
    request.operations = plan_.slice_operations;
    request.threads = cell.threads;
    request.batch_size = cell.batch_size;
    request.seek_nexts = cell.seek_nexts;
    request.write_rate_limit = cell.write_rate_limit;
    request.seed = 7 + 1000 * round;  // The same keys for every engine.
    Child& child = ChildOf(engine);
    LISSOM_ASSIGN_OR_RETURN(const Measured measured,
                            bench_.Measure(child, request));
    LISSOM_RETURN_IF_ERROR(CheckFound(cell, engine, measured.reply));
    CellNamed(result_, std::string(cell.id), std::string(cell.title), "read",
              cell.threads)
        .samples.push_back(SampleOf(engine, round, measured));
    if (cell.write_rate_limit > 0) {
      // What it leaves to be done must not disturb the next engine.
      LISSOM_RETURN_IF_ERROR(bench_.Settle(child).status());
    }
    RememberMemory(engine, measured.reply);
    return measured.busy;
  }

  static absl::Status CheckFound(const ReadCell& cell,
                                 const std::string& engine,
                                 const Reply& reply) {
    if (cell.found_percent < 0 || engine == "null") return absl::OkStatus();
    const uint64_t wanted =
        reply.operations * static_cast<uint64_t>(cell.found_percent) / 100;
    if (reply.found == wanted) return absl::OkStatus();
    return absl::InternalError(absl::StrCat(
        engine, ", ", ToAbsl(cell.id), ": found ", reply.found, " of ",
        reply.operations, " keys, and should have found ", wanted));
  }

  void RememberMemory(const std::string& engine, const Reply& reply) {
    const auto peak = static_cast<double>(reply.peak_memory);
    for (Memory& one : result_.memory) {
      if (one.engine == engine && one.phase == "read") {
        one.peak_bytes = std::max(one.peak_bytes, peak);
        return;
      }
    }
    result_.memory.push_back(
        {.engine = engine, .phase = "read", .peak_bytes = peak});
  }

  // 70 % of what the anchor can do; without it, of what we can.
  double LoadToOffer(const char* cell_id) const {
    const Cell* cell = FindCell(result_, cell_id);
    if (cell == nullptr) return 0;
    const Spread anchor = ValuesOf(*cell, kAnchor);
    return kPartOfPeak *
           (anchor.count > 0 ? anchor : ValuesOf(*cell, kOurs)).median;
  }

  absl::Status Latencies(const std::string& operation, const char* peak_of) {
    const double rate = LoadToOffer(peak_of);
    if (rate <= 0) {
      result_.notes.push_back(
          absl::StrCat("No latency of a ", operation, ": ", peak_of,
                       " was not measured, so its peak is not known."));
      return absl::OkStatus();
    }
    const uint64_t rounds =
        operation == "put" ? plan_.put_latency_rounds : plan_.latency_rounds;
    voice_.Part("Latency", rounds);
    for (uint64_t round = 0; round < rounds; ++round) {
      voice_.Step(absl::StrCat(operation, ", round ", round + 1));
      for (const std::string& engine : RoundOrder(plan_.engines, round)) {
        if (engine == "null" || engine.find('-') != std::string::npos) continue;
        LISSOM_RETURN_IF_ERROR(Offer(operation, engine, rate, round));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Offer(const std::string& operation, const std::string& engine,
                     double rate, uint64_t round) {
    Request request;
    request.what = "offer";
    request.workload = operation;
    request.keys = plan_.read_keys;
    request.rate = rate;
    request.seconds =
        operation == "put" ? plan_.put_latency_seconds : plan_.latency_seconds;
    request.seed = 99 + round;
    Child& child = ChildOf(engine);
    LISSOM_ASSIGN_OR_RETURN(const Measured measured,
                            bench_.Measure(child, request));
    result_.latencies.push_back(
        {.engine = engine,
         .operation = operation,
         .offered = rate,
         .done = static_cast<double>(measured.reply.operations) /
                 std::max(measured.reply.seconds, 1e-9),
         .round = round,
         .percentiles = measured.reply.percentiles,
         .busy = measured.busy});
    return operation == "put" ? bench_.Settle(child).status()
                              : absl::OkStatus();
  }

  // Long enough for every level to have been rewritten; what counts is how it
  // ends, not how the memory took it up in the beginning.
  absl::Status Sustained() {
    voice_.Part("Sustained", 2);
    for (size_t i = 0; i < std::min<size_t>(plan_.engines.size(), 2); ++i) {
      const std::string& engine = plan_.engines[i];
      voice_.Step(engine);
      Request request;
      request.what = "run";
      request.workload = "overwrite";
      request.keys = plan_.read_keys;
      request.seconds = plan_.sustained_seconds;
      request.seed = 5;
      request.interval_seconds = 1;
      Child& child = ChildOf(engine);
      LISSOM_ASSIGN_OR_RETURN(const Measured measured,
                              bench_.Measure(child, request));
      const Reply& reply = measured.reply;
      const std::vector<double> last(
          reply.series.begin() +
              static_cast<std::ptrdiff_t>(reply.series.size() * 2 / 3),
          reply.series.end());
      Sample sample = SampleOf(engine, 0, measured);
      double sum = 0;
      for (const double value : last) sum += value;
      sample.value =
          sum / std::max<double>(static_cast<double>(last.size()), 1);
      CellNamed(result_, "sustained", "Overwriting for long, its last third",
                "write")
          .samples.push_back(sample);
      result_.series.push_back({.engine = engine,
                                .cell = "sustained",
                                .interval_seconds = 1,
                                .values = reply.series});
      result_.amplifications.push_back(
          {.engine = engine,
           .cell = "sustained",
           .round = 0,
           .put_bytes = static_cast<double>(reply.operations) * kEntryBytes,
           .written_bytes = static_cast<double>(reply.written_bytes),
           .live_bytes = static_cast<double>(plan_.read_keys) * kEntryBytes,
           .disk_bytes = static_cast<double>(reply.disk_bytes)});
      LISSOM_RETURN_IF_ERROR(bench_.Settle(child).status());
    }
    return absl::OkStatus();
  }

  Bench& bench_;
  const Plan& plan_;
  Voice& voice_;
  Result& result_;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace

absl::Status CompareReads(Bench& bench, Voice& voice, Result* result) {
  return ReadRun(bench, voice, *result).Go();
}

}  // namespace lissom::bench
