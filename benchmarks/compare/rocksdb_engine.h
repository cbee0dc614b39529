// RocksDB as an Engine: Debian's librocksdb, driven as its own db_bench drives
// it (batches through DB::Write, one pinned value, the batched MultiGet).
#ifndef LISSOM_BENCHMARKS_COMPARE_ROCKSDB_ENGINE_H_
#define LISSOM_BENCHMARKS_COMPARE_ROCKSDB_ENGINE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/compare/engine_settings.h"
#include "benchmarks/engine.h"

namespace lissom::bench {

absl::StatusOr<std::unique_ptr<Engine>> OpenRocksDb(
    const EngineSettings& settings);

std::string RocksDbVersion();

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_ROCKSDB_ENGINE_H_
