#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/report.h"

namespace lissom::bench {
namespace {

constexpr char kRule[] = "------------------------------------------------\n";

// Flushed: what is in a pipe is seen while the next workload runs.
void Say(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::string Header(const Flags& flags) {
  const Settings& run = flags.run;
  const double num = static_cast<double>(run.num) / 1048576.0;
  const auto key = static_cast<double>(run.key_size);
  const auto value = static_cast<double>(run.value_size);
  std::string text;
  absl::StrAppendFormat(&text, "Keys:       %u bytes each\n", run.key_size);
  absl::StrAppendFormat(
      &text, "Values:     %u bytes each (%d bytes after compression)\n",
      run.value_size, std::llround(value * run.compression_ratio));
  absl::StrAppendFormat(&text, "Entries:    %u\n", run.num);
  absl::StrAppendFormat(&text, "Prefix:    0 bytes\n");
  absl::StrAppendFormat(&text, "Keys per prefix:    0\n");
  absl::StrAppendFormat(&text, "RawSize:    %.1f MB (estimated)\n",
                        (key + value) * num);
  absl::StrAppendFormat(&text, "FileSize:   %.1f MB (estimated)\n",
                        (key + value * run.compression_ratio) * num);
  absl::StrAppendFormat(&text, "Write rate: %u bytes/second\n",
                        run.write_rate_limit);
  absl::StrAppendFormat(&text, "Read rate: %u ops/second\n",
                        run.read_rate_limit);
  absl::StrAppendFormat(&text, "Compression: %s\n", flags.compression_type);
  absl::StrAppendFormat(&text, "Threads:    %u, seed: %u\n", flags.threads,
                        flags.seed);
#ifdef LISSOM_CHECKS
  text += "WARNING: Checks are enabled; benchmarks unnecessarily slow\n";
#endif
  return text + kRule;
}

class TextReport final : public Report {
 public:
  void Begin(const Flags& flags, const Machine& machine) override {
    interval_only_ = flags.confidence_interval_only;
    std::fprintf(stderr, "lissom:     version %s\n", LISSOM_VERSION);
    std::fprintf(stderr, "Date:       %s\n", machine.date.c_str());
    if (!machine.cpu.empty()) {
      std::fprintf(stderr, "CPU:        %d * %s\n", machine.processors,
                   machine.cpu.c_str());
    }
    if (!machine.cpu_cache.empty()) {
      std::fprintf(stderr, "CPUCache:   %s\n", machine.cpu_cache.c_str());
    }
    Say(Header(flags));
  }

  void BeginStep(const Step& step) override {
    if (step.warmups > 0) {
      Say(absl::StrFormat("Warming up benchmark by running %u times\n",
                          step.warmups));
    }
    if (step.runs > 1) {
      Say(absl::StrFormat("Running benchmark for %u times\n", step.runs));
    }
    repeats_ = {};
  }

  void Skip(const Step& step) override {
    Say(absl::StrFormat("%-12s : skipped (--use_existing_db is true)\n",
                        std::string(step.workload->name)));
  }

  void Ran(const Turn& turn, const RunResult& result) override {
    if (FindWorkload(result.name)->prints) {
      Say(result.message + "\n");
      return;
    }
    Say(ResultLine(result));
    Say(HistogramText(result));
    if (turn.warmup) return;
    repeats_.Add(result);
    if (repeats_.runs() > 1) {
      Say(AverageLine(result.name, repeats_, interval_only_));
    }
  }

  void EndStep(const Step& step, const Repeats& repeats) override {
    if (repeats.runs() > 1) Say(FinalLines(step.workload->name, repeats));
  }

  void Statistics(const Counters& counters) override {
    std::string text = "STATISTICS:\n";
    for (const auto& [name, count] : counters) {
      absl::StrAppend(&text, name, " COUNT : ", count, "\n");
    }
    Say(text);
  }

  void End(const absl::Status& /*status*/) override {}  // main says it.

 private:
  bool interval_only_ = false;
  Repeats repeats_;  // Of the step so far.
};

}  // namespace

std::string ResultLine(const RunResult& result) {
  std::string line = absl::StrFormat(
      "%-12s : %11.3f micros/op %d ops/sec %.3f seconds %u operations;",
      std::string(result.name), result.MicrosPerOp(),
      static_cast<int64_t>(result.OpsPerSecond()), result.seconds,
      result.operations);
  if (result.bytes > 0) {
    absl::StrAppendFormat(&line, " %6.1f MB/s", result.MegabytesPerSecond());
  }
  if (!result.message.empty()) absl::StrAppend(&line, " ", result.message);
  return line + "\n";
}

std::string HistogramText(const RunResult& result) {
  std::string text;
  for (size_t op = 0; op < kOps; ++op) {
    const Latency& latency = result.latency[op];
    if (latency.count() == 0) continue;
    absl::StrAppendFormat(&text, "Microseconds per %s:\n",
                          std::string(OpName(static_cast<Op>(op))));
    absl::StrAppendFormat(&text, "Count: %u Average: %.4f  StdDev: %.2f\n",
                          latency.count(), latency.Average(),
                          latency.Deviation());
    absl::StrAppendFormat(&text, "Min: %.0f  Median: %.4f  Max: %.0f\n",
                          latency.Min(), latency.Percentile(50), latency.Max());
    absl::StrAppendFormat(
        &text,
        "Percentiles: P50: %.2f P75: %.2f P99: %.2f P99.9: %.2f P99.99: "
        "%.2f\n",
        latency.Percentile(50), latency.Percentile(75), latency.Percentile(99),
        latency.Percentile(99.9), latency.Percentile(99.99));
    text += "------------------------------------------------------\n";
  }
  return text;
}

std::string AverageLine(std::string_view name, const Repeats& repeats,
                        bool interval_only) {
  const Spread ops = repeats.ops();
  const Spread megabytes = repeats.megabytes();
  const auto whole = [](double x) { return static_cast<int64_t>(x); };
  std::string line;
  if (interval_only) {
    line = absl::StrFormat(
        "%s [CI95 %u runs] : (%d, %d) ops/sec", std::string(name),
        repeats.runs(), whole(ops.mean - ops.half), whole(ops.mean + ops.half));
    if (repeats.has_megabytes()) {
      absl::StrAppendFormat(&line, "; (%.1f, %.1f) MB/sec",
                            megabytes.mean - megabytes.half,
                            megabytes.mean + megabytes.half);
    }
    return line + "\n";
  }
  line = absl::StrFormat("%s [AVG %u runs] : %d (\xC2\xB1 %d) ops/sec",
                         std::string(name), repeats.runs(), whole(ops.mean),
                         whole(ops.half));
  if (repeats.has_megabytes()) {
    absl::StrAppendFormat(&line, "; %6.1f (\xC2\xB1 %.1f) MB/sec",
                          megabytes.mean, megabytes.half);
  }
  return line + "\n";
}

std::string FinalLines(std::string_view name, const Repeats& repeats) {
  const Spread ops = repeats.ops();
  const Spread megabytes = repeats.megabytes();
  const auto whole = [](double x) { return static_cast<int64_t>(x); };
  std::string text = absl::StrFormat(
      "%s [AVG    %u runs] : %d (\xC2\xB1 %d) ops/sec", std::string(name),
      repeats.runs(), whole(ops.mean), whole(ops.half));
  if (repeats.has_megabytes()) {
    absl::StrAppendFormat(&text, "; %6.1f (\xC2\xB1 %.1f) MB/sec",
                          megabytes.mean, megabytes.half);
  }
  absl::StrAppendFormat(&text, "\n%s [MEDIAN %u runs] : %d ops/sec",
                        std::string(name), repeats.runs(), whole(ops.median));
  if (repeats.has_megabytes()) {
    absl::StrAppendFormat(&text, "; %6.1f MB/sec", megabytes.median);
  }
  return text + "\n";
}

std::unique_ptr<Report> NewTextReport() {
  return std::make_unique<TextReport>();
}

}  // namespace lissom::bench
