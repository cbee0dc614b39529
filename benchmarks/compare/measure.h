// Bench is where a comparison takes its measurements: it starts the processes
// of the engines, has them work one at a time, watches whether the machine was
// busy with something else meanwhile, and shows how far it is.
// Thread-compatible.
#ifndef LISSOM_BENCHMARKS_COMPARE_MEASURE_H_
#define LISSOM_BENCHMARKS_COMPARE_MEASURE_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmarks/compare/child.h"
#include "benchmarks/compare/plan.h"
#include "benchmarks/compare/protocol.h"
#include "benchmarks/compare/result.h"

namespace lissom::bench {

struct Measured {
  Reply reply;
  double others_cpus = 0;
  bool busy = false;
};

class Bench {
 public:
  // `program` is this program; `directory` is there, and this comparison's own.
  Bench(const Plan& plan, std::string program, std::string directory)
      : plan_(plan),
        program_(std::move(program)),
        directory_(std::move(directory)) {}

  // A process with a fresh database of that engine, in a subdirectory `name`.
  absl::StatusOr<std::unique_ptr<Child>> Start(const std::string& engine,
                                               const std::string& name);
  // Ends the process and removes what is in its directory.
  void End(std::unique_ptr<Child> child, const std::string& name);

  // Opens a database in subdirectory `name`; `from` has the sizes, if others
  // than the plan's.
  absl::Status Open(Child& child, const std::string& name, bool fresh,
                    const Request& from = {});
  // Until all is flushed and compacted, measured.
  absl::StatusOr<Measured> Settle(Child& child);
  absl::StatusOr<Measured> Measure(Child& child, const Request& request);
  // A run and the drain behind it, judged as one.
  Measured Together(const Measured& run, const Measured& drain) const;

  // Files of a closed database.
  void Remove(const std::string& name);
  std::string PathOf(const std::string& name) const;

  const Plan& plan() const { return plan_; }

 private:
  bool IsBusy(const Measured& measured) const;

  const Plan& plan_;
  const std::string program_;
  const std::string directory_;
  std::vector<pid_t> own_;  // All processes of this comparison.
};

// A sample of what a reply says; `value` is its operations a second.
Sample SampleOf(const std::string& engine, uint64_t round,
                const Measured& measured);

// Says on standard error what is going on: a line that is written over on a
// terminal, one line a part elsewhere.
class Voice {
 public:
  explicit Voice(bool quiet);
  ~Voice();
  Voice(const Voice&) = delete;
  Voice& operator=(const Voice&) = delete;

  void Part(const std::string& name, uint64_t steps);
  void Step(const std::string& what);
  void Note(const std::string& text);

 private:
  void Clear();

  const bool quiet_;
  const bool terminal_;
  std::string part_;
  uint64_t steps_ = 0;
  uint64_t step_ = 0;
  bool shown_ = false;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_MEASURE_H_
