// Report shows a run of lissom_bench: as text, line by line in db_bench's
// forms, or as one JSON document at the end (lissom_bench.schema.json). Either
// goes to stdout; what is about the run and no result goes to stderr.
#ifndef LISSOM_BENCHMARKS_REPORT_H_
#define LISSOM_BENCHMARKS_REPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "benchmarks/bench_flags.h"
#include "benchmarks/engine.h"
#include "benchmarks/machine.h"
#include "benchmarks/repeat.h"
#include "benchmarks/runner.h"

namespace lissom::bench {

class Report {
 public:
  // One run among those of its step, from 1.
  struct Turn {
    uint64_t number = 1;
    bool warmup = false;
    uint64_t threads = 1;
  };

  virtual ~Report() = default;
  virtual void Begin(const Flags& flags, const Machine& machine) = 0;
  virtual void BeginStep(const Step& step) = 0;
  virtual void Skip(const Step& step) = 0;  // --use_existing_db.
  virtual void Ran(const Turn& turn, const RunResult& result) = 0;
  virtual void EndStep(const Step& step, const Repeats& repeats) = 0;
  virtual void Statistics(const Counters& counters) = 0;
  // `status`: how it ended.
  virtual void End(const absl::Status& status) = 0;
};

std::unique_ptr<Report> NewTextReport();
std::unique_ptr<Report> NewJsonReport();

// The forms of text.

// "fillseq      :       1.214 micros/op 1201434 ops/sec 0.003 seconds ..."
std::string ResultLine(const RunResult& result);
// "Microseconds per read:" and its three lines, of each kind of operation.
std::string HistogramText(const RunResult& result);
// "readrandom [AVG 2 runs] : 2316057 (+- 297042) ops/sec; ..."
std::string AverageLine(std::string_view name, const Repeats& repeats,
                        bool interval_only);
// The two lines that close a step.
std::string FinalLines(std::string_view name, const Repeats& repeats);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_REPORT_H_
