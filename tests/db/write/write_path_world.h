// A WritePath over a memory file system, with faults, a comparator that calls
// the test, and an executor that tells who waits.
#ifndef LISSOM_TESTS_DB_WRITE_WRITE_PATH_WORLD_H_
#define LISSOM_TESTS_DB_WRITE_WRITE_PATH_WORLD_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "db/filename.h"
#include "db/write/write_path.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"
#include "lissom/write_batch.h"
#include "tests/db/wal/log_test_util.h"
#include "util/fault_injection_file_system.h"
#include "util/manual_clock.h"
#include "util/memory_file_system.h"

namespace lissom {

inline constexpr char kDirectory[] = "/db";
inline constexpr uint64_t kFirstLog = 7;
inline constexpr size_t kKiB = 1024;

// Waits as every executor does, and tells how many calls have begun to: whoever
// waits has its place in the queue.
class CountingExecutor final : public Executor {
 public:
  void Schedule(Priority, std::function<void()>) override {
    ADD_FAILURE() << "a write schedules nothing";
  }
  void Await(Wait& wait) override {
    waits_.fetch_add(1);
    Executor::Await(wait);
  }

  int waits() const { return waits_.load(); }
  void UntilWaits(int n) const {
    while (waits() < n) std::this_thread::yield();
  }

 private:
  std::atomic<int> waits_{0};
};

// Bytewise, and does what the test wants in the midst of an insert.
class HookedComparator final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    if (hook) hook();
    return a.compare(b);
  }
  std::string_view Name() const override { return "test.Hooked"; }

  std::function<void()> hook;
};

inline WriteBatch Puts(const std::vector<std::string>& keys) {
  WriteBatch batch;
  for (const std::string& key : keys) batch.Put(key, "v");
  return batch;
}

// A put that makes exactly so many bytes of batch.
inline WriteBatch PutOf(const std::string& key, size_t bytes) {
  std::string value;
  WriteBatch batch;
  while (batch.ByteSize() < bytes) {
    value.resize(value.size() + (bytes > batch.ByteSize() + 16
                                     ? bytes - batch.ByteSize() - 16
                                     : 1));
    batch.Clear();
    batch.Put(key, value);
  }
  EXPECT_EQ(batch.ByteSize(), bytes);
  return batch;
}

inline LogHeader HeaderOf(uint64_t number, SequenceNumber base = 0) {
  return {.kind = LogKind::kWal,
          .number = number,
          .id = {.high = 77, .low = number},
          .base_sequence = base};
}

class WritePathTest : public ::testing::Test, protected RoomMaker {
 protected:
  using Call = std::function<absl::Status()>;

  WritePathTest() {
    EXPECT_TRUE(disk_->CreateDirectory(kDirectory).ok());
    Start();
  }

  // A path of its own over the log `kFirstLog`, from scratch.
  void Start(SequenceNumber last = 0, size_t write_buffer_size = SIZE_MAX) {
    path_.reset();
    files_.DisarmAll();
    for (const std::string& file : disk_->Files()) {
      ASSERT_TRUE(disk_->RemoveFile(file, {}).ok());
    }
    path_ = std::make_unique<WritePath>(
        WritePathDeps{.executor = *use_executor_,
                      .clock = clock_,
                      .room_maker = *this,
                      .write_buffer_size = write_buffer_size,
                      .max_wal_bytes = max_wal_bytes_,
                      .on_stall =
                          [this](StallCause cause, absl::Duration time) {
                            stalls_.emplace_back(cause, time);
                          }},
        NewMemtable(kFirstLog), NewLog(kFirstLog, last), last);
    files_.ResetCounters();
    made_room_ = 0;
  }

  absl::Status MakeRoom(bool seal, const Patience& patience) override {
    ++made_room_;
    asked_to_seal_ = seal;
    last_patience_ = patience;
    return make_room_ ? make_room_() : absl::OkStatus();
  }

  Ref<Memtable> NewMemtable(uint64_t log_number) const {
    return Memtable::Create(KeyOrder(comparator_), log_number);
  }
  // A log as the path is given it: its header is durable.
  std::unique_ptr<LogWriter> NewLog(uint64_t number, SequenceNumber base) {
    auto log = LogWriter::Create(files_, WalFileName(kDirectory, number),
                                 HeaderOf(number, base), 64 * kKiB);
    EXPECT_TRUE(log.ok()) << log.status();
    EXPECT_TRUE((*log)->Sync().ok());
    return *std::move(log);
  }
  void SwitchTo(uint64_t number) {
    path_->SwitchTo(NewMemtable(number),
                    NewLog(number, path_->last_sequence()));
  }

  absl::Status Write(const WriteBatch& batch, bool sync = false) {
    return Write(RequestOf(batch, sync));
  }
  absl::Status Write(const WriteRequest& request) {
    return path_->Write(request);
  }
  static WriteRequest RequestOf(const WriteBatch& batch, bool sync = false) {
    return {.batch = batch.data(),
            .count = static_cast<uint32_t>(batch.Count()),
            .sync = sync};
  }
  Call Writing(WriteBatch batch, bool sync = false) {
    return
        [this, batch = std::move(batch), sync] { return Write(batch, sync); };
  }
  absl::Status SyncLogs() {
    return path_->RunExclusive([this] { return path_->SyncLogs(); });
  }

  // The calls, each from a thread of its own, queued in this order behind a
  // leader that goes when all are there.
  std::vector<absl::Status> Queued(const std::vector<Call>& calls) {
    std::vector<absl::Status> statuses(calls.size());
    std::vector<std::thread> threads;
    EXPECT_TRUE(path_
                    ->RunExclusive([&] {
                      for (size_t i = 0; i < calls.size(); ++i) {
                        const int waits = executor_.waits();
                        threads.emplace_back(
                            [&, i] { statuses[i] = calls[i](); });
                        executor_.UntilWaits(waits + 1);
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    for (std::thread& thread : threads) thread.join();
    return statuses;
  }

  uint64_t appends() const {
    return files_.count(FileOp::kAppend, IoContext::Kind::kWal);
  }
  uint64_t syncs() const {
    return files_.count(FileOp::kSync, IoContext::Kind::kWal);
  }
  SequenceNumber visible() const {
    return path_->visible().load(std::memory_order_acquire);
  }

  ReadResult ReadLog(uint64_t number) const {
    return ReadBytes(*disk_->GetBytes(WalFileName(kDirectory, number)),
                     HeaderOf(number));
  }
  std::vector<uint64_t> OrdinalsIn(uint64_t number) const {
    std::vector<uint64_t> ordinals;
    for (const TestRecord& r : ReadLog(number).records) {
      ordinals.push_back(r.ordinal);
    }
    return ordinals;
  }
  // The files synced from operation `begin` of the disk on, in order.
  std::vector<std::string> SyncsSince(size_t begin) const {
    std::vector<std::string> paths;
    for (size_t i = begin; i < disk_->operation_count(); ++i) {
      const MemoryOperation operation = disk_->operation(i);
      if (operation.kind == MemoryOperation::Kind::kSync) {
        paths.push_back(operation.path);
      }
    }
    return paths;
  }

  // Later calls are refused with `cause`, and no file is touched.
  void ExpectLatched(const absl::Status& cause) {
    const size_t operations = disk_->operation_count();
    const SequenceNumber given_out = path_->last_sequence();
    const SequenceNumber seen = visible();
    for (const absl::Status& status :
         {Write(Puts({"late"})), Write(Puts({"late"}), true),
          path_->latched()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_THAT(std::string(status.message()),
                  ::testing::HasSubstr(std::string(cause.message())));
      ASSERT_TRUE(DetailOf(status).has_value());
      EXPECT_EQ(DetailOf(status)->severity, Severity::kWrites);
      EXPECT_EQ(DetailOf(status)->file,
                DetailOf(cause).value_or(ErrorDetail()).file);
    }
    EXPECT_EQ(disk_->operation_count(), operations);
    EXPECT_EQ(files_.uses_after_failed_sync(), 0u);
    EXPECT_EQ(path_->last_sequence(), given_out);
    EXPECT_EQ(visible(), seen);
  }

  const std::shared_ptr<MemoryFileSystem> disk_ =
      std::make_shared<MemoryFileSystem>();
  FaultInjectionFileSystem files_{disk_};
  CountingExecutor executor_;
  ManualClock clock_;
  Executor* use_executor_ = &executor_;  // From the next Start on.
  const std::shared_ptr<HookedComparator> comparator_ =
      std::make_shared<HookedComparator>();
  std::function<absl::Status()> make_room_;
  int made_room_ = 0;
  bool asked_to_seal_ = false;
  Patience last_patience_;
  uint64_t max_wal_bytes_ = 0;
  std::vector<std::pair<StallCause, absl::Duration>> stalls_;
  std::unique_ptr<WritePath> path_;
};

}  // namespace lissom

#endif  // LISSOM_TESTS_DB_WRITE_WRITE_PATH_WORLD_H_
