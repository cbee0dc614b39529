// The files and directories themselves, and what a power cut may leave of them.
#include "util/memory_file_system.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lissom/status.h"

namespace lissom {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr size_t kPage = 4096;
constexpr uint64_t kSeeds = 200;
const IoContext kContext;

using WritablePtr = std::unique_ptr<WritableFile>;
using FsPtr = std::shared_ptr<MemoryFileSystem>;

uint64_t BaseSeed() {
  const char* given = std::getenv("LISSOM_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
}

absl::Status Append(WritableFile& file, std::string_view bytes) {
  return file.Append({&bytes, 1}, kContext);
}

class MemoryFileSystemTest : public ::testing::Test {
 protected:
  WritablePtr Create(const std::string& path) {
    auto file = fs_.Create(path, kContext);
    EXPECT_TRUE(file.ok()) << file.status();
    return std::move(file).value();
  }
  // A file of these bytes, synced or not, its name not.
  void Write(const std::string& path, std::string_view bytes,
             bool sync = true) {
    WritablePtr file = Create(path);
    ASSERT_TRUE(Append(*file, bytes).ok());
    if (sync) {
      ASSERT_TRUE(file->Sync(kContext).ok());
    }
    ASSERT_TRUE(file->Close().ok());
  }
  void SyncRoot() { ASSERT_TRUE(fs_.SyncDirectory("/").ok()); }
  void Rename(const std::string& from, const std::string& to) {
    ASSERT_TRUE(fs_.RenameFile(from, to, kContext).ok());
  }

  MemoryFileSystem fs_;
};

// What stands at `path`: its bytes, or "(absent)".
std::string Look(const MemoryFileSystem& fs, const std::string& path) {
  const absl::StatusOr<std::string> bytes = fs.GetBytes(path);
  return bytes.ok() ? *bytes : "(absent)";
}

// What random and torn crashes now leave of these paths, as "a=... b=...".
std::set<std::string> Outcomes(const MemoryFileSystem& fs,
                               const std::vector<std::string>& paths) {
  std::set<std::string> outcomes;
  for (uint64_t seed = BaseSeed(); seed < BaseSeed() + kSeeds; ++seed) {
    for (const CrashPolicy& policy :
         {CrashPolicy::RandomSubset(seed), CrashPolicy::Torn(seed)}) {
      const FsPtr image = fs.CrashImageNow(policy);
      std::string outcome;
      for (const std::string& path : paths) {
        absl::StrAppend(&outcome, outcome.empty() ? "" : " ", path, "=",
                        Look(*image, path));
      }
      outcomes.insert(outcome);
    }
  }
  return outcomes;
}

std::string AfterSyncedOnly(const MemoryFileSystem& fs,
                            const std::string& path) {
  return Look(*fs.CrashImageNow(CrashPolicy::SyncedOnly()), path);
}

// --- As a file system

TEST_F(MemoryFileSystemTest, ReadsWhatWasAppended) {
  WritablePtr file = Create("/f");
  const std::string_view pieces[] = {"one ", "", "two"};
  ASSERT_TRUE(file->Append(pieces, kContext).ok());
  EXPECT_EQ(file->size(), 7u);
  auto reader = fs_.OpenForRead("/f", kContext);
  ASSERT_TRUE(reader.ok());
  char scratch[16];
  EXPECT_EQ(*(*reader)->Read(0, 16, scratch, kContext), "one two");
  EXPECT_EQ(*(*reader)->Read(4, 2, scratch, kContext), "tw");
  EXPECT_EQ(*(*reader)->Read(7, 2, scratch, kContext), "");
  EXPECT_EQ(*(*reader)->Read(~0ull, 2, scratch, kContext), "");
  EXPECT_EQ(*(*reader)->Size(), 7u);
}

TEST_F(MemoryFileSystemTest, PagesJoinAtEveryOffset) {
  WritablePtr file = Create("/f");
  std::string expected;
  for (size_t i = 0; expected.size() < 5 * kPage; ++i) {
    const std::string piece(1 + i * 37 % 700, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(Append(*file, piece).ok());
    expected += piece;
  }
  EXPECT_EQ(Look(fs_, "/f"), expected);
  auto reader = fs_.OpenForRead("/f", kContext);
  std::string scratch(2 * kPage, '?');
  for (uint64_t at = kPage - 3; at < kPage + 3; ++at) {
    EXPECT_EQ(*(*reader)->Read(at, kPage + 7, scratch.data(), kContext),
              expected.substr(at, kPage + 7));
  }
}

TEST_F(MemoryFileSystemTest, ErrorsAreThoseOfTheContract) {
  EXPECT_EQ(DetailOf(fs_.OpenForRead("/no", kContext).status())->kind,
            ErrorKind::kMissingFile);
  EXPECT_TRUE(IsDataLoss(fs_.OpenForRead("/no", kContext).status()));
  EXPECT_TRUE(IsDataLoss(fs_.Create("/no/f", kContext).status()));
  EXPECT_TRUE(IsDataLoss(fs_.RemoveFile("/no", kContext)));
  EXPECT_TRUE(IsDataLoss(fs_.RenameFile("/no", "/x", kContext)));
  EXPECT_TRUE(IsDataLoss(fs_.ListDirectory("/no").status()));
  EXPECT_TRUE(IsDataLoss(fs_.SyncDirectory("/no")));
  Write("/f", "x");
  EXPECT_EQ(fs_.Create("/f", kContext).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(fs_.CreateDirectory("/f").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(fs_.CreateDirectory("/").code(), absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(fs_.CreateDirectory("/d").ok());
  EXPECT_FALSE(fs_.OpenForRead("/d", kContext).ok());
  EXPECT_FALSE(fs_.RemoveFile("/d", kContext).ok());
  EXPECT_FALSE(fs_.RemoveDirectory("/f").ok());
  EXPECT_FALSE(fs_.RemoveDirectory("/").ok());
  EXPECT_FALSE(fs_.ListDirectory("/f").ok());
  EXPECT_FALSE(fs_.SyncDirectory("/f").ok());
  EXPECT_FALSE(fs_.RenameFile("/f", "/d", kContext).ok());
  EXPECT_FALSE(fs_.RenameFile("/d", "/d/inside", kContext).ok());
  EXPECT_EQ(fs_.GetFileInfo("/no")->type, FileInfo::Type::kAbsent);
  EXPECT_EQ(fs_.GetFileInfo("/f/below")->type, FileInfo::Type::kAbsent);
  EXPECT_EQ(fs_.GetFileInfo("/d")->type, FileInfo::Type::kDirectory);
  EXPECT_EQ(fs_.GetFileInfo("/f")->type, FileInfo::Type::kFile);
  EXPECT_EQ(fs_.GetFileInfo("/f")->size, 1u);
}

TEST_F(MemoryFileSystemTest, AClosedFileTakesNothingMore) {
  WritablePtr file = Create("/f");
  ASSERT_TRUE(file->Close().ok());
  EXPECT_FALSE(Append(*file, "x").ok());
  EXPECT_FALSE(file->Sync(kContext).ok());
  EXPECT_EQ(file->size(), 0u);
}

TEST_F(MemoryFileSystemTest, DirectoriesNestAndMustBeEmptyToGo) {
  ASSERT_TRUE(fs_.CreateDirectory("/d").ok());
  ASSERT_TRUE(fs_.CreateDirectory("d/e/").ok());
  Write("/d/./e/../f", "x");
  EXPECT_THAT(*fs_.ListDirectory("/d"), UnorderedElementsAre("e", "f"));
  EXPECT_FALSE(fs_.RemoveDirectory("/d").ok());
  EXPECT_TRUE(fs_.RemoveDirectory("/d/e").ok());
  EXPECT_TRUE(fs_.RemoveFile("/d/f", kContext).ok());
  EXPECT_TRUE(fs_.RemoveDirectory("/d").ok());
  EXPECT_THAT(*fs_.ListDirectory("/"), IsEmpty());
}

TEST_F(MemoryFileSystemTest, AnOpenFileOutlivesItsNameAndTheSystem) {
  auto fs = std::make_unique<MemoryFileSystem>();
  WritablePtr file = *fs->Create("/f", kContext);
  auto reader = *fs->OpenForRead("/f", kContext);
  ASSERT_TRUE(fs->RemoveFile("/f", kContext).ok());
  WritablePtr other = *fs->Create("/f", kContext);
  ASSERT_TRUE(Append(*file, "old").ok());
  ASSERT_TRUE(Append(*other, "newer").ok());
  char scratch[8];
  EXPECT_EQ(*reader->Read(0, 8, scratch, kContext), "old");
  EXPECT_EQ(Look(*fs, "/f"), "newer");
  fs.reset();
  EXPECT_TRUE(Append(*file, "er").ok());
  EXPECT_EQ(*reader->Read(0, 8, scratch, kContext), "older");
}

TEST_F(MemoryFileSystemTest, AllocatedRoomIsZerosUntilTrimmed) {
  WritablePtr file = Create("/f");
  ASSERT_TRUE(Append(*file, "ab").ok());
  ASSERT_TRUE(file->Allocate(10000, kContext).ok());
  ASSERT_TRUE(file->Allocate(5, kContext).ok());  // Never shrinks.
  ASSERT_TRUE(Append(*file, "c").ok());
  std::string expected = "abc";
  expected.resize(10000);
  EXPECT_EQ(Look(fs_, "/f"), expected);
  EXPECT_EQ(file->size(), 3u);
  ASSERT_TRUE(file->TrimToSize(kContext).ok());
  EXPECT_EQ(Look(fs_, "/f"), "abc");
}

TEST_F(MemoryFileSystemTest, LocksOncePerInstance) {
  auto lock = fs_.LockFile("/LOCK");
  ASSERT_TRUE(lock.ok());
  const absl::Status second = fs_.LockFile("/./LOCK").status();
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(DetailOf(second)->kind, ErrorKind::kLocked);
  EXPECT_TRUE(fs_.Clone()->LockFile("/LOCK").ok());  // Images are unlocked.
  lock->reset();
  EXPECT_TRUE(fs_.LockFile("/LOCK").ok());
}

TEST_F(MemoryFileSystemTest, DamageIsDurable) {
  Write("/f", "abcdef");
  ASSERT_TRUE(fs_.FlipBit("/f", 8).ok());
  ASSERT_TRUE(fs_.Truncate("/f", 3).ok());
  ASSERT_TRUE(fs_.SetBytes("/g", "new").ok());
  EXPECT_FALSE(fs_.FlipBit("/f", 24).ok());
  EXPECT_FALSE(fs_.Truncate("/f", 4).ok());
  const FsPtr image = fs_.CrashImageNow(CrashPolicy::SyncedOnly());
  EXPECT_EQ(Look(*image, "/f"), "acc");
  EXPECT_EQ(Look(*image, "/g"), "new");
  EXPECT_THAT(fs_.Files(), ElementsAre("/f", "/g"));
}

TEST_F(MemoryFileSystemTest, ACloneGoesItsOwnWay) {
  Write("/f", "same");
  const FsPtr clone = fs_.Clone();
  ASSERT_TRUE(clone->SetBytes("/f", "changed").ok());
  ASSERT_TRUE(fs_.RemoveFile("/f", kContext).ok());
  EXPECT_EQ(Look(*clone, "/f"), "changed");
  EXPECT_EQ(Look(fs_, "/f"), "(absent)");
}

TEST_F(MemoryFileSystemTest, ThreadsMayShareIt) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string path = absl::StrCat("/", t, "-", i);
        WritablePtr file = *fs_.Create(path, kContext);
        ASSERT_TRUE(Append(*file, path).ok());
        ASSERT_TRUE(file->Sync(kContext).ok());
        ASSERT_EQ(Look(*fs_.Clone(), path), path);
      }
    });
  }
  CrashReplayer replayer(fs_);
  for (int i = 0; i < 50; ++i) {
    replayer.AdvanceTo(fs_.operation_count());
    replayer.Image(CrashPolicy::Torn(BaseSeed()));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(fs_.Files().size(), 400u);
}

// --- After a crash, by hand

TEST_F(MemoryFileSystemTest, WithoutADirectorySyncASyncedFileMayHaveNoName) {
  Write("/f", "data");
  EXPECT_EQ(AfterSyncedOnly(fs_, "/f"), "(absent)");
  EXPECT_THAT(Outcomes(fs_, {"f"}),
              UnorderedElementsAre("f=(absent)", "f=data"));
  SyncRoot();
  EXPECT_EQ(AfterSyncedOnly(fs_, "/f"), "data");
  EXPECT_THAT(Outcomes(fs_, {"f"}), UnorderedElementsAre("f=data"));
}

TEST_F(MemoryFileSystemTest, ADurableNameSaysNothingOfTheBytes) {
  Write("/f", "data", /*sync=*/false);
  SyncRoot();
  EXPECT_EQ(AfterSyncedOnly(fs_, "/f"), "");
  const std::set<std::string> outcomes = Outcomes(fs_, {"f"});
  EXPECT_TRUE(outcomes.contains("f="));
  EXPECT_TRUE(outcomes.contains("f=data"));
  EXPECT_TRUE(outcomes.contains(std::string("f=\0\0\0\0", 6)));
}

TEST_F(MemoryFileSystemTest, ARenameIsOldOrNewAndNeverNeither) {
  Write("/CURRENT", "1");
  SyncRoot();
  Write("/tmp", "2");
  Rename("/tmp", "/CURRENT");
  EXPECT_EQ(AfterSyncedOnly(fs_, "/CURRENT"), "1");
  EXPECT_THAT(
      Outcomes(fs_, {"CURRENT", "tmp"}),
      UnorderedElementsAre("CURRENT=1 tmp=(absent)", "CURRENT=1 tmp=2",
                           "CURRENT=2 tmp=(absent)", "CURRENT=2 tmp=2"));
  SyncRoot();
  EXPECT_THAT(Outcomes(fs_, {"CURRENT", "tmp"}),
              UnorderedElementsAre("CURRENT=2 tmp=(absent)"));
}

TEST_F(MemoryFileSystemTest, ARenameMaySurviveWithoutTheData) {
  Write("/CURRENT", "1");
  SyncRoot();
  Write("/tmp", "2", /*sync=*/false);
  Rename("/tmp", "/CURRENT");
  const std::set<std::string> outcomes = Outcomes(fs_, {"CURRENT"});
  EXPECT_TRUE(outcomes.contains("CURRENT="));
  EXPECT_TRUE(outcomes.contains("CURRENT=1"));
  EXPECT_TRUE(outcomes.contains("CURRENT=2"));
}

TEST_F(MemoryFileSystemTest, ARenameOfADurableFileNeverLosesIt) {
  Write("/LOG", "x");
  SyncRoot();
  Rename("/LOG", "/LOG.old");
  Rename("/LOG.old", "/LOG.older");
  for (const std::string& outcome :
       Outcomes(fs_, {"LOG", "LOG.old", "LOG.older"})) {
    EXPECT_NE(outcome.find("=x"), std::string::npos) << outcome;
  }
}

TEST_F(MemoryFileSystemTest, AnUnsyncedRemoveMayComeBackWithItsDurableBytes) {
  Write("/f", "data");
  SyncRoot();
  ASSERT_TRUE(fs_.RemoveFile("/f", kContext).ok());
  EXPECT_EQ(AfterSyncedOnly(fs_, "/f"), "data");
  EXPECT_THAT(Outcomes(fs_, {"f"}),
              UnorderedElementsAre("f=(absent)", "f=data"));
  EXPECT_EQ(Look(*fs_.Clone(), "/f"), "(absent)");
  SyncRoot();
  EXPECT_EQ(AfterSyncedOnly(fs_, "/f"), "(absent)");
}

TEST_F(MemoryFileSystemTest, ANameIsInOneOfTheStatesItWentThrough) {
  Write("/f", "1");
  SyncRoot();
  ASSERT_TRUE(fs_.RemoveFile("/f", kContext).ok());
  Write("/f", "2");
  ASSERT_TRUE(fs_.RemoveFile("/f", kContext).ok());
  Write("/f", "3");
  EXPECT_THAT(Outcomes(fs_, {"f"}),
              UnorderedElementsAre("f=1", "f=(absent)", "f=2", "f=3"));
}

TEST_F(MemoryFileSystemTest, DirectoriesGetTheirNameFromTheirParent) {
  ASSERT_TRUE(fs_.CreateDirectory("/db").ok());
  Write("/db/f", "data");
  ASSERT_TRUE(fs_.SyncDirectory("/db").ok());
  EXPECT_EQ(AfterSyncedOnly(fs_, "/db/f"), "(absent)");
  SyncRoot();
  EXPECT_EQ(AfterSyncedOnly(fs_, "/db/f"), "data");
}

TEST_F(MemoryFileSystemTest, AllocatedLengthIsUnsyncedUntilSync) {
  WritablePtr file = Create("/f");
  SyncRoot();
  ASSERT_TRUE(file->Allocate(3 * kPage, kContext).ok());
  EXPECT_EQ(AfterSyncedOnly(fs_, "/f").size(), 0u);
  ASSERT_TRUE(file->Sync(kContext).ok());
  ASSERT_TRUE(Append(*file, "log").ok());
  for (const std::string& outcome : Outcomes(fs_, {"f"})) {
    EXPECT_EQ(outcome.size(), 2 + 3 * kPage);
  }
  ASSERT_TRUE(file->Sync(kContext).ok());
  ASSERT_TRUE(file->TrimToSize(kContext).ok());
  EXPECT_EQ(AfterSyncedOnly(fs_, "/f").size(), 3 * kPage);
  for (const std::string& outcome : Outcomes(fs_, {"f"})) {
    EXPECT_EQ(outcome.substr(2, 3), "log");
  }
  ASSERT_TRUE(file->Sync(kContext).ok());
  EXPECT_EQ(AfterSyncedOnly(fs_, "/f"), "log");
}

TEST_F(MemoryFileSystemTest, PagesLandInAnyOrder) {
  Write("/f", std::string(kPage, 'a') + std::string(kPage, 'b'),
        /*sync=*/false);
  SyncRoot();
  std::set<std::pair<bool, bool>> landed;
  for (const std::string& outcome : Outcomes(fs_, {"f"})) {
    if (outcome.size() < 2 + 2 * kPage) continue;
    landed.insert({outcome[2] == 'a', outcome[2 + kPage] == 'b'});
  }
  EXPECT_EQ(landed.size(), 4u);
}

TEST_F(MemoryFileSystemTest, OnlyTornCrashesTearPages) {
  Write("/f", std::string(kPage, 'x'), /*sync=*/false);
  SyncRoot();
  size_t torn = 0;
  for (uint64_t seed = BaseSeed(); seed < BaseSeed() + kSeeds; ++seed) {
    for (const CrashPolicy& policy :
         {CrashPolicy::RandomSubset(seed), CrashPolicy::Torn(seed)}) {
      const std::string bytes = Look(*fs_.CrashImageNow(policy), "/f");
      const size_t fresh =
          static_cast<size_t>(std::count(bytes.begin(), bytes.end(), 'x'));
      if (fresh == 0 || fresh == bytes.size()) continue;
      EXPECT_EQ(policy.kind, CrashPolicy::Kind::kTorn) << ToString(policy);
      ++torn;
    }
  }
  EXPECT_GT(torn, 10u);
}

TEST_F(MemoryFileSystemTest, AFailedSyncLosesPagesThatLaterSyncsDoNotSave) {
  WritablePtr file = Create("/f");
  SyncRoot();
  ASSERT_TRUE(Append(*file, std::string(kPage, 'a')).ok());
  ASSERT_TRUE(fs_.DropUnsynced("/f").ok());
  EXPECT_EQ(Look(fs_, "/f"), std::string(kPage, 'a'));
  ASSERT_TRUE(Append(*file, std::string(kPage, 'b')).ok());
  ASSERT_TRUE(file->Sync(kContext).ok());  // Says OK, as Linux does.
  for (const CrashPolicy& policy :
       {CrashPolicy::SyncedOnly(), CrashPolicy::Torn(BaseSeed())}) {
    EXPECT_EQ(Look(*fs_.CrashImageNow(policy), "/f"),
              std::string(kPage, '\0') + std::string(kPage, 'b'));
  }
  EXPECT_EQ(Look(*fs_.Clone(), "/f")[0], 'a');
}

TEST_F(MemoryFileSystemTest, TwoNamesOfOneFileStayOneFile) {
  Write("/tmp", "x");
  Rename("/tmp", "/CURRENT");
  for (uint64_t seed = BaseSeed();; ++seed) {
    ASSERT_LT(seed, BaseSeed() + kSeeds);
    const FsPtr image = fs_.CrashImageNow(CrashPolicy::RandomSubset(seed));
    if (image->Files().size() != 2) continue;
    // rename(2) between two names of a file does nothing.
    ASSERT_TRUE(image->RenameFile("/tmp", "/CURRENT", kContext).ok());
    EXPECT_EQ(image->Files().size(), 2u);
    break;
  }
}

TEST(MemoryFile, WhatWasCutOffDoesNotComeBack) {
  MemoryFile file;
  file.SetBytes(std::string(2 * kPage, 'x'));
  file.Resize(3);
  file.Resize(2 * kPage);
  std::string seen(2 * kPage, '?');
  ASSERT_EQ(file.Read(0, seen.size(), seen.data()), seen.size());
  EXPECT_EQ(seen, "xxx" + std::string(2 * kPage - 3, '\0'));
  file.Sync();
  file.Write(0, "y");
  Random random(BaseSeed());
  std::string left(2 * kPage, '?');
  const auto image = file.AfterCrash(CrashPolicy::Kind::kSyncedOnly, random);
  ASSERT_EQ(image->Read(0, left.size(), left.data()), left.size());
  EXPECT_EQ(left, seen);
}

TEST(MemoryFile, ASyncedCutIsDurable) {
  MemoryFile file;
  file.SetBytes(std::string(2 * kPage, 'x'));
  file.Resize(3);
  file.Sync();
  file.Write(3, "unsynced");
  Random random(BaseSeed());
  EXPECT_EQ(file.AfterCrash(CrashPolicy::Kind::kSyncedOnly, random)->size(),
            3u);
}

// --- The log

TEST_F(MemoryFileSystemTest, OperationsCanBeReadBack) {
  Write("/f", "data");
  EXPECT_FALSE(fs_.RemoveFile("/no", kContext).ok());  // Not in the log.
  Rename("/f", "/g");
  ASSERT_EQ(fs_.operation_count(), 5u);
  EXPECT_EQ(ToString(fs_.operation(0)), "create /f");
  EXPECT_EQ(ToString(fs_.operation(1)), "append /f 4 bytes at 0");
  EXPECT_EQ(ToString(fs_.operation(2)), "sync /f");
  EXPECT_EQ(ToString(fs_.operation(3)), "close /f");
  EXPECT_EQ(ToString(fs_.operation(4)), "rename /f to /g");
}

TEST_F(MemoryFileSystemTest, EveryPointInThePastCanBeVisited) {
  Write("/f", "1");
  ASSERT_TRUE(fs_.SetBytes("/g", "2").ok());
  ASSERT_TRUE(fs_.RemoveFile("/f", kContext).ok());
  const CrashPolicy all = CrashPolicy::Everything();
  EXPECT_THAT(fs_.CrashImage(0, all)->Files(), IsEmpty());
  EXPECT_EQ(Look(*fs_.CrashImage(1, all), "/f"), "");
  EXPECT_EQ(Look(*fs_.CrashImage(2, all), "/f"), "1");
  EXPECT_THAT(fs_.CrashImage(5, all)->Files(), ElementsAre("/f", "/g"));
  EXPECT_THAT(fs_.CrashImage(6, all)->Files(), ElementsAre("/g"));
}

TEST_F(MemoryFileSystemTest, AnImageCanCrashAgain) {
  Write("/f", "1");
  SyncRoot();
  const FsPtr image = fs_.CrashImageNow(CrashPolicy::SyncedOnly());
  EXPECT_EQ(image->operation_count(), 0u);
  ASSERT_TRUE(image->RemoveFile("/f", kContext).ok());
  EXPECT_EQ(AfterSyncedOnly(*image, "/f"), "1");
  EXPECT_EQ(Look(*image->CrashImage(0, CrashPolicy::SyncedOnly()), "/f"), "1");
  EXPECT_EQ(Look(*image->CrashImage(1, CrashPolicy::Everything()), "/f"),
            "(absent)");
}

TEST_F(MemoryFileSystemTest, WithoutALogThePresentCanCrash) {
  MemoryFileSystem fs({.record_operations = false});
  ASSERT_TRUE((*fs.Create("/f", kContext))->Close().ok());
  EXPECT_EQ(fs.operation_count(), 2u);
  EXPECT_THAT(fs.CrashImageNow(CrashPolicy::SyncedOnly())->Files(), IsEmpty());
}

// --- Against a reference that keeps every version of everything

// Per file and per name all versions since the last sync, kept plainly.
struct Reference {
  struct File {
    std::vector<std::string> versions = {""};  // Since the last Sync.
  };
  std::vector<File> files;
  // The states of a name since the last SyncDirectory; nullopt is absent.
  std::map<std::string, std::vector<std::optional<size_t>>> names;

  std::optional<size_t> Now(const std::string& name) {
    auto& states = names[name];
    if (states.empty()) states.push_back(std::nullopt);
    return states.back();
  }

  // May `bytes` be what is left of `file`? Every byte of it must have been
  // there in some version, or be a zero where nothing landed.
  static bool Legal(const File& file, const std::string& bytes) {
    size_t shortest = ~size_t{0}, longest = 0;
    for (const std::string& version : file.versions) {
      shortest = std::min(shortest, version.size());
      longest = std::max(longest, version.size());
    }
    if (bytes.size() < shortest || bytes.size() > longest) return false;
    const std::string& durable = file.versions.front();
    for (size_t i = 0; i < bytes.size(); ++i) {
      bool found = i >= durable.size() && bytes[i] == '\0';
      for (const std::string& version : file.versions) {
        found = found || (i < version.size() && version[i] == bytes[i]);
      }
      if (!found) return false;
    }
    return true;
  }
};

class CrashLegality : public MemoryFileSystemTest {
 protected:
  struct OpenFile {
    WritablePtr handle;
    size_t index;
  };

  // One random operation, done to both.
  void Step(Random& random) {
    const std::string name = absl::StrCat("n", random.Uniform(6));
    const std::optional<size_t> there = reference_.Now(name);
    switch (random.Uniform(12)) {
      case 0:
      case 1:
        if (there) break;
        open_.push_back({Create("/" + name), reference_.files.size()});
        reference_.names[name].push_back(reference_.files.size());
        reference_.files.emplace_back();
        break;
      case 2:
        if (!there) break;
        ASSERT_TRUE(fs_.RemoveFile("/" + name, kContext).ok());
        reference_.names[name].push_back(std::nullopt);
        break;
      case 3: {
        const std::string to = absl::StrCat("n", random.Uniform(6));
        if (!there || reference_.Now(to) == there) break;
        Rename("/" + name, "/" + to);
        reference_.names[to].push_back(there);
        reference_.names[name].push_back(std::nullopt);
        break;
      }
      case 4:
        SyncRoot();
        for (auto& [unused, states] : reference_.names) {
          if (states.size() > 1) states = {states.back()};
        }
        break;
      default:
        if (!open_.empty())
          StepFile(open_[random.Uniform(open_.size())], random);
    }
  }

  void StepFile(OpenFile& open, Random& random) {
    auto& versions = reference_.files[open.index].versions;
    std::string now = versions.back();
    const size_t appended = open.handle->size();
    switch (random.Uniform(6)) {
      case 0:
        ASSERT_TRUE(open.handle->Sync(kContext).ok());
        versions = {now};
        return;
      case 1: {
        const size_t size = appended + random.Uniform(3 * kPage);
        ASSERT_TRUE(open.handle->Allocate(size, kContext).ok());
        if (size > now.size()) now.resize(size);
        break;
      }
      case 2:
        ASSERT_TRUE(open.handle->TrimToSize(kContext).ok());
        now.resize(appended);
        break;
      default: {
        std::string bytes(1 + random.Uniform(random.OneIn(3) ? 9000 : 60), 0);
        for (char& c : bytes) c = static_cast<char>('a' + random.Uniform(26));
        ASSERT_TRUE(Append(*open.handle, bytes).ok());
        if (now.size() < appended + bytes.size()) {
          now.resize(appended + bytes.size());
        }
        now.replace(appended, bytes.size(), bytes);
      }
    }
    versions.push_back(now);
  }

  void Check(const MemoryFileSystem& image, const CrashPolicy& policy) {
    SCOPED_TRACE(ToString(policy));
    for (const auto& [name, states] : reference_.names) {
      const absl::StatusOr<std::string> bytes = image.GetBytes("/" + name);
      std::vector<std::optional<size_t>> allowed = states;
      if (policy.kind == CrashPolicy::Kind::kSyncedOnly) {
        allowed = {states.front()};
      } else if (policy.kind == CrashPolicy::Kind::kEverything) {
        allowed = {states.back()};
      }
      bool legal = false;
      for (const std::optional<size_t>& state : allowed) {
        if (!state) {
          legal = legal || !bytes.ok();
        } else if (bytes.ok()) {
          legal = legal || FileLegal(reference_.files[*state], *bytes, policy);
        }
      }
      EXPECT_TRUE(legal) << name;
    }
    for (const std::string& path : image.Files()) {
      EXPECT_TRUE(reference_.names.contains(path.substr(1))) << path;
    }
  }

  static bool FileLegal(const Reference::File& file, const std::string& bytes,
                        const CrashPolicy& policy) {
    switch (policy.kind) {
      case CrashPolicy::Kind::kSyncedOnly:
        return bytes == file.versions.front();
      case CrashPolicy::Kind::kEverything:
        return bytes == file.versions.back();
      default:
        return Reference::Legal(file, bytes);
    }
  }

  Reference reference_;
  std::vector<OpenFile> open_;
};

TEST_F(CrashLegality, EveryImageOfEveryPointIsLegal) {
  const uint64_t seed = BaseSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  CrashReplayer replayer(fs_);
  for (int step = 0; step < 1500 && !HasFailure(); ++step) {
    Step(random);
    // Not after each: an image settles what is synced, and must change nothing.
    if (random.OneIn(3)) continue;
    replayer.AdvanceTo(fs_.operation_count());
    for (const CrashPolicy& policy :
         {CrashPolicy::SyncedOnly(), CrashPolicy::Everything(),
          CrashPolicy::RandomSubset(random.Next()),
          CrashPolicy::Torn(random.Next())}) {
      Check(*replayer.Image(policy), policy);
    }
  }
}

TEST_F(CrashLegality, ReplayingAndCrashingNowDrawTheSame) {
  const uint64_t seed = BaseSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  Random random(seed);
  for (int step = 0; step < 300; ++step) Step(random);
  for (uint64_t i = 0; i < 20; ++i) {
    const CrashPolicy policy = CrashPolicy::Torn(seed + i);
    const FsPtr now = fs_.CrashImageNow(policy);
    const FsPtr replayed = fs_.CrashImage(fs_.operation_count(), policy);
    ASSERT_EQ(now->Files(), replayed->Files());
    for (const std::string& path : now->Files()) {
      EXPECT_EQ(Look(*now, path), Look(*replayed, path)) << path;
    }
  }
}

}  // namespace
}  // namespace lissom
