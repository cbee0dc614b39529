// What a user's first program does, linked in each way that lissom is offered.
// Touches every header, and what only an exported symbol can give.
#include <cstdio>
#include <string>

#include "lissom/clock.h"
#include "lissom/comparator.h"
#include "lissom/compression.h"
#include "lissom/db.h"
#include "lissom/event_listener.h"
#include "lissom/executor.h"
#include "lissom/export.h"
#include "lissom/file_system.h"
#include "lissom/filter_policy.h"
#include "lissom/iterator.h"
#include "lissom/logger.h"
#include "lissom/metrics.h"
#include "lissom/options.h"
#include "lissom/pinned_value.h"
#include "lissom/rate_limiter.h"
#include "lissom/snapshot.h"
#include "lissom/status.h"
#include "lissom/write_batch.h"

namespace {

// Derived here, called there: needs the base's symbols.
class Backwards : public lissom::Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    return b.compare(a);
  }
  std::string_view Name() const override { return "packaging.Backwards"; }
};

absl::Status Run(const std::string& path) {
  lissom::Options options;
  options.create_if_missing = true;
  options.comparator = std::make_shared<Backwards>();
  options.compression = {lissom::Compression::Zstd(1)};
  options.clock = lissom::Clock::System();
  options.file_system = lissom::FileSystem::Posix();
  options.executor = lissom::Executor::NewThreadPool(2);
  auto limiter = lissom::RateLimiter::NewTokenBucket({});
  if (!lissom::BytewiseComparator() || !lissom::ReverseBytewiseComparator()) {
    return absl::InternalError("no comparator");
  }
  absl::Status status = lissom::DB::Destroy(options, path);
  if (!status.ok()) return status;
  auto db = lissom::DB::Open(options, path);
  if (!db.ok()) return db.status();
  lissom::WriteBatch batch;
  batch.Put("otter", "eats urchins");
  batch.Put("stoat", "eats voles");
  status = (*db)->Write({.sync = true}, batch);
  if (!status.ok()) return status;
  status = (*db)->Flush();
  if (!status.ok()) return status;
  lissom::PinnedValue value;
  status = (*db)->Get({}, "otter", &value);
  if (!status.ok()) return status;
  const absl::Status missing = (*db)->Get({}, "newt", &value);
  if (!lissom::IsNotFound(missing) || lissom::IsTransient(missing) ||
      lissom::DetailOf(missing).has_value()) {
    return absl::InternalError("a missing key was not 'not found'");
  }
  std::string keys;
  status = lissom::ForEach(**db, {}, [&](auto key, auto) {
    keys += std::string(key) + " ";
    return true;
  });
  if (!status.ok()) return status;
  std::printf("%ssequence %llu, %llu table\n", keys.c_str(),
              static_cast<unsigned long long>((*db)->LatestSequence()),
              static_cast<unsigned long long>((*db)->GetMetrics().tables));
  return (*db)->Close();
}

}  // namespace

int main(int argc, char** argv) {
  const absl::Status status =
      argc == 2 ? Run(argv[1]) : absl::InternalError("");
  if (status.ok()) return 0;
  std::fprintf(stderr, "consumer: %s\n", status.ToString().c_str());
  return 1;
}
