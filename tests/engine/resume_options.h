// A database small enough that a few writes flush and compact.
#ifndef LISSOM_TESTS_ENGINE_RESUME_OPTIONS_H_
#define LISSOM_TESTS_ENGINE_RESUME_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"

namespace lissom {

inline Options SmallOptions(std::shared_ptr<FileSystem> files, uint64_t seed) {
  Options options;
  options.create_if_missing = true;
  options.file_system = std::move(files);
  options.executor = std::make_shared<SimulatedExecutor>(seed);
  options.info_log = std::make_shared<NullLogger>();
  options.random_seed = seed | 1;
  options.write_buffer_size = size_t{64} << 10;
  options.target_file_size_base = size_t{32} << 10;
  options.max_bytes_for_level_base = uint64_t{64} << 10;
  options.level0_file_num_compaction_trigger = 2;
  options.block_cache_size = 0;
  return options;
}

}  // namespace lissom

#endif  // LISSOM_TESTS_ENGINE_RESUME_OPTIONS_H_
