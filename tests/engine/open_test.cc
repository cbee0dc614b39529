// What opening, closing and destroying do with every kind of wrong input: the
// rows of the error table, each with its exact status.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "db/filename.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/fault_injection_file_system.h"
#include "util/memory_file_system.h"

namespace lissom {
namespace {

using absl::StatusCode;

class OpenTest : public testing::Test {
 protected:
  Options MemoryOptions() {
    Options options;
    options.create_if_missing = true;
    options.file_system = files_;
    options.executor = std::make_shared<SimulatedExecutor>(1);
    options.info_log = std::make_shared<NullLogger>();
    return options;
  }
  std::unique_ptr<DB> Open(const Options& options,
                           const std::string& path = "/db") {
    absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(options, path);
    EXPECT_TRUE(db.ok()) << db.status();
    return db.ok() ? *std::move(db) : nullptr;
  }
  static StatusCode CodeOf(const absl::StatusOr<std::unique_ptr<DB>>& db) {
    return db.status().code();
  }

  std::shared_ptr<MemoryFileSystem> files_ =
      std::make_shared<MemoryFileSystem>();
};

// --- What stands in the directory ---

TEST_F(OpenTest, AnAbsentDirectoryIsAnErrorOrIsCreated) {
  Options options = MemoryOptions();
  options.create_if_missing = false;
  EXPECT_EQ(CodeOf(DB::Open(options, "/db")), StatusCode::kInvalidArgument);
  EXPECT_TRUE(files_->Files().empty());
  options.create_if_missing = true;
  EXPECT_NE(Open(options), nullptr);
  options.create_if_missing = false;
  EXPECT_NE(Open(options), nullptr);
}

TEST_F(OpenTest, AnEmptyDirectoryBecomesADatabaseOnlyIfAsked) {
  ASSERT_TRUE(files_->CreateDirectory("/db").ok());
  ASSERT_TRUE(files_->CreateDirectory("/db/lost+found").ok());
  Options options = MemoryOptions();
  options.create_if_missing = false;
  EXPECT_EQ(CodeOf(DB::Open(options, "/db")), StatusCode::kInvalidArgument);
  options.create_if_missing = true;
  EXPECT_NE(Open(options), nullptr);
}

TEST_F(OpenTest, AMissingParentIsDataLossOfNothing) {
  const absl::Status status = DB::Open(MemoryOptions(), "/no/such/db").status();
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(IsNotFound(status)) << status;
}

TEST_F(OpenTest, AForeignDirectoryIsRefusedUntouched) {
  ASSERT_TRUE(files_->CreateDirectory("/db").ok());
  ASSERT_TRUE(files_->SetBytes("/db/letter.txt", "dear").ok());
  EXPECT_EQ(CodeOf(DB::Open(MemoryOptions(), "/db")),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(files_->Files(), std::vector<std::string>{"/db/letter.txt"});
  EXPECT_EQ(DB::Destroy(MemoryOptions(), "/db").code(),
            StatusCode::kInvalidArgument);
}

TEST_F(OpenTest, AFileInPlaceOfTheDirectoryIsRefused) {
  ASSERT_TRUE(files_->SetBytes("/db", "a file").ok());
  EXPECT_EQ(CodeOf(DB::Open(MemoryOptions(), "/db")),
            StatusCode::kInvalidArgument);
}

TEST_F(OpenTest, ErrorIfExists) {
  Open(MemoryOptions()).reset();
  Options options = MemoryOptions();
  options.error_if_exists = true;
  EXPECT_EQ(CodeOf(DB::Open(options, "/db")), StatusCode::kAlreadyExists);
  EXPECT_NE(Open(options, "/other"), nullptr);
}

TEST_F(OpenTest, PathsThatAreNone) {
  EXPECT_EQ(CodeOf(DB::Open(MemoryOptions(), "")),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(DB::Open(MemoryOptions(), std::string("/a\0b", 4))),
            StatusCode::kInvalidArgument);
  Open(MemoryOptions(), "/db///").reset();  // Trailing slashes are harmless.
  EXPECT_NE(Open(MemoryOptions(), "/db"), nullptr);
}

TEST_F(OpenTest, AnotherComparatorIsRefused) {
  Open(MemoryOptions()).reset();
  Options options = MemoryOptions();
  options.comparator = ReverseBytewiseComparator();
  EXPECT_EQ(CodeOf(DB::Open(options, "/db")), StatusCode::kInvalidArgument);
  EXPECT_NE(Open(MemoryOptions()), nullptr);
}

// --- A second opener ---

TEST_F(OpenTest, ASecondOpenerInTheProcessIsRefused) {
  const std::unique_ptr<DB> db = Open(MemoryOptions());
  EXPECT_EQ(CodeOf(DB::Open(MemoryOptions(), "/db")),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(DB::Destroy(MemoryOptions(), "/db").code(),
            StatusCode::kFailedPrecondition);
  ASSERT_TRUE(db->Close().ok());
  EXPECT_NE(Open(MemoryOptions()), nullptr);
}

class PosixOpenTest : public OpenTest {
 protected:
  PosixOpenTest() {
    std::string name = testing::TempDir() + "/lissom_open_XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~PosixOpenTest() override { std::filesystem::remove_all(root_); }

  Options PosixOptions() {
    Options options;
    options.create_if_missing = true;
    return options;
  }
  std::string path() const { return root_ + "/db"; }

  // The status code that an open in a child process gets. `fork_now`: in a
  // forked copy of this very process; else as fresh as a fork allows.
  int OpenInChild() {
    const pid_t child = fork();
    if (child == 0) {
      Options options = PosixOptions();
      options.executor = std::make_shared<SimulatedExecutor>(1);
      const absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(options, path());
      _exit(static_cast<int>(db.status().code()));
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string root_;
};

TEST_F(PosixOpenTest, AnotherProcessIsRefusedAndMayEnterAfterClose) {
  std::unique_ptr<DB> db = Open(PosixOptions(), path());
  ASSERT_TRUE(db->Put({.sync = true}, "k", "v").ok());
  EXPECT_EQ(OpenInChild(), static_cast<int>(StatusCode::kFailedPrecondition));
  // Refusing did not drop the lock (POSIX record locks would have gone).
  EXPECT_EQ(CodeOf(DB::Open(PosixOptions(), path())),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(OpenInChild(), static_cast<int>(StatusCode::kFailedPrecondition));
  ASSERT_TRUE(db->Close().ok());
  db.reset();
  EXPECT_EQ(OpenInChild(), static_cast<int>(StatusCode::kOk));
}

TEST_F(PosixOpenTest, ASymlinkLeadsToTheSameLock) {
  const std::unique_ptr<DB> db = Open(PosixOptions(), path());
  std::filesystem::create_directory_symlink(path(), root_ + "/link");
  EXPECT_EQ(CodeOf(DB::Open(PosixOptions(), root_ + "/link")),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(DB::Open(PosixOptions(), root_ + "/./db/../db")),
            StatusCode::kFailedPrecondition);
}

TEST_F(PosixOpenTest, AStaleLockFileIsNoObstacle) {
  std::filesystem::create_directory(path());
  std::ofstream(path() + "/LOCK") << "12345";
  EXPECT_NE(Open(PosixOptions(), path()), nullptr);
}

TEST_F(PosixOpenTest, StrangePathsWork) {
  for (const char* name :
       {"with space", "quote\"s'", "new\nline", "\xff\xfe", "%s%n"}) {
    const std::string path = root_ + "/" + name;
    std::unique_ptr<DB> db = Open(PosixOptions(), path);
    ASSERT_NE(db, nullptr) << name;
    EXPECT_TRUE(db->Put({}, "k", "v").ok());
    db.reset();
    EXPECT_EQ(Open(PosixOptions(), path)->Get("k").value_or("gone"), "v");
  }
  const std::string too_long = root_ + "/" + std::string(300, 'x');
  EXPECT_EQ(CodeOf(DB::Open(PosixOptions(), too_long)),
            StatusCode::kInvalidArgument);
}

TEST_F(PosixOpenTest, NothingLeaks) {
  const auto descriptors = [] {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/self/fd")) {
      ++count;
    }
    return count;
  };
  const auto threads = [] {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/self/task")) {
      ++count;
    }
    return count;
  };
  const auto use = [this] {
    std::unique_ptr<DB> db = Open(PosixOptions(), path());
    EXPECT_TRUE(db->Put({}, "k", "v").ok());
    EXPECT_TRUE(db->Flush().ok());
    EXPECT_FALSE(DB::Open(PosixOptions(), path()).ok());
  };
  use();  // Whatever the first use sets up; a sanitizer has a thread of its
          // own.
  const size_t descriptors_before = descriptors();
  const size_t threads_before = threads();
  for (int i = 0; i < 5; ++i) use();
  EXPECT_EQ(descriptors(), descriptors_before);
  EXPECT_EQ(threads(), threads_before);
}

// --- Options ---

TEST_F(OpenTest, EveryBadOptionIsNamed) {
  struct Row {
    const char* field;
    void (*spoil)(Options&);
  };
  const Row rows[] = {
      {"error_if_exists",
       [](Options& o) {
         o.create_if_missing = false;
         o.error_if_exists = true;
       }},
      {"wal_recovery_mode",
       [](Options& o) {
         o.wal_recovery_mode = static_cast<WalRecoveryMode>(9);
       }},
      {"comparator", [](Options& o) { o.comparator = nullptr; }},
      {"write_buffer_size", [](Options& o) { o.write_buffer_size = 1; }},
      {"write_buffer_size",
       [](Options& o) { o.write_buffer_size = size_t{5} << 30; }},
      {"max_write_buffer_number",
       [](Options& o) { o.max_write_buffer_number = 1; }},
      {"max_write_buffer_number",
       [](Options& o) { o.max_write_buffer_number = 65; }},
      {"block_size", [](Options& o) { o.block_size = 511; }},
      {"block_size", [](Options& o) { o.block_size = (1 << 20) + 1; }},
      {"compression", [](Options& o) { o.compression.clear(); }},
      {"compression",
       [](Options& o) { o.compression = {Compression::Zstd(23)}; }},
      {"compression",
       [](Options& o) { o.compression = {Compression::Zstd(-8)}; }},
      {"compression",
       [](Options& o) { o.compression = {Compression::Zstd(1, 512)}; }},
      {"filter_policy",
       [](Options& o) { o.filter_policy = FilterPolicy::Bloom(-1); }},
      {"filter_policy",
       [](Options& o) { o.filter_policy = FilterPolicy::Bloom(65); }},
      {"filter_policy",
       [](Options& o) { o.filter_policy = FilterPolicy::Bloom(0.0 / 0.0); }},
      {"target_file_size_base",
       [](Options& o) { o.target_file_size_base = 0; }},
      {"max_bytes_for_level_base",
       [](Options& o) { o.max_bytes_for_level_base = 0; }},
      {"max_bytes_for_level_multiplier",
       [](Options& o) { o.max_bytes_for_level_multiplier = 1; }},
      {"max_bytes_for_level_multiplier",
       [](Options& o) { o.max_bytes_for_level_multiplier = 1e300 * 1e300; }},
      {"level0_file_num_compaction_trigger",
       [](Options& o) { o.level0_file_num_compaction_trigger = 0; }},
      {"level0_stop_writes_trigger",
       [](Options& o) { o.level0_stop_writes_trigger = 4; }},
  };
  for (const Row& row : rows) {
    Options options = MemoryOptions();
    row.spoil(options);
    const absl::Status status = DB::Open(options, "/db").status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << row.field;
    EXPECT_NE(status.message().find(row.field), absl::string_view::npos)
        << status;
  }
  Options both = MemoryOptions();
  both.block_size = 1;
  both.write_buffer_size = 1;
  const std::string message(DB::Open(both, "/db").status().message());
  EXPECT_NE(message.find("block_size"), std::string::npos);
  EXPECT_NE(message.find("write_buffer_size"), std::string::npos);
  EXPECT_TRUE(files_->Files().empty());
}

// --- After Close ---

TEST_F(OpenTest, AfterCloseEverythingIsCancelledAndHandlesStaySafe) {
  std::unique_ptr<DB> db = Open(MemoryOptions());
  const std::string large(1000, 'x');
  ASSERT_TRUE(db->Put({}, "a", large).ok());
  ASSERT_TRUE(db->Put({}, "b", "2").ok());
  std::unique_ptr<Iterator> it = db->NewIterator();
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  std::unique_ptr<const Snapshot> snapshot = db->GetSnapshot();
  PinnedValue pinned;
  ASSERT_TRUE(db->Get({}, "a", &pinned).ok());

  ASSERT_TRUE(db->Close().ok());
  ASSERT_TRUE(db->Close().ok());
  std::string value;
  EXPECT_TRUE(absl::IsCancelled(db->Put({}, "c", "3")));
  EXPECT_TRUE(absl::IsCancelled(db->Delete({}, "c")));
  EXPECT_TRUE(absl::IsCancelled(db->Write({}, WriteBatch())));
  EXPECT_TRUE(absl::IsCancelled(db->Get({}, "a", &value)));
  EXPECT_TRUE(absl::IsCancelled(db->Flush()));
  EXPECT_TRUE(absl::IsCancelled(db->SyncWal()));
  EXPECT_TRUE(absl::IsCancelled(db->WaitForIdle()));
  EXPECT_TRUE(absl::IsCancelled(db->NewIterator()->status()));
  EXPECT_EQ(db->GetSnapshot(), nullptr);

  db.reset();
  EXPECT_EQ(it->key(), "a");
  EXPECT_EQ(it->value(), large);
  it->Next();
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(absl::IsCancelled(it->status()));
  it->SeekToFirst();
  EXPECT_TRUE(absl::IsCancelled(it->status()));
  EXPECT_TRUE(absl::IsCancelled(it->Refresh()));
  EXPECT_EQ(pinned.view(), large);
}

// --- Destroy ---

TEST_F(OpenTest, DestroyRemovesADatabaseAndNothingElse) {
  EXPECT_TRUE(DB::Destroy(MemoryOptions(), "/absent").ok());
  std::unique_ptr<DB> db = Open(MemoryOptions());
  ASSERT_TRUE(db->Put({}, "k", "v").ok());
  ASSERT_TRUE(db->Flush().ok());
  db.reset();
  ASSERT_TRUE(files_->SetBytes("/db/letter.txt", "dear").ok());
  EXPECT_TRUE(DB::Destroy(MemoryOptions(), "/db").ok());
  EXPECT_EQ(files_->Files(), std::vector<std::string>{"/db/letter.txt"});

  Open(MemoryOptions(), "/db2").reset();
  EXPECT_TRUE(DB::Destroy(MemoryOptions(), "/db2").ok());
  EXPECT_EQ((*files_->GetFileInfo("/db2")).type, FileInfo::Type::kAbsent);
}

// RocksDB and LevelDB name their files as we do.
TEST_F(OpenTest, DestroyLeavesOtherEnginesDatabasesUntouched) {
  ASSERT_TRUE(files_->CreateDirectory("/db").ok());
  const std::vector<std::string> names = {"/db/000008.log", "/db/000009.sst",
                                          "/db/CURRENT", "/db/LOG",
                                          "/db/MANIFEST-000005"};
  for (const std::string& name : names) {
    ASSERT_TRUE(files_->SetBytes(name, "MANIFEST-000005\n").ok());
  }
  for (const char* current : {"MANIFEST-000005\n", ""}) {
    ASSERT_TRUE(files_->SetBytes("/db/CURRENT", current).ok());
    const absl::Status status = DB::Destroy(MemoryOptions(), "/db");
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status;
    EXPECT_EQ(files_->Files(), names);
  }
}

TEST_F(OpenTest, OtherEnginesDatabasesAreNotOpenedAndUntouched) {
  ASSERT_TRUE(files_->CreateDirectory("/db").ok());
  const std::vector<std::string> names = {"/db/000008.log", "/db/CURRENT",
                                          "/db/MANIFEST-000005"};
  for (const std::string& name : names) {
    ASSERT_TRUE(files_->SetBytes(name, "MANIFEST-000005\n").ok());
  }
  Options options = MemoryOptions();
  for (const bool create : {false, true}) {
    options.create_if_missing = create;
    for (const auto& opened : {DB::Open(options, "/db").status(),
                               DB::OpenReadOnly(options, "/db").status()}) {
      EXPECT_EQ(opened.code(), StatusCode::kInvalidArgument);
      EXPECT_EQ(opened.message(),
                "/db: is no lissom database (CURRENT is not lissom's)");
      EXPECT_EQ(files_->Files(), names);
    }
  }
  // What may be ours and damaged is damage.
  for (const char* current : {"", "lissom", "lissom?", "kissom manifest 5"}) {
    SCOPED_TRACE(current);
    ASSERT_TRUE(files_->SetBytes("/db/CURRENT", current).ok());
    EXPECT_EQ(DB::Open(options, "/db").status().code(), StatusCode::kDataLoss);
    EXPECT_EQ(DB::OpenReadOnly(options, "/db").status().code(),
              StatusCode::kDataLoss);
  }
}

TEST_F(OpenTest, ADestroyThatWasCutShortIsDoneAgain) {
  for (uint64_t removal = 0;; ++removal) {
    SCOPED_TRACE(removal);
    std::unique_ptr<DB> db = Open(MemoryOptions());
    ASSERT_TRUE(db->Put({}, "k", "v").ok());
    ASSERT_TRUE(db->Flush().ok());
    db.reset();
    Options options = MemoryOptions();
    auto faulty = std::make_shared<FaultInjectionFileSystem>(files_);
    const uint64_t fault =
        faulty->Arm({.op = FileOp::kRemove, .skip = removal, .sticky = true});
    options.file_system = faulty;
    const absl::Status cut = DB::Destroy(options, "/db");
    EXPECT_EQ(cut.ok(), faulty->hits(fault) == 0) << cut;
    EXPECT_TRUE(DB::Destroy(MemoryOptions(), "/db").ok());
    EXPECT_EQ((*files_->GetFileInfo("/db")).type, FileInfo::Type::kAbsent);
    if (faulty->hits(fault) == 0) {
      EXPECT_GT(removal, 4u);  // LOG, manifest, a table, CURRENT, LOCK.
      return;
    }
  }
}

// --- An open that fails late ---

TEST_F(OpenTest, AnOpenThatCannotMakeItsLogFileLeavesNoTables) {
  std::shared_ptr<FileSystem> killed;
  {
    std::unique_ptr<DB> db = Open(MemoryOptions());
    ASSERT_TRUE(db->Put({}, "k", "v").ok());
    killed = files_->Clone();  // As kill -9 would leave it: the log has "k".
  }
  auto faulty = std::make_shared<FaultInjectionFileSystem>(killed);
  const auto tables = [&] {
    int count = 0;
    const auto names = killed->ListDirectory("/db");
    for (const std::string& name : *names) {
      const auto file = ParseFileName(name);
      count += file.has_value() && file->type == FileType::kTable ? 1 : 0;
    }
    return count;
  };
  Options options = MemoryOptions();
  options.file_system = faulty;
  options.info_log = nullptr;
  faulty->Arm({.op = FileOp::kCreate,
               .kind = IoContext::Kind::kInfoLog,
               .sticky = true});
  EXPECT_EQ(CodeOf(DB::Open(options, "/db")), StatusCode::kInternal);
  EXPECT_EQ(tables(), 0);
  faulty->DisarmAll();
  std::string value;
  EXPECT_TRUE(Open(options)->Get({}, "k", &value).ok());
  EXPECT_EQ(tables(), 1);
}

}  // namespace
}  // namespace lissom
