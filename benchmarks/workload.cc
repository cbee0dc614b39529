#include "benchmarks/workload.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "util/status_macros.h"

namespace lissom::bench {
namespace {

enum class Order { kSequential, kRandom };

absl::Status Fill(Worker& worker, Order order, uint64_t num, bool sync) {
  const uint64_t entry_bytes = worker.flags.key_size + worker.flags.value_size;
  const WriteOptions options{.sync = sync};
  WriteBatch batch;
  for (uint64_t i = 0; i < num;) {
    const uint64_t count = std::min(worker.flags.batch_size, num - i);
    batch.Clear();
    for (uint64_t j = 0; j < count; ++j, ++i) {
      const uint64_t index = order == Order::kSequential
                                 ? i
                                 : worker.random.Uniform(worker.flags.num);
      batch.Put(worker.KeyOf(index), worker.values.Next());
    }
    LISSOM_RETURN_IF_ERROR(worker.db.Write(options, batch));
    worker.Done(count, count * entry_bytes);
  }
  return absl::OkStatus();
}

absl::Status FillSeq(Worker& worker) {
  return Fill(worker, Order::kSequential, worker.flags.num, worker.flags.sync);
}

absl::Status FillRandom(Worker& worker) {
  return Fill(worker, Order::kRandom, worker.flags.num, worker.flags.sync);
}

// A thousandth of the operations, as each waits for the disk.
absl::Status FillSync(Worker& worker) {
  return Fill(worker, Order::kRandom,
              std::max<uint64_t>(worker.flags.num / 1000, 1), true);
}

// `suffix` is appended to each key: keys that stand between those there are.
absl::Status Read(Worker& worker, std::string_view suffix) {
  const ReadOptions options;
  PinnedValue value;
  std::string key;
  for (uint64_t i = 0; i < worker.flags.reads; ++i) {
    key = worker.KeyOf(worker.random.Uniform(worker.flags.num));
    key += suffix;
    absl::Status status = worker.db.Get(options, key, &value);
    uint64_t bytes = 0;
    if (status.ok()) {
      ++worker.found;
      bytes = key.size() + value.view().size();
    } else if (!IsNotFound(status)) {
      return status;
    }
    worker.Done(1, bytes);
  }
  return absl::OkStatus();
}

absl::Status ReadRandom(Worker& worker) { return Read(worker, ""); }
absl::Status ReadMissing(Worker& worker) { return Read(worker, "x"); }

absl::Status MultiReadRandom(Worker& worker) {
  const size_t batch = worker.flags.batch_size;
  std::vector<std::string> keys(batch);
  std::vector<std::string_view> views(batch);
  std::vector<PinnedValue> values(batch);
  std::vector<absl::Status> statuses(batch);
  for (uint64_t read = 0; read < worker.flags.reads; read += batch) {
    const size_t count = std::min<uint64_t>(batch, worker.flags.reads - read);
    for (size_t i = 0; i < count; ++i) {
      keys[i] = worker.KeyOf(worker.random.Uniform(worker.flags.num));
      views[i] = keys[i];
    }
    worker.db.MultiGet({}, std::span(views).first(count),
                       std::span(values).first(count),
                       std::span(statuses).first(count));
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; ++i) {
      if (statuses[i].ok()) {
        ++worker.found;
        bytes += keys[i].size() + values[i].view().size();
      } else if (!IsNotFound(statuses[i])) {
        return statuses[i];
      }
    }
    worker.Done(count, bytes);
  }
  return absl::OkStatus();
}

absl::Status ReadSeq(Worker& worker) {
  const std::unique_ptr<Iterator> it = worker.db.NewIterator();
  uint64_t left = worker.flags.reads;
  for (it->SeekToFirst(); it->Valid() && left > 0; it->Next(), --left) {
    worker.Done(1, it->key().size() + it->value().size());
  }
  return it->status();
}

absl::Status ReadReverse(Worker& worker) {
  const std::unique_ptr<Iterator> it = worker.db.NewIterator();
  uint64_t left = worker.flags.reads;
  for (it->SeekToLast(); it->Valid() && left > 0; it->Prev(), --left) {
    worker.Done(1, it->key().size() + it->value().size());
  }
  return it->status();
}

absl::Status SeekRandom(Worker& worker) {
  for (uint64_t i = 0; i < worker.flags.reads; ++i) {
    const std::string_view key =
        worker.KeyOf(worker.random.Uniform(worker.flags.num));
    const std::unique_ptr<Iterator> it = worker.db.NewIterator();
    it->Seek(key);
    if (it->Valid() && it->key() == key) ++worker.found;
    uint64_t bytes = 0;
    for (uint64_t moves = 0; it->Valid(); ++moves, it->Next()) {
      bytes += it->key().size() + it->value().size();
      if (moves == worker.flags.seek_nexts) break;
    }
    LISSOM_RETURN_IF_ERROR(it->status());
    worker.Done(1, bytes);
  }
  return absl::OkStatus();
}

absl::Status WaitForIdle(Worker& worker) {
  LISSOM_RETURN_IF_ERROR(worker.db.WaitForIdle());
  worker.Done(1, 0);
  return absl::OkStatus();
}

absl::Status Compact(Worker& worker) {
  LISSOM_RETURN_IF_ERROR(worker.db.CompactRange({}, {}, {}));
  worker.Done(1, 0);
  return absl::OkStatus();
}

absl::Status FlushMemtables(Worker& worker) {
  LISSOM_RETURN_IF_ERROR(worker.db.Flush());
  worker.Done(1, 0);
  return absl::OkStatus();
}

absl::Status PrintProperty(Worker& worker, std::string_view name) {
  LISSOM_ASSIGN_OR_RETURN(const std::string text, worker.db.GetProperty(name));
  std::printf("%s\n", text.c_str());
  return absl::OkStatus();
}

absl::Status Stats(Worker& worker) {
  return PrintProperty(worker, "lissom.stats");
}

absl::Status LevelStats(Worker& worker) {
  return PrintProperty(worker, "lissom.levelstats");
}

}  // namespace

ValueSource::ValueSource(uint64_t seed, size_t value_size)
    : value_size_(value_size) {
  constexpr size_t kTextBytes = size_t{1} << 20;
  constexpr size_t kPieceBytes = 100;
  Random random(seed ^ 0x76616c756573u);  // Not the keys' stream.
  const size_t wanted = std::max(kTextBytes, value_size);
  text_.reserve(wanted + kPieceBytes);
  while (text_.size() < wanted) {
    // Each piece says the same 50 bytes twice.
    std::string half(kPieceBytes / 2, ' ');
    for (char& c : half) c = static_cast<char>(' ' + random.Uniform(95));
    text_ += half;
    text_ += half;
  }
}

std::string_view ValueSource::Next() {
  if (at_ + value_size_ > text_.size()) at_ = 0;
  const std::string_view value =
      std::string_view(text_).substr(at_, value_size_);
  at_ += value_size_;
  return value;
}

std::string_view Worker::KeyOf(uint64_t index) {
  key.resize(flags.key_size, '0');
  for (size_t i = 0; i < 8; ++i) {
    key[i] = static_cast<char>(index >> (56 - 8 * i));
  }
  return key;
}

void Worker::Done(uint64_t operations, uint64_t operation_bytes) {
  done += operations;
  bytes += operation_bytes;
  if (!flags.histogram) return;
  const auto now = std::chrono::steady_clock::now();
  latency.Add(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now - last)
          .count()));
  last = now;
}

const std::vector<Workload>& AllWorkloads() {
  static const std::vector<Workload>& workloads = *new std::vector<Workload>{
      {.name = "fillseq",
       .help = "put all keys in order into an empty database",
       .fresh_db = true,
       .run = FillSeq},
      {.name = "fillrandom",
       .help = "put random keys into an empty database",
       .fresh_db = true,
       .run = FillRandom},
      {.name = "fillsync",
       .help = "num / 1000 puts with sync into an empty database",
       .fresh_db = true,
       .run = FillSync},
      {.name = "overwrite",
       .help = "put random keys into the database there is",
       .run = FillRandom},
      {.name = "readrandom",
       .help = "get random keys",
       .counts_found = true,
       .run = ReadRandom},
      {.name = "readmissing",
       .help = "get keys that are not there",
       .counts_found = true,
       .run = ReadMissing},
      {.name = "multireadrandom",
       .help = "get random keys, --batch_size of them at once",
       .counts_found = true,
       .run = MultiReadRandom},
      {.name = "readseq", .help = "scan from the first key", .run = ReadSeq},
      {.name = "readreverse",
       .help = "scan from the last key backwards",
       .run = ReadReverse},
      {.name = "seekrandom",
       .help = "seek to random keys, then --seek_nexts moves",
       .counts_found = true,
       .run = SeekRandom},
      {.name = "waitforidle",
       .help = "wait until no flush or compaction is left to do",
       .one_thread = true,
       .run = WaitForIdle},
      {.name = "waitforcompaction",
       .help = "the same, in db_bench's words",
       .one_thread = true,
       .run = WaitForIdle},
      {.name = "flush",
       .help = "write the memtables to tables",
       .one_thread = true,
       .run = FlushMemtables},
      {.name = "compact",
       .help = "compact all keys into the last level",
       .one_thread = true,
       .run = Compact},
      {.name = "stats",
       .help = "print the property lissom.stats",
       .one_thread = true,
       .prints = true,
       .run = Stats},
      {.name = "levelstats",
       .help = "print the property lissom.levelstats",
       .one_thread = true,
       .prints = true,
       .run = LevelStats},
  };
  return workloads;
}

const Workload* FindWorkload(std::string_view name) {
  for (const Workload& workload : AllWorkloads()) {
    if (workload.name == name) return &workload;
  }
  return nullptr;
}

}  // namespace lissom::bench
