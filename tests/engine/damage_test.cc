// Damage: files of a database are flipped, zeroed, cut, swapped, replaced by
// older copies of themselves, or deleted, and the database is opened and read
// as a whole. The answer must be right, or kDataLoss (kUnimplemented where a
// version byte was hit) naming a file; never "not found", a shorter scan or an
// emptier database (P5), and never a crash (P8).
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/filename.h"
#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/history.h"
#include "tests/support/simulated_executor.h"
#include "tests/support/test_env.h"
#include "util/memory_file_system.h"
#include "util/random.h"

namespace lissom {
namespace {

Options DamageOptions(std::shared_ptr<FileSystem> files, uint64_t seed) {
  Options options;
  options.create_if_missing = true;
  options.file_system = std::move(files);
  options.executor = std::make_shared<SimulatedExecutor>(1);
  options.info_log = std::make_shared<NullLogger>();
  options.random_seed = seed | 1;
  options.write_buffer_size = size_t{64} << 10;
  options.block_size = 1024;
  options.target_file_size_base = size_t{32} << 10;
  options.max_bytes_for_level_base = uint64_t{128} << 10;
  options.compression = {Compression::None(), Compression::Zstd(1),
                         Compression::Zstd(1, 1024)};
  options.level0_file_num_compaction_trigger = 3;
  return options;
}

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// A database with everything in it: tables in several levels, a log, a manifest
// with several edits; closed cleanly or as kill -9 leaves it.
class Victim {
 public:
  Victim(uint64_t seed, bool clean) : random_(seed), clean_(clean) {
    auto files = std::make_shared<MemoryFileSystem>(
        MemoryFileSystem::Options{.record_operations = false});
    std::unique_ptr<DB> db = *DB::Open(DamageOptions(files, seed), "/db");
    for (int i = 0; i < 1500; ++i) {
      Write(*db, false);
      if (i == 600) old_ = files->Clone();
      if (i % 400 == 399) {
        EXPECT_TRUE(db->WaitForIdle().ok());
      }
    }
    EXPECT_TRUE(db->Flush().ok());
    EXPECT_TRUE(db->WaitForIdle().ok());
    Write(*db, true);
    flushed_ = history_.batches() - 1;
    for (int i = 0; i < 20; ++i) Write(*db, true);
    marked_ = history_.batches();
    for (int i = 0; i < 20; ++i) Write(*db, false);
    if (clean) {
      EXPECT_TRUE(db->Close().ok());
    }
    image_ = clean ? files->Clone()
                   : files->CrashImageNow(CrashPolicy::Everything());
  }

  std::shared_ptr<MemoryFileSystem> Copy() const { return image_->Clone(); }
  const MemoryFileSystem& old() const { return *old_; }
  const History& history() const { return history_; }
  bool clean() const { return clean_; }
  // What must be found at least: after a clean stop all of it; else what the
  // sync marks prove, or, if the log lost the records with the marks, what is
  // in tables.
  size_t least(bool marks_lost) const {
    return clean_ ? history_.batches() : marks_lost ? flushed_ : marked_;
  }

 private:
  void Write(DB& db, bool sync) {
    const std::string key = "key" + std::to_string(random_.Uniform(700));
    const std::string value = std::to_string(history_.batches()) +
                              std::string(random_.Uniform(300), 'v');
    if (random_.OneIn(6)) {
      EXPECT_TRUE(db.Delete({.sync = sync}, key).ok());
      history_.Delete(key);
    } else {
      EXPECT_TRUE(db.Put({.sync = sync}, key, value).ok());
      history_.Put(key, value);
    }
    history_.EndBatch();
  }

  Random random_;
  const bool clean_;
  History history_;
  size_t flushed_ = 0;
  size_t marked_ = 0;
  std::shared_ptr<MemoryFileSystem> image_;
  std::shared_ptr<MemoryFileSystem> old_;
};

class DamageTest : public testing::TestWithParam<bool> {
 protected:
  // Files whose content matters. LOCK and LOG do not.
  static std::vector<std::string> Targets(const MemoryFileSystem& files) {
    std::vector<std::string> targets;
    for (const std::string& path : files.Files()) {
      const std::optional<ParsedFileName> name = ParseFileName(BaseName(path));
      if (name.has_value() && name->type != FileType::kLock &&
          name->type != FileType::kInfoLog) {
        targets.push_back(path);
      }
    }
    return targets;
  }

  // Does one thing to one file; says what. Empty: nothing changed.
  std::string Damage(MemoryFileSystem& files) {
    const std::vector<std::string> targets = Targets(files);
    // Kinds of files in turn, so that the one CURRENT gets its share.
    const FileType kind = std::vector<FileType>{
        FileType::kTable, FileType::kWal, FileType::kManifest,
        FileType::kCurrent}[random_.Uniform(4)];
    std::vector<std::string> of_kind;
    for (const std::string& path : targets) {
      if (ParseFileName(BaseName(path))->type == kind) of_kind.push_back(path);
    }
    if (of_kind.empty()) return "";
    const std::string path = of_kind[random_.Uniform(of_kind.size())];
    std::string bytes = *files.GetBytes(path);
    const std::string before = bytes;
    marks_lost_ = false;
    std::string what = Change(files, path, of_kind, &bytes);
    if (what == "deleted") return what + " " + path;
    if (bytes == before) return "";
    EXPECT_TRUE(files.SetBytes(path, bytes).ok());
    return what + " " + path;
  }

  std::string Change(MemoryFileSystem& files, const std::string& path,
                     const std::vector<std::string>& of_kind,
                     std::string* bytes) {
    const size_t size = bytes->size();
    const size_t at = size == 0 ? 0 : random_.Uniform(size);
    switch (random_.Uniform(8)) {
      case 0:
        EXPECT_TRUE(files.RemoveFile(path, {}).ok());
        return "deleted";
      case 1:
        bytes->resize(at);
        marks_lost_ = true;
        return "cut at " + std::to_string(at);
      case 2: {
        const size_t length =
            std::min(size - at, size_t{1} << random_.Uniform(13));
        bytes->replace(at, length, length, '\0');
        marks_lost_ = true;
        return "zeroed " + std::to_string(length) + " at " + std::to_string(at);
      }
      case 3: {  // A sector of another file of the kind, or of this one.
        const std::string other =
            *files.GetBytes(of_kind[random_.Uniform(of_kind.size())]);
        const size_t sector = at / 512 * 512;
        const size_t from =
            other.size() < 512 ? 0 : random_.Uniform(other.size() / 512) * 512;
        const std::string piece =
            other.substr(from, std::min<size_t>(512, size - sector));
        bytes->replace(sector, piece.size(), piece);
        marks_lost_ = true;
        return "misdirected a sector to " + std::to_string(sector) + " of";
      }
      case 4: {  // The whole of another file of the kind.
        *bytes = *files.GetBytes(of_kind[random_.Uniform(of_kind.size())]);
        return "swapped in another file for";
      }
      case 5: {
        const absl::StatusOr<std::string> old = victim_->old().GetBytes(path);
        if (old.ok()) *bytes = *old;
        marks_lost_ = true;
        return "brought back an older";
      }
      default:
        if (size > 0)
          (*bytes)[at] =
              static_cast<char>((*bytes)[at] ^ (1 << random_.Uniform(8)));
        return "flipped a bit at " + std::to_string(at) + " of";
    }
  }

  static void ExpectDataLoss(const absl::Status& status) {
    EXPECT_TRUE(absl::IsDataLoss(status) || absl::IsUnimplemented(status))
        << status;
    if (!absl::IsDataLoss(status)) return;
    const std::optional<ErrorDetail> detail = DetailOf(status);
    ASSERT_TRUE(detail.has_value()) << status;
    EXPECT_FALSE(detail->file.empty()) << status;
    EXPECT_NE(detail->offset, ErrorDetail::kNoOffset) << status;
  }

  void CheckAnswers(std::shared_ptr<MemoryFileSystem> files, uint64_t seed) {
    absl::StatusOr<std::unique_ptr<DB>> db =
        DB::Open(DamageOptions(files, seed), "/db");
    if (!db.ok()) {
      ExpectDataLoss(db.status());
      ++refused_;
      return;
    }
    const absl::StatusOr<uint64_t> hash = History::HashOf(**db);
    const History& history = victim_->history();
    if (!hash.ok()) {
      ExpectDataLoss(hash.status());
      ++found_by_reads_;
    } else {
      EXPECT_TRUE(
          history.Find(*hash, victim_->least(marks_lost_), history.batches()))
          << "a wrong state, without an error";
      ++harmless_;
    }
    if (hash.ok() && *hash != *History::HashOf(**db))
      ADD_FAILURE() << "it changed";
    CheckGets(**db, hash.ok());
    (*db)->Close().IgnoreError();
  }

  // Each key alone: right, or the damage is named. (After a legal torn tail the
  // state is an older one; then the scan above has said so.)
  void CheckGets(DB& db, bool scan_ok) {
    if (scan_ok) return;
    for (int i = 0; i < 700; i += 7) {
      const std::string key = "key" + std::to_string(i);
      const absl::StatusOr<std::string> value = db.Get(key);
      if (!value.ok() && !IsNotFound(value.status())) {
        ExpectDataLoss(value.status());
        continue;
      }
      if (!victim_->clean()) continue;
      const auto it = victim_->history().map().find(key);
      EXPECT_EQ(value.ok(), it != victim_->history().map().end()) << key;
      if (value.ok() && it != victim_->history().map().end()) {
        EXPECT_EQ(*value, it->second) << key;
      }
    }
  }

  const uint64_t seed_ = TestSeed();
  Random random_{seed_};
  std::unique_ptr<Victim> victim_;
  bool marks_lost_ = false;
  uint64_t refused_ = 0;
  uint64_t found_by_reads_ = 0;
  uint64_t harmless_ = 0;
};

TEST_P(DamageTest, IsSeenOrHarmless) {
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed_);
  victim_ = std::make_unique<Victim>(seed_, GetParam());
  ASSERT_FALSE(HasFailure());
  const uint64_t damages = Scaled(2500, 50);
  for (uint64_t i = 0; i < damages && !HasFailure(); ++i) {
    const std::shared_ptr<MemoryFileSystem> files = victim_->Copy();
    const std::string what = Damage(*files);
    if (what.empty()) continue;
    SCOPED_TRACE(testing::Message() << "damage " << i << ": " << what);
    CheckAnswers(files, i);
  }
  std::printf("refused at open %llu, found by a read %llu, harmless %llu\n",
              static_cast<unsigned long long>(refused_),
              static_cast<unsigned long long>(found_by_reads_),
              static_cast<unsigned long long>(harmless_));
}

INSTANTIATE_TEST_SUITE_P(Stops, DamageTest, testing::Values(true, false),
                         [](const auto& info) {
                           return info.param ? std::string("Clean")
                                             : std::string("Killed");
                         });

}  // namespace
}  // namespace lissom
