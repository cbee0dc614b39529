// Child is a process of this program that runs one engine: what it measures of
// itself, memory and processor time, is that engine's and nobody else's.
// Thread-compatible.
#ifndef LISSOM_BENCHMARKS_COMPARE_CHILD_H_
#define LISSOM_BENCHMARKS_COMPARE_CHILD_H_

#include <sys/resource.h>
#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/compare/protocol.h"

namespace lissom::bench {

// User and system.
double CpuSecondsOf(const rusage& usage);

class Child {
 public:
  // The file descriptor that a child finds its socket at.
  static constexpr int kSocket = 3;

  // Starts `program --serve`. `engine` is for messages.
  static absl::StatusOr<std::unique_ptr<Child>> Start(
      const std::string& program, const std::string& engine);

  // Has it end by itself; kills it if it does not within some seconds.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Returns when it is done. An error names the engine and the request:
  // kInternal, what the engine said; kUnavailable, the process has died.
  absl::StatusOr<Reply> Call(const Request& request);

  // Has it end by itself, and returns the processor seconds of its whole life.
  absl::StatusOr<double> Finish();

  pid_t pid() const { return pid_; }
  const std::string& engine() const { return engine_; }

 private:
  Child(pid_t pid, int socket, std::string engine);
  absl::StatusOr<std::string> ReadLine();

  pid_t pid_;  // 0: it has ended.
  int socket_;
  const std::string engine_;
  std::string input_;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_CHILD_H_
