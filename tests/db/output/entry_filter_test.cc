#include "db/output/entry_filter.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/table/vector_iterator.h"

namespace lissom {
namespace {

using Verdict = EntryFilter::Verdict;
using testing::ElementsAre;

bool NeverDeeper(std::string_view) { return false; }

std::vector<Verdict> Judge(const std::vector<TestEntry>& entries,
                           std::vector<SequenceNumber> snapshots,
                           EntryFilter::MayLieDeeper deeper = NeverDeeper) {
  EntryFilter filter(std::move(snapshots), std::move(deeper));
  std::vector<Verdict> verdicts;
  for (const TestEntry& e : entries) {
    verdicts.push_back(filter.Judge(e.key.view()));
  }
  return verdicts;
}

TEST(EntryFilter, KeepsTheNewestVersionOfEachStripe) {
  EXPECT_THAT(
      Judge({Put("k", 35, ""), Put("k", 33, ""), Put("k", 28, ""),
             Put("k", 21, ""), Put("k", 15, ""), Put("k", 7, "")},
            {20, 30, 40}),
      ElementsAre(Verdict::kKeep, Verdict::kShadowed, Verdict::kKeep,
                  Verdict::kShadowed, Verdict::kKeep, Verdict::kShadowed));
}

TEST(EntryFilter, ASnapshotSeesTheEntryOfItsOwnSequence) {
  EXPECT_THAT(Judge({Put("k", 21, ""), Put("k", 20, "")}, {20, 40}),
              ElementsAre(Verdict::kKeep, Verdict::kKeep));
}

TEST(EntryFilter, KeepsEverythingAboveNow) {
  EXPECT_THAT(
      Judge({Put("k", 12, ""), Tombstone("k", 11), Put("k", 9, "")}, {10}),
      ElementsAre(Verdict::kKeep, Verdict::kKeep, Verdict::kKeep));
}

TEST(EntryFilter, DropsATombstoneOnlyIfNothingLiesDeeper) {
  const std::vector<TestEntry> entries = {Tombstone("a", 9), Put("a", 5, ""),
                                          Tombstone("b", 8), Put("b", 4, "")};
  EXPECT_THAT(
      Judge(entries, {10}, [](std::string_view key) { return key == "a"; }),
      ElementsAre(Verdict::kKeep, Verdict::kShadowed, Verdict::kObsolete,
                  Verdict::kShadowed));
  EXPECT_THAT(Judge(entries, {10}, nullptr),
              ElementsAre(Verdict::kKeep, Verdict::kShadowed, Verdict::kKeep,
                          Verdict::kShadowed));
}

// Pebble once removed a key that a snapshot needed together with the tombstone
// above it, and RocksDB let a deleted key come back.
TEST(EntryFilter, KeepsATombstoneAboveAVersionThatASnapshotSees) {
  EXPECT_THAT(Judge({Tombstone("k", 9), Put("k", 5, "")}, {6, 10}),
              ElementsAre(Verdict::kKeep, Verdict::kKeep));
}

// --- Every small history -----------------------------------------------------
//
// A key has versions 1 to 4, each absent, a put or a tombstone, and each either
// in the stream or deeper in the tree (the deeper ones are the older ones).
// For every set of snapshots, what each of them reads before and after must be
// the same, also when other keys are merged by the same filter.

constexpr int kVersions = 4;
enum class Form { kAbsent, kPut, kTombstone };

struct History {
  Form forms[kVersions];  // Of sequences 1, 2, ...
  int deeper;             // So many of the oldest lie below the output.
};

std::vector<History> AllHistories() {
  std::vector<History> all;
  for (int code = 0; code < 81; ++code) {
    for (int deeper = 0; deeper <= kVersions; ++deeper) {
      History h{};
      int rest = code;
      for (Form& form : h.forms) {
        form = static_cast<Form>(rest % 3);
        rest /= 3;
      }
      h.deeper = deeper;
      all.push_back(h);
    }
  }
  return all;
}

TestEntry EntryOf(const History& h, const std::string& key, int version) {
  const auto sequence = static_cast<SequenceNumber>(version + 1);
  return h.forms[version] == Form::kPut
             ? Put(key, sequence, absl::StrCat(key, version))
             : Tombstone(key, sequence);
}

// Newest first: what of the history stands in the stream (or deeper).
std::vector<TestEntry> Part(const History& h, const std::string& key,
                            bool deeper) {
  std::vector<TestEntry> part;
  for (int v = kVersions - 1; v >= 0; --v) {
    if (h.forms[v] != Form::kAbsent && (v < h.deeper) == deeper) {
      part.push_back(EntryOf(h, key, v));
    }
  }
  return part;
}

// What a reader at `sequence` gets of one key, given all its entries in order.
std::optional<std::string> Read(const std::vector<TestEntry>& entries,
                                const std::string& key,
                                SequenceNumber sequence) {
  for (const TestEntry& e : entries) {
    if (e.key.user_key != key || e.key.view().sequence() > sequence) continue;
    if (e.key.view().kind() == EntryKind::kDelete) return std::nullopt;
    return e.value;
  }
  return std::nullopt;
}

// Filters the histories as keys "0", "1", ... and compares every read.
void CheckHistories(const std::vector<History>& histories,
                    const std::vector<SequenceNumber>& snapshots) {
  std::vector<TestEntry> stream, deeper;
  for (size_t i = 0; i < histories.size(); ++i) {
    for (const bool is_deeper : {false, true}) {
      for (TestEntry& e : Part(histories[i], absl::StrCat(i), is_deeper)) {
        (is_deeper ? deeper : stream).push_back(std::move(e));
      }
    }
  }
  EntryFilter filter(snapshots, [&](std::string_view key) {
    for (const TestEntry& e : deeper) {
      if (e.key.user_key == key) return true;
    }
    return false;
  });
  std::vector<TestEntry> before = stream, after;
  for (const TestEntry& e : stream) {
    if (filter.Judge(e.key.view()) == Verdict::kKeep) after.push_back(e);
  }
  const size_t kept = after.size();
  before.insert(before.end(), deeper.begin(), deeper.end());
  after.insert(after.end(), deeper.begin(), deeper.end());
  size_t needed = 0;  // At most one version a key and stripe.
  for (size_t i = 0; i < histories.size(); ++i) {
    const std::string key = absl::StrCat(i);
    for (const SequenceNumber s : snapshots) {
      ASSERT_EQ(Read(before, key, s), Read(after, key, s))
          << "key " << key << " at " << s;
    }
    needed += snapshots.size();
  }
  ASSERT_LE(kept, needed);
}

// All ascending snapshot lists that end with "now".
std::vector<std::vector<SequenceNumber>> AllSnapshots() {
  std::vector<std::vector<SequenceNumber>> all;
  for (int set = 0; set < 1 << kVersions; ++set) {
    std::vector<SequenceNumber> snapshots;
    for (int s = 0; s < kVersions; ++s) {
      if ((set >> s & 1) != 0) {
        snapshots.push_back(static_cast<SequenceNumber>(s));
      }
    }
    snapshots.push_back(kVersions);
    all.push_back(snapshots);
  }
  return all;
}

TEST(EntryFilter, ChangesNoReadOfAnyHistoryOfOneKey) {
  for (const auto& snapshots : AllSnapshots()) {
    for (const History& h : AllHistories()) {
      ASSERT_NO_FATAL_FAILURE(CheckHistories({h}, snapshots));
    }
  }
}

TEST(EntryFilter, ChangesNoReadOfAnyHistoriesOfTwoAndThreeKeys) {
  const std::vector<History> all = AllHistories();
  for (const auto& snapshots : AllSnapshots()) {
    for (size_t i = 0; i < all.size(); ++i) {
      // All neighbours for one of them, a stride through them for the other.
      for (size_t j = i % 7; j < all.size(); j += 7) {
        ASSERT_NO_FATAL_FAILURE(CheckHistories({all[i], all[j]}, snapshots));
        const History& third = all[(i * 31 + j * 17) % all.size()];
        ASSERT_NO_FATAL_FAILURE(
            CheckHistories({third, all[j], all[i]}, snapshots));
      }
    }
  }
}

TEST(EntryFilter, LeavesOneVersionAKeyWhenNobodyLooksBack) {
  for (const History& h : AllHistories()) {
    const std::vector<TestEntry> stream = Part(h, "k", false);
    const std::vector<Verdict> verdicts = Judge(stream, {kVersions});
    for (size_t i = 0; i < stream.size(); ++i) {
      const bool is_put = stream[i].key.view().kind() == EntryKind::kPut;
      EXPECT_EQ(verdicts[i], i > 0    ? Verdict::kShadowed
                             : is_put ? Verdict::kKeep
                                      : Verdict::kObsolete);
    }
  }
}

}  // namespace
}  // namespace lissom
