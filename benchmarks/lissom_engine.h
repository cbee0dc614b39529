// lissom behind the interface that the workloads run on.
#ifndef LISSOM_BENCHMARKS_LISSOM_ENGINE_H_
#define LISSOM_BENCHMARKS_LISSOM_ENGINE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "benchmarks/engine.h"
#include "lissom/db.h"

namespace lissom::bench {

struct LissomSettings {
  Options options;
  bool disable_wal = false;      // Of every write.
  bool verify_checksums = true;  // Of every read.
};

// Errors are those of DB::Open.
absl::StatusOr<std::unique_ptr<Engine>> OpenLissom(
    const LissomSettings& settings, const std::string& path);

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_LISSOM_ENGINE_H_
