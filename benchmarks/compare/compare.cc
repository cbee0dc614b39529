#include "benchmarks/compare/compare.h"

#include <chrono>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "benchmarks/compare/engines.h"
#include "util/status_macros.h"

namespace lissom::bench {

Cell& CellNamed(Result& result, const std::string& id, const std::string& title,
                const std::string& group, uint64_t threads) {
  for (Cell& cell : result.cells) {
    if (cell.id == id) return cell;
  }
  result.cells.push_back({.id = id,
                          .title = title,
                          .group = group,
                          .threads = threads,
                          .samples = {}});
  return result.cells.back();
}

double ExpectedKeys(uint64_t keys, double puts) {
  const auto n = static_cast<double>(keys);
  return n * -std::expm1(puts * std::log1p(-1 / n));
}

namespace {

absl::Status AllParts(const Plan& plan, Bench& bench, Voice& voice,
                      Result* result) {
  if (plan.write) {
    LISSOM_RETURN_IF_ERROR(CompareWrites(bench, voice, result));
  }
  if (plan.read) LISSOM_RETURN_IF_ERROR(CompareReads(bench, voice, result));
  if (plan.ycsb_records > 0) {
    LISSOM_RETURN_IF_ERROR(CompareYcsb(bench, voice, result));
  }
  if (plan.large_bytes > 0) {
    LISSOM_RETURN_IF_ERROR(CompareLargeValues(bench, voice, result));
  }
  if (plan.beyond_left_bytes == 0) return absl::OkStatus();
  return CompareBeyondMemory(bench, voice, result);
}

}  // namespace

absl::Status Compare(const Plan& plan, const std::string& program,
                     const std::string& directory, Voice& voice,
                     Result* result) {
  const auto start = std::chrono::steady_clock::now();
  result->mode = NameOf(plan);
  result->label = LabelOf(plan);
  result->date = NowAsText();
  result->read_keys = plan.read_keys;
  result->write_keys = plan.write_keys;
  result->machine = DescribeMachine();
#ifdef LISSOM_CHECKS
  result->checks_on = true;
#endif
  EngineSettings settings;
  settings.cache_size = plan.cache_size;
  settings.write_buffer_size = plan.write_buffer_size;
  for (const std::string& engine : plan.engines) {
    result->engines.push_back(FactsOf(engine, settings));
  }
  Bench bench(plan, program, directory);
  absl::Status status = AllParts(plan, bench, voice, result);
  if (!status.ok()) {
    result->notes.push_back(absl::StrCat(
        "Not all was measured: ", std::string(status.message()), "."));
  }
  result->seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return status;
}

}  // namespace lissom::bench
