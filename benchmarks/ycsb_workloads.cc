// The six core workloads of YCSB and the load before them (Cooper et al., SoCC
// 2010, table 2). A record is one value of --value_size bytes; the key of
// record i is the scattered i, so that records lie in the database in no order.
#include <algorithm>
#include <memory>
#include <vector>

#include "benchmarks/workload.h"
#include "benchmarks/zipfian.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

enum class Popular { kZipfian, kLatest };

// Parts of a hundred.
struct Mix {
  uint64_t reads = 0;
  uint64_t updates = 0;
  uint64_t inserts = 0;
  uint64_t scans = 0;
  uint64_t read_modify_writes = 0;
  Popular popular = Popular::kZipfian;
};

constexpr uint64_t kLongestScan = 100;

class Ycsb {
 public:
  Ycsb(Worker& worker, const Mix& mix)
      : worker_(worker),
        mix_(mix),
        scattered_(worker.settings.num),
        latest_(worker.settings.num) {}

  absl::Status Run() {
    Budget budget(worker_, worker_.settings.ReadWrites());
    while (budget.Next() > 0) LISSOM_RETURN_IF_ERROR(One());
    SayFound(worker_);
    return absl::OkStatus();
  }

 private:
  absl::Status One() {
    uint64_t draw = worker_.random.Uniform(100);
    const auto is = [&draw](uint64_t part) {
      const bool hit = draw < part;
      draw -= part;  // Wraps only when it is not looked at any more.
      return hit;
    };
    if (is(mix_.reads)) return Read();
    if (is(mix_.updates)) return Write(Choose());
    if (is(mix_.inserts)) return Insert();
    if (is(mix_.scans)) return Scan();
    return ReadModifyWrite();
  }

  uint64_t Choose() {
    if (mix_.popular == Popular::kZipfian) {
      return scattered_.Next(worker_.random);
    }
    const uint64_t records =
        worker_.settings.num +
        worker_.shared.inserted.load(std::memory_order_relaxed);
    latest_.Grow(records);
    return records - 1 - latest_.Next(worker_.random);
  }

  std::string_view KeyOf(uint64_t record) {
    return worker_.KeyOf(Scatter(record));
  }

  absl::Status Read() {
    worker_.PaceReads(1);
    return ReadOne(worker_, KeyOf(Choose()));
  }

  absl::Status Write(uint64_t record) {
    worker_.PaceWrite(worker_.settings.key_size + worker_.settings.value_size);
    return WriteOne(worker_, KeyOf(record));
  }

  absl::Status Insert() {
    // Reserved first and told when it is there: with several threads the latest
    // may for a moment be one that another still writes.
    const uint64_t record =
        worker_.settings.num +
        worker_.shared.reserved.fetch_add(1, std::memory_order_relaxed);
    LISSOM_RETURN_IF_ERROR(Write(record));
    worker_.shared.inserted.fetch_add(1, std::memory_order_relaxed);
    return absl::OkStatus();
  }

  absl::Status Scan() {
    worker_.PaceReads(1);
    const uint64_t length = 1 + worker_.random.Uniform(kLongestScan);
    LISSOM_ASSIGN_OR_RETURN(const std::unique_ptr<Cursor> cursor,
                            worker_.session.NewCursor());
    LISSOM_ASSIGN_OR_RETURN(const bool valid, cursor->Seek(KeyOf(Choose())));
    Found found;
    if (valid) {
      LISSOM_ASSIGN_OR_RETURN(found, cursor->Walk(Direction::kForward, length));
      ++worker_.found;
    }
    worker_.Done(Op::kSeek, 1, found.bytes);
    return absl::OkStatus();
  }

  absl::Status ReadModifyWrite() {
    worker_.PaceReads(1);
    worker_.PaceWrite(worker_.settings.key_size + worker_.settings.value_size);
    const std::string_view key = KeyOf(Choose());
    LISSOM_ASSIGN_OR_RETURN(const Found found, worker_.session.Get(key));
    worker_.found += found.entries;
    const std::string_view value = worker_.values.Next();
    worker_.session.Put(key, value);
    LISSOM_RETURN_IF_ERROR(worker_.session.Commit(worker_.settings.sync));
    worker_.Done(Op::kUpdate, 1, found.bytes + key.size() + value.size());
    return absl::OkStatus();
  }

  Worker& worker_;
  const Mix mix_;
  const ScatteredZipfian scattered_;
  Zipfian latest_;
};

// Each thread puts its part of the records: all of them once.
absl::Status Load(Worker& worker) {
  const Settings& settings = worker.settings;
  const uint64_t threads = worker.shared.threads;
  const uint64_t begin = settings.num * worker.index / threads;
  const uint64_t end = settings.num * (worker.index + 1) / threads;
  const uint64_t entry_bytes = settings.key_size + settings.value_size;
  uint64_t next = begin;
  Budget budget = Budget::Count(worker, end - begin);
  while (const uint64_t count = budget.Next(settings.batch_size)) {
    worker.PaceWrite(count * entry_bytes);
    for (uint64_t i = 0; i < count; ++i) {
      worker.session.Put(worker.KeyOf(Scatter(next++)), worker.values.Next());
    }
    LISSOM_RETURN_IF_ERROR(worker.session.Commit(settings.sync));
    worker.Done(Op::kWrite, count, count * entry_bytes);
  }
  return absl::OkStatus();
}

template <Mix kMix>
absl::Status Core(Worker& worker) {
  return Ycsb(worker, kMix).Run();
}

}  // namespace

std::vector<Workload> YcsbWorkloads() {
  return {
      {.name = "ycsbload",
       .help = "put all of YCSB's records into an empty database",
       .fresh_db = true,
       .run = Load},
      {.name = "ycsba",
       .help = "half reads, half updates of zipfian records",
       .run = Core<Mix{.reads = 50, .updates = 50}>},
      {.name = "ycsbb",
       .help = "95 % reads, 5 % updates",
       .run = Core<Mix{.reads = 95, .updates = 5}>},
      {.name = "ycsbc", .help = "reads only", .run = Core<Mix{.reads = 100}>},
      {.name = "ycsbd",
       .help = "95 % reads of the latest records, 5 % inserts",
       .run =
           Core<Mix{.reads = 95, .inserts = 5, .popular = Popular::kLatest}>},
      {.name = "ycsbe",
       .help = "95 % scans of 1 to 100 records, 5 % inserts",
       .run = Core<Mix{.inserts = 5, .scans = 95}>},
      {.name = "ycsbf",
       .help = "half reads, half reads that are then written",
       .run = Core<Mix{.reads = 50, .read_modify_writes = 50}>},
  };
}

}  // namespace lissom::bench
