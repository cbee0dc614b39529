// EngineSettings are what every engine is told alike, so that stores are
// compared and not their defaults: the reference workload, in one place. An
// adapter says in its own words what it makes of them.
#ifndef LISSOM_BENCHMARKS_COMPARE_ENGINE_SETTINGS_H_
#define LISSOM_BENCHMARKS_COMPARE_ENGINE_SETTINGS_H_

#include <cstdint>
#include <string>

namespace lissom::bench {

struct EngineSettings {
  std::string path;   // A directory of the engine's own; its parent is there.
  bool fresh = true;  // What is there is destroyed first.
  uint64_t write_buffer_size = uint64_t{64} << 20;
  uint64_t write_buffers = 4;
  uint64_t cache_size = uint64_t{4} << 30;  // Index and filters included.
  uint64_t block_size = 4096;
  uint64_t bloom_bits = 10;
  uint64_t background_jobs = 2;
  uint64_t writers = 1;     // Threads that will write at once.
  bool defaults = false;    // Only path, fresh and cache_size count.
  bool blob_files = false;  // Values apart from keys, where there is such.
  bool tuned = false;       // What its experts would set besides.
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_ENGINE_SETTINGS_H_
