// LMDB as an Engine: a B+ tree in a mapped file, the ceiling for reads. It has
// no log, no cache and nothing to settle; a commit without `sync` survives the
// process, as with the others, but a power cut may cost the whole database.
#ifndef LISSOM_BENCHMARKS_COMPARE_LMDB_ENGINE_H_
#define LISSOM_BENCHMARKS_COMPARE_LMDB_ENGINE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/compare/engine_settings.h"
#include "benchmarks/engine.h"

namespace lissom::bench {

absl::StatusOr<std::unique_ptr<Engine>> OpenLmdb(
    const EngineSettings& settings);

std::string LmdbVersion();

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_COMPARE_LMDB_ENGINE_H_
