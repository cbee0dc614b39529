// What the program that compares says to the processes that run the engines,
// and what they answer: one line of JSON each way. A process does one request
// after the other and measures itself.
#ifndef LISSOM_BENCHMARKS_COMPARE_PROTOCOL_H_
#define LISSOM_BENCHMARKS_COMPARE_PROTOCOL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/compare/result.h"

namespace lissom::bench {

struct Request {
  // "open": the engine, with the settings below.
  // "load": puts all keys, each once, in a random order.
  // "run": the workload below, once, or again and again for some seconds.
  // "offer": gets or puts at a fixed load.
  // "settle": until flushes and compactions are done.
  // "close": the database; a process may then open another.
  std::string what;

  // --- open
  std::string engine;
  std::string path;
  bool fresh = true;
  uint64_t cache_size = 0;
  uint64_t write_buffer_size = 0;

  // --- load, run, offer
  std::string workload;  // Of offer: "get" or "put".
  uint64_t keys = 0;
  uint64_t operations = 0;  // Of each thread; 0: as many as keys.
  double seconds = 0;       // 0: the operations say when it ends.
  uint64_t threads = 1;
  uint64_t batch_size = 1;
  uint64_t seek_nexts = 0;
  uint64_t value_size = 100;
  uint64_t write_rate_limit = 0;  // Bytes a second of a writer beside.
  uint64_t seed = 0;
  double rate = 0;              // Operations a second, of offer.
  double interval_seconds = 0;  // Of the series; 0: none is wanted.
};

struct Reply {
  std::string error;  // Empty: it was done.
  uint64_t operations = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // Of the process, during the request.
  uint64_t found = 0;
  uint64_t written_bytes = 0;  // By write calls, during the request.
  uint64_t disk_bytes = 0;     // That the database takes at the end.
  uint64_t peak_memory = 0;    // Of the process, since the last open.
  std::vector<double> series;  // Operations a second.
  std::vector<Percentile> percentiles;
};

std::string Encode(const Request& request);
std::string Encode(const Reply& reply);
absl::StatusOr<Request> DecodeRequest(std::string_view line);
absl::StatusOr<Reply> DecodeReply(std::string_view line);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_PROTOCOL_H_
