// Tuning by one number: what memory_budget makes of the sizes that are left
// unset, and what the database says of how they do. Run:
// read_your_own_options DIRECTORY [MEGABYTES]
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "lissom/db.h"

namespace {

void Show(const lissom::Options& options) {
  constexpr double kMiB = 1 << 20;
  const auto mib = [](auto bytes) { return static_cast<double>(bytes) / kMiB; };
  std::cout << "memory_budget            " << mib(*options.memory_budget)
            << " MiB, of it\n  write_buffer_size      "
            << mib(*options.write_buffer_size) << " MiB, up to "
            << *options.max_write_buffer_number << " of them\n"
            << "  block_cache_size       " << mib(*options.block_cache_size)
            << " MiB\n";
}

absl::Status Run(const std::string& path, size_t megabytes) {
  lissom::Options options;
  options.create_if_missing = true;
  options.memory_budget = megabytes << 20;

  // Bad or contradictory options are named, all at once, before anything is
  // touched: a memtable alone may not take more than the budget.
  lissom::Options wrong = options;
  wrong.write_buffer_size = *options.memory_budget * 2;
  wrong.max_background_jobs = 0;
  std::cout << "Validate: " << wrong.Validate().message() << "\n\n";
  if (wrong.Validate().ok()) return absl::InternalError("it was accepted");

  // A size that is set counts inside the budget; the others share the rest.
  Show(options.WithSizes());
  lissom::Options for_writes = options;
  for_writes.write_buffer_size = *options.memory_budget / 8;
  std::cout << "\nwith larger memtables, for bursts of writes:\n";
  Show(for_writes.WithSizes());

  auto db = lissom::DB::Open(for_writes, path);
  if (!db.ok()) return db.status();
  for (int i = 0; i < 100'000; ++i) {
    absl::Status s = (*db)->Put({}, "key" + std::to_string(i), "value");
    if (!s.ok()) return s;
  }
  absl::Status s = (*db)->Flush();
  if (!s.ok()) return s;
  for (int i = 0; i < 100'000; i += 7) {
    auto value = (*db)->Get("key" + std::to_string(i));
    if (!value.ok()) return value.status();
  }
  // Three numbers say whether the sizes suit the load.
  const lissom::Metrics metrics = (*db)->GetMetrics();
  std::cout << "\ncache hit rate           " << metrics.CacheHitRate()
            << "  (low: a larger budget)\n"
            << "write amplification      " << metrics.WriteAmplification()
            << "  (high: larger memtables)\n"
            << "waits for memtables      "
            << metrics.stall(lissom::StallCause::kMemtables).count
            << "  (many: more memtables, or slower writers)\n";
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  const int megabytes = argc > 2 ? std::atoi(argv[2]) : 64;
  const absl::Status status =
      Run(argc > 1 ? argv[1] : "options.db", static_cast<size_t>(megabytes));
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
