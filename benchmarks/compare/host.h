// Host does the requests of protocol.h: it opens an engine, has it work, and
// measures the process that it is in. Thread-compatible; one a process.
#ifndef LISSOM_BENCHMARKS_COMPARE_HOST_H_
#define LISSOM_BENCHMARKS_COMPARE_HOST_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "benchmarks/compare/protocol.h"
#include "benchmarks/engine.h"

namespace lissom::bench {

class Host {
 public:
  Host() = default;
  ~Host();

  // Never fails: what went wrong is in Reply::error.
  Reply Handle(const Request& request);

 private:
  absl::Status Do(const Request& request, Reply* reply);
  absl::Status Open(const Request& request);
  absl::Status Load(const Request& request, Reply* reply);
  absl::Status Run(const Request& request, Reply* reply);
  absl::Status Close();

  std::unique_ptr<Engine> engine_;
  Request opened_;  // How the engine was opened last.
};

// Handles what comes over `socket` until the other side has gone.
absl::Status Serve(int socket);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_HOST_H_
