// LevelDB as an Engine: Debian's libleveldb. It has one background thread,
// whatever the settings say, and no call that reads several keys at once.
#ifndef LISSOM_BENCHMARKS_COMPARE_LEVELDB_ENGINE_H_
#define LISSOM_BENCHMARKS_COMPARE_LEVELDB_ENGINE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/compare/engine_settings.h"
#include "benchmarks/engine.h"

namespace lissom::bench {

absl::StatusOr<std::unique_ptr<Engine>> OpenLevelDb(
    const EngineSettings& settings);

std::string LevelDbVersion();

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_LEVELDB_ENGINE_H_
