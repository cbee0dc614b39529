// What a result must say about where it was measured.
#ifndef LISSOM_BENCHMARKS_COMPARE_MACHINE_H_
#define LISSOM_BENCHMARKS_COMPARE_MACHINE_H_

#include <cstdint>
#include <string>

namespace lissom::bench {

struct MachineFacts {
  std::string cpu;  // "Intel(R) Xeon(R) ...".
  uint64_t cores = 0;
  uint64_t memory_bytes = 0;
  std::string kernel;    // "Linux 6.1.0-9-amd64".
  std::string system;    // "Debian GNU/Linux 12 (bookworm)".
  std::string compiler;  // Of this program, lissom in it.
};

// Empty or 0 where the system does not say.
MachineFacts DescribeMachine();

// "2026-11-21T20:43:39Z".
std::string NowAsText();

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_MACHINE_H_
