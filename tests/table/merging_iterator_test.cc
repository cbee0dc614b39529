#include "table/merging_iterator.h"

#include <cstdlib>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/table/vector_iterator.h"
#include "util/random.h"

namespace lissom {
namespace {

using Runs = std::vector<std::vector<TestEntry>>;

KeyOrder Bytewise() { return KeyOrder(BytewiseComparator()); }

std::unique_ptr<InternalIterator> Merge(const KeyOrder& order,
                                        const Runs& runs) {
  std::vector<std::unique_ptr<InternalIterator>> sources;
  for (const std::vector<TestEntry>& run : runs) {
    sources.push_back(std::make_unique<VectorIterator>(order, run));
  }
  return NewMergingIterator(order, std::move(sources));
}

TestEntry Here(const InternalIterator& it) {
  return {InternalKey(it.key()), std::string(it.value())};
}

std::vector<TestEntry> Forward(InternalIterator& it) {
  std::vector<TestEntry> all;
  for (it.SeekToFirst(); it.Valid(); it.Next()) all.push_back(Here(it));
  return all;
}

uint64_t Seed() {
  const char* seed = std::getenv("LISSOM_SEED");
  return seed == nullptr ? 20261121 : std::strtoull(seed, nullptr, 10);
}

TEST(MergingIterator, OfNothingIsEmpty) {
  auto it = Merge(Bytewise(), {});
  it->SeekToFirst();
  EXPECT_FALSE(it->Valid());
  it->SeekForPrev({"x", 0});
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(it->status().ok());
}

TEST(MergingIterator, IsNotValidBeforeTheFirstSeek) {
  EXPECT_FALSE(
      Merge(Bytewise(), {{Put("a", 1, "")}, {Put("b", 2, "")}})->Valid());
}

TEST(MergingIterator, ShowsTheNewestVersionOfAKeyFirst) {
  auto it = Merge(Bytewise(), {{Put("a", 1, "old"), Put("b", 9, "b")},
                               {Put("a", 7, "new")},
                               {Tombstone("a", 4)}});
  EXPECT_THAT(Forward(*it),
              testing::ElementsAre(Put("a", 7, "new"), Tombstone("a", 4),
                                   Put("a", 1, "old"), Put("b", 9, "b")));
}

TEST(MergingIterator, ShowsEqualInternalKeysOfAllSourcesBothWays) {
  auto it = Merge(Bytewise(), {{Put("a", 1, "first"), Put("b", 2, "first")},
                               {Put("a", 1, "second")},
                               {Put("a", 1, "third")}});
  const std::vector<TestEntry> all = Forward(*it);
  EXPECT_THAT(all,
              testing::ElementsAre(Put("a", 1, "first"), Put("a", 1, "second"),
                                   Put("a", 1, "third"), Put("b", 2, "first")));
  // Turn round on every one of them.
  for (size_t turn = 1; turn < all.size(); ++turn) {
    it->SeekToFirst();
    for (size_t i = 0; i < turn; ++i) it->Next();
    it->Prev();
    ASSERT_TRUE(it->Valid());
    EXPECT_EQ(Here(*it), all[turn - 1]);
    it->Next();
    ASSERT_TRUE(it->Valid());
    EXPECT_EQ(Here(*it), all[turn]);
  }
}

// LevelDB's issue 200: after Seek, Prev and Next a source had been left on the
// wrong side of the present key.
TEST(MergingIterator, TurnsRoundNextToAnExhaustedSource) {
  auto it = Merge(Bytewise(), {{Put("a", 1, ""), Put("e", 2, "")},
                               {Put("c", 3, "")},
                               {Put("d", 4, "")}});
  it->Seek({"d", SeekTrailer(kMaxSequence)});  // "c"'s source is off its end.
  it->Prev();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(Here(*it), Put("c", 3, ""));
  it->Next();
  it->Next();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(Here(*it), Put("e", 2, ""));
  it->Prev();
  it->Prev();
  it->Prev();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(Here(*it), Put("a", 1, ""));
  it->Prev();
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(it->status().ok());
}

// A walk of random moves over random runs must show what a sorted vector shows.
class MergingIteratorModel : public testing::TestWithParam<int> {
 protected:
  MergingIteratorModel()
      : random_(Seed() + static_cast<uint64_t>(GetParam())) {}

  std::string RandomKey() {
    // Shared prefixes longer than a head, short keys, bytes of 0 and 255.
    static const std::string kPrefixes[] = {"user00000", "user0000user1111",
                                            std::string(40, 'u'), "",
                                            std::string("\0\0", 2)};
    // Some seeds share prefixes throughout, some with exceptions, some rarely.
    std::string key = kPrefixes[random_.Uniform(
        random_.OneIn(50) ? 5 : 1 + static_cast<uint64_t>(GetParam()) % 5)];
    for (uint64_t n = random_.Uniform(3); n > 0; --n) {
      key += static_cast<char>(random_.OneIn(4) ? 255 * random_.Uniform(2)
                                                : 'a' + random_.Uniform(3));
    }
    return key;
  }

  Runs RandomRuns() {
    Runs runs(1 + random_.Uniform(9));
    for (SequenceNumber n = random_.Uniform(120); n > 0; --n) {
      // Small runs and long stretches in one of them: gallops.
      runs[random_.OneIn(3) ? random_.Uniform(runs.size()) : 0].push_back(
          Put(RandomKey(), n, absl::StrCat(n)));
    }
    return runs;
  }

  Random random_;
};

TEST_P(MergingIteratorModel, WalksLikeASortedVector) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", Seed()));
  const KeyOrder order(GetParam() % 2 == 0 ? BytewiseComparator()
                                           : ReverseBytewiseComparator());
  const Runs runs = RandomRuns();
  std::vector<TestEntry> model;
  for (const auto& run : runs)
    model.insert(model.end(), run.begin(), run.end());
  SortEntries(order, model);
  auto it = Merge(order, runs);
  const auto size = static_cast<int64_t>(model.size());
  int64_t at = -1;  // Off either end: -1.
  for (int step = 0; step < 2000; ++step) {
    const uint64_t move = random_.Uniform(20);
    const StepBy by = random_.OneIn(2) ? StepBy::kMove : StepBy::kEntry;
    const InternalKey target(RandomKey(), SeekTrailer(random_.Uniform(120)));
    const auto before = [&](const TestEntry& e) {
      return order.Compare(e.key.view(), target.view()) < 0;
    };
    const int64_t bound =
        std::partition_point(model.begin(), model.end(), before) -
        model.begin();
    if (move == 0) {
      it->SeekToFirst();
      at = 0;
    } else if (move == 1) {
      it->SeekToLast();
      at = size - 1;
    } else if (move == 2) {
      it->Seek(target.view());
      at = bound;
    } else if (move == 3) {
      it->SeekForPrev(target.view());
      at = bound - 1;
    } else if (at < 0) {
      continue;
    } else if (random_.OneIn(3)) {
      Step(*it, /*forward=*/false, by);
      --at;
    } else {
      Step(*it, /*forward=*/true, by);
      ++at;
    }
    if (at >= size) at = -1;
    ASSERT_EQ(it->Valid(), at >= 0) << "step " << step;
    ASSERT_TRUE(it->status().ok());
    if (at >= 0) {
      ASSERT_EQ(Here(*it), model[static_cast<size_t>(at)]) << "step " << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MergingIteratorModel, testing::Range(0, 100));

// Whichever source fails wherever and whichever way it is crossed: the merge
// ends there with the error, shows nothing wrong before it, and a new seek
// starts afresh.
TEST(MergingIterator, EndsWithTheErrorOfAnySourceAndRecoversBySeeking) {
  const KeyOrder order = Bytewise();
  const Runs runs = {
      {Put("a", 1, ""), Put("d", 2, ""), Put("g", 3, "")},
      {Put("b", 4, ""), Put("e", 5, ""), Put("h", 6, "")},
      {Put("c", 7, ""), Put("f", 8, "")},
  };
  std::vector<TestEntry> all = Forward(*Merge(order, runs));
  for (size_t bad_run = 0; bad_run < runs.size(); ++bad_run) {
    for (size_t bad = 0; bad <= runs[bad_run].size(); ++bad) {
      for (const bool forward : {true, false}) {
        std::vector<std::unique_ptr<InternalIterator>> sources;
        std::vector<VectorIterator*> fakes;
        for (const auto& run : runs) {
          auto fake = std::make_unique<VectorIterator>(order, run);
          fakes.push_back(fake.get());
          sources.push_back(std::move(fake));
        }
        fakes[bad_run]->FailAt(bad, absl::DataLossError("bad block"));
        auto it = NewMergingIterator(order, std::move(sources));
        std::vector<TestEntry> seen;
        for (forward ? it->SeekToFirst() : it->SeekToLast(); it->Valid();
             forward ? it->Next() : it->Prev()) {
          seen.push_back(Here(*it));
        }
        EXPECT_EQ(it->status(), absl::DataLossError("bad block"));
        ASSERT_LE(seen.size(), all.size());
        if (!forward) std::reverse(all.begin(), all.end());
        EXPECT_TRUE(std::equal(seen.begin(), seen.end(), all.begin()));
        if (!forward) std::reverse(all.begin(), all.end());

        fakes[bad_run]->StopFailing();
        EXPECT_EQ(Forward(*it), all);
        EXPECT_TRUE(it->status().ok());
      }
    }
  }
}

TEST(MergingIterator, EndsWithAnErrorMetWhileTurningRound) {
  const KeyOrder order = Bytewise();
  auto fake = std::make_unique<VectorIterator>(
      order, std::vector<TestEntry>{Put("a", 1, ""), Put("c", 2, "")});
  VectorIterator* const bad = fake.get();
  std::vector<std::unique_ptr<InternalIterator>> sources;
  sources.push_back(std::move(fake));
  sources.push_back(std::make_unique<VectorIterator>(
      order, std::vector<TestEntry>{Put("b", 3, ""), Put("d", 4, "")}));
  auto it = NewMergingIterator(order, std::move(sources));
  it->Seek({"b", SeekTrailer(kMaxSequence)});
  ASSERT_TRUE(it->Valid());
  bad->FailAt(0, absl::InternalError("EIO"));
  it->Prev();
  EXPECT_FALSE(it->Valid());
  EXPECT_EQ(it->status(), absl::InternalError("EIO"));
}

}  // namespace
}  // namespace lissom
