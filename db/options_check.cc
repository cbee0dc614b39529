// Options::Validate: every field in one list, every fault in one message.
#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "lissom/options.h"
#include "util/file_limit.h"
#include "util/memory_limit.h"

namespace lissom {
namespace {

class Faults {
 public:
  void Add(bool fine, const char* field, const char* rule) {
    if (fine) return;
    absl::StrAppend(&text_, text_.empty() ? "" : "; ", field, " ", rule);
  }
  absl::Status Result() const {
    if (text_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("options: ", text_));
  }

 private:
  std::string text_;
};

template <typename T>
bool Within(T value, T low, T high) {
  return value >= low && value <= high;
}

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr size_t kGiB = 1024 * kMiB;

constexpr int kDefaultWriteBuffers = 4;
constexpr size_t kMostDerivedBuffer = 64 * kMiB;
constexpr size_t kLeastBuffer = 64 * kKiB;
constexpr size_t kMostDerivedBudget = 8 * kGiB;
constexpr size_t kLeastBudget = 4 * kMiB;
// Left for the cache, however much the memtables take.
constexpr size_t kLeastCache = kMiB;

// For what nobody counts: what the allocator keeps of what it was given back,
// buffers, stacks, code, memtables that an iterator still holds. With a budget
// of 256 MiB, everything at once (./dev stress) peaked at 1.19 of it in 21
// minutes with this much, at 1.23 in 22 minutes with an eighth.
size_t UncountedBytes(size_t budget) { return budget / 16 * 3; }

constexpr int kLeastFiles = 64;
constexpr int kMostDerivedFiles = 1 << 20;

int DerivedFiles() {
  return static_cast<int>(std::clamp<uint64_t>(ProcessFileLimit() / 2,
                                               kLeastFiles, kMostDerivedFiles));
}

// Of the sizes that are set, within a given budget.
size_t MemtableBytes(const Options& options, size_t budget) {
  const auto buffers = static_cast<size_t>(std::max(
      1, options.max_write_buffer_number.value_or(kDefaultWriteBuffers)));
  return buffers * options.write_buffer_size.value_or(std::clamp(
                       budget / 16, kLeastBuffer, kMostDerivedBuffer));
}

void CheckMemory(const Options& options, Faults& faults) {
  faults.Add(
      Within(options.write_buffer_size.value_or(kMiB), kLeastBuffer, 4 * kGiB),
      "write_buffer_size", "must be 64 KiB to 4 GiB");
  faults.Add(Within(options.max_write_buffer_number.value_or(2), 2, 64),
             "max_write_buffer_number", "must be 2 to 64");
  faults.Add(options.block_cache_size.value_or(0) <= size_t{1} << 46,
             "block_cache_size", "must be at most 64 TiB");
  if (!options.memory_budget.has_value()) return;
  const size_t budget = *options.memory_budget;
  faults.Add(Within(budget, kLeastBudget, size_t{1} << 46), "memory_budget",
             "must be 4 MiB to 64 TiB");
  faults.Add(MemtableBytes(options, budget) +
                     options.block_cache_size.value_or(kLeastCache) <=
                 budget,
             "memory_budget",
             "must not be less than write_buffer_size times "
             "max_write_buffer_number, plus block_cache_size");
}

}  // namespace

Options Options::WithSizes() const {
  Options result = *this;
  const size_t budget = memory_budget.value_or(std::clamp(
      static_cast<size_t>(ProcessMemoryLimit(*FileSystem::Posix()) / 4),
      64 * kMiB, kMostDerivedBudget));
  const size_t memtables = MemtableBytes(*this, budget);
  result.max_write_buffer_number =
      max_write_buffer_number.value_or(kDefaultWriteBuffers);
  result.write_buffer_size =
      memtables /
      static_cast<size_t>(std::max(1, *result.max_write_buffer_number));
  const size_t taken = memtables + UncountedBytes(budget);
  result.block_cache_size = block_cache_size.value_or(
      budget > taken + kLeastCache ? budget - taken : kLeastCache);
  result.memory_budget = memory_budget.value_or(
      std::max(budget, memtables + *result.block_cache_size));
  result.max_open_files = max_open_files.value_or(DerivedFiles());
  return result;
}

absl::Status Options::Validate() const {
  Faults faults;
  faults.Add(!(error_if_exists && !create_if_missing), "error_if_exists",
             "needs create_if_missing: without it no open can succeed");
  faults.Add(Within<int>(static_cast<int>(wal_recovery_mode), 0, 2),
             "wal_recovery_mode", "is not a mode");
  faults.Add(
      std::find(listeners.begin(), listeners.end(), nullptr) == listeners.end(),
      "listeners", "must not be null");
  faults.Add(Within<int>(static_cast<int>(statistics_level), 0, 2),
             "statistics_level", "is not a level");
  faults.Add(comparator != nullptr, "comparator", "must not be null");
  faults.Add(comparator == nullptr || !comparator->Name().empty(), "comparator",
             "must have a name");
  CheckMemory(*this, faults);
  faults.Add(Within(block_size, size_t{512}, kMiB), "block_size",
             "must be 512 bytes to 1 MiB");
  faults.Add(!compression.empty(), "compression",
             "must name at least one level");
  faults.Add(std::all_of(compression.begin(), compression.end(),
                         [](const Compression& c) {
                           return !c.enabled() || Within(c.level(), -7, 22);
                         }),
             "compression", "must have zstd levels from -7 to 22");
  faults.Add(std::all_of(compression.begin(), compression.end(),
                         [](const Compression& c) {
                           return c.dictionary_bytes() == 0 ||
                                  Within(c.dictionary_bytes(), kKiB,
                                         256 * kKiB);
                         }),
             "compression", "must have dictionaries of 1 to 256 KiB, or none");
  const double bits = filter_policy.bits_per_key();
  faults.Add(bits == 0 || Within(bits, 1.0, 64.0), "filter_policy",
             "must have 1 to 64 bits a key, or none");
  faults.Add(Within(target_file_size_base, 16 * kKiB, 64 * kGiB),
             "target_file_size_base", "must be 16 KiB to 64 GiB");
  faults.Add(
      Within(max_bytes_for_level_base, uint64_t{16 * kKiB}, uint64_t{1} << 50),
      "max_bytes_for_level_base", "must be 16 KiB to 1 PiB");
  faults.Add(std::isfinite(max_bytes_for_level_multiplier) &&
                 Within(max_bytes_for_level_multiplier, 2.0, 100.0),
             "max_bytes_for_level_multiplier", "must be 2 to 100");
  faults.Add(Within(level0_file_num_compaction_trigger, 1, 1000),
             "level0_file_num_compaction_trigger", "must be 1 to 1000");
  faults.Add(level0_stop_writes_trigger > level0_file_num_compaction_trigger &&
                 level0_stop_writes_trigger <= 10000,
             "level0_stop_writes_trigger",
             "must be above level0_file_num_compaction_trigger, at most 10000");
  faults.Add(Within(level0_slowdown_writes_trigger, 1, 10000),
             "level0_slowdown_writes_trigger", "must be 1 to 10000");
  faults.Add(hard_pending_compaction_bytes_limit >=
                 soft_pending_compaction_bytes_limit,
             "hard_pending_compaction_bytes_limit",
             "must not be below soft_pending_compaction_bytes_limit");
  faults.Add(max_total_wal_size == 0 || max_total_wal_size >= 64 * kKiB,
             "max_total_wal_size", "must be 0 or at least 64 KiB");
  faults.Add(max_space_bytes == 0 || max_space_bytes >= kMiB, "max_space_bytes",
             "must be 0 or at least 1 MiB");
  faults.Add(Within(max_open_files.value_or(kLeastFiles), kLeastFiles, 1 << 30),
             "max_open_files", "must be 64 to 2^30");
  faults.Add(Within(max_background_jobs, 1, 256), "max_background_jobs",
             "must be 1 to 256");
  faults.Add(Within(max_subcompactions, 1, 64), "max_subcompactions",
             "must be 1 to 64");
  faults.Add(ttl >= absl::ZeroDuration() && ttl < absl::InfiniteDuration(),
             "ttl", "must not be negative or infinite");
  return faults.Result();
}

}  // namespace lissom
