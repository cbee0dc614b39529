#include "benchmarks/compare/engines.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "benchmarks/compare/leveldb_engine.h"
#include "benchmarks/compare/lmdb_engine.h"
#include "benchmarks/compare/null_engine.h"
#include "benchmarks/compare/rocksdb_engine.h"
#include "benchmarks/lissom_engine.h"
#include "lissom/db.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

constexpr std::string_view kDefaults = "-defaults";
constexpr std::string_view kBlobs = "-blobs";
constexpr std::string_view kTuned = "-tuned";

absl::StatusOr<std::unique_ptr<Engine>> OpenLissomAlike(
    const EngineSettings& settings) {
  LissomSettings lissom;
  Options& options = lissom.options;
  options.create_if_missing = true;
  options.block_cache_size = settings.cache_size;
  if (!settings.defaults) {
    options.write_buffer_size = settings.write_buffer_size;
    options.max_write_buffer_number = static_cast<int>(settings.write_buffers);
    options.block_size = settings.block_size;
    options.max_background_jobs = static_cast<int>(settings.background_jobs);
    options.compression = {Compression::None()};
    options.filter_policy =
        settings.bloom_bits == 0
            ? FilterPolicy::None()
            : FilterPolicy::Bloom(static_cast<double>(settings.bloom_bits));
  }
  if (settings.fresh) {
    LISSOM_RETURN_IF_ERROR(DB::Destroy(options, settings.path));
  }
  return OpenLissom(lissom, settings.path);
}

std::vector<Fact> ParityFacts(std::string_view base,
                              const EngineSettings& settings) {
  const auto number = [](uint64_t value) { return absl::StrCat(value); };
  std::vector<Fact> facts = {{"cache", BytesText(settings.cache_size)}};
  if (base == "lmdb") {
    return {{"flags", "MDB_NOSYNC, MDB_NOTLS, MDB_NORDAHEAD, MDB_NOMEMINIT"}};
  }
  if (settings.defaults) {
    facts.push_back({"all else", "its own defaults"});
    return facts;
  }
  facts.push_back({"memtable", BytesText(settings.write_buffer_size)});
  facts.push_back({"block", BytesText(settings.block_size)});
  facts.push_back({"filter bits a key", number(settings.bloom_bits)});
  facts.push_back({"compression", "none"});
  facts.push_back({"checksums", "verified"});
  if (base == "leveldb") {
    facts.push_back({"max_file_size", "64.0 MiB"});
    facts.push_back({"background threads", "1, fixed"});
    return facts;
  }
  facts.push_back({"memtables", number(settings.write_buffers)});
  facts.push_back({"background jobs", number(settings.background_jobs)});
  if (base == "rocksdb") {
    facts.push_back({"index and filters", "held by readers, charged to cache"});
    facts.push_back({"level_compaction_dynamic_level_bytes", "true"});
    facts.push_back({"enable_pipelined_write", "false"});
    facts.push_back({"allow_concurrent_memtable_write",
                     settings.writers > 1 ? "true" : "false"});
    if (settings.blob_files) facts.push_back({"enable_blob_files", "true"});
    if (settings.tuned) {
      facts.push_back({"cache's kind", "HyperClockCache"});
      facts.push_back({"data_block_index_type", "binary and hash"});
      facts.push_back({"memtable_whole_key_filtering", "5 % of the memtable"});
    }
  }
  return facts;
}

std::string VersionOf(std::string_view base) {
  if (base == "lissom") return LISSOM_VERSION_TEXT;
  if (base == "rocksdb") return RocksDbVersion();
  if (base == "leveldb") return LevelDbVersion();
  if (base == "lmdb") return LmdbVersion();
  return "";
}

// The name without what stands behind it, which goes to the settings.
std::string_view BaseOf(std::string_view name, EngineSettings& settings) {
  settings.defaults = name.ends_with(kDefaults);
  settings.blob_files = name.ends_with(kBlobs);
  settings.tuned = name.ends_with(kTuned);
  return name.substr(0, name.find('-'));
}

}  // namespace

const std::vector<std::string>& EngineNames() {
  static const std::vector<std::string>& names =
      *new std::vector<std::string>{"lissom",
                                    "rocksdb",
                                    "leveldb",
                                    "lmdb",
                                    "null",
                                    "lissom-defaults",
                                    "rocksdb-defaults",
                                    "leveldb-defaults",
                                    "rocksdb-blobs",
                                    "rocksdb-tuned"};
  return names;
}

absl::StatusOr<std::unique_ptr<Engine>> OpenEngine(std::string_view name,
                                                   EngineSettings settings) {
  const std::vector<std::string>& names = EngineNames();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no engine '", ToAbsl(name),
                     "'; there are: ", absl::StrJoin(names, ", ")));
  }
  const std::string_view base = BaseOf(name, settings);
  if (base == "lissom") return OpenLissomAlike(settings);
  if (base == "rocksdb") return OpenRocksDb(settings);
  if (base == "leveldb") return OpenLevelDb(settings);
  if (base == "lmdb") return OpenLmdb(settings);
  return NewNullEngine(100);
}

EngineFacts FactsOf(std::string_view name, const EngineSettings& settings) {
  EngineSettings own = settings;
  const std::string_view base = BaseOf(name, own);
  EngineFacts facts{
      .engine = std::string(name), .version = VersionOf(base), .settings = {}};
  if (base != "null") facts.settings = ParityFacts(base, own);
  return facts;
}

}  // namespace lissom::bench
