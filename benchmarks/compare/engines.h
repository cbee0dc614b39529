// The engines that can be compared, by name.
#ifndef LISSOM_BENCHMARKS_COMPARE_ENGINES_H_
#define LISSOM_BENCHMARKS_COMPARE_ENGINES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/compare/engine_settings.h"
#include "benchmarks/compare/result.h"
#include "benchmarks/engine.h"

namespace lissom::bench {

// "lissom", "rocksdb", "leveldb", "lmdb" and "null"; "-defaults" behind one of
// the first three: with the settings that it has by itself; "rocksdb-blobs":
// with values in files of their own.
const std::vector<std::string>& EngineNames();

// kInvalidArgument: there is no such engine.
absl::StatusOr<std::unique_ptr<Engine>> OpenEngine(std::string_view name,
                                                   EngineSettings settings);

// Its version, and what the settings come to in its own words.
EngineFacts FactsOf(std::string_view name, const EngineSettings& settings);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_ENGINES_H_
