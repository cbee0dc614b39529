// WriteBatch as its users know it: what goes in comes out, and misuse makes it
// invalid and never half right. Its bytes are left to batch_format_test.
#include "lissom/write_batch.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/memtable/batch_format.h"
#include "gtest/gtest.h"
#include "tests/db/memtable/batch_lines.h"
#include "tests/support/test_env.h"
#include "util/random.h"

namespace lissom {
namespace {

// A view of that many bytes that nobody may look at: what is over a limit is
// refused by its size alone.
std::string_view Oversized(size_t bytes) { return {"", bytes}; }

TEST(WriteBatch, BeginsEmpty) {
  const WriteBatch batch;
  EXPECT_EQ(batch.Count(), 0u);
  EXPECT_EQ(batch.ByteSize(), batch.data().size());
  EXPECT_TRUE(batch.Validate().ok());
  EXPECT_TRUE(LinesOf(batch).empty());
  const absl::StatusOr<WriteBatch> copy = WriteBatch::FromData(batch.data());
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->data(), batch.data());
}

TEST(WriteBatch, CountsChangesAndNotNotes) {
  WriteBatch batch;
  batch.Put("a", "1");
  EXPECT_EQ(batch.Count(), 1u);
  batch.Put("a", "1");
  EXPECT_EQ(batch.Count(), 2u) << "each change of a key is one";
  batch.Delete("never put");
  EXPECT_EQ(batch.Count(), 3u);
  batch.PutLogData("note");
  EXPECT_EQ(batch.Count(), 3u);
  batch.Clear();
  EXPECT_EQ(batch.Count(), 0u);
  EXPECT_EQ(batch.data(), WriteBatch().data());
}

TEST(WriteBatch, ACopyIsABatchOfItsOwn) {
  WriteBatch batch;
  batch.Put("a", "1");
  batch.SetSavePoint();
  batch.Put("b", "2");
  WriteBatch copy = batch;
  copy.Delete("c");
  EXPECT_EQ(batch.Count(), 2u);
  ASSERT_TRUE(copy.RollbackToSavePoint().ok()) << "save points are copied";
  EXPECT_EQ(LinesOf(copy), std::vector<std::string>{"P\"a\"=\"1\""});
  EXPECT_EQ(batch.Count(), 2u);
  copy = batch;
  EXPECT_EQ(copy.data(), batch.data());
}

TEST(WriteBatch, WhatWasMovedFromIsEmptyAndReady) {
  for (const bool assign : {false, true}) {
    WriteBatch from;
    from.Put("a", std::string(1000, 'v'));
    from.SetSavePoint();
    from.Delete(Oversized(WriteBatch::kMaxKeyBytes + 1));
    WriteBatch to;
    to.Put("gone", "");
    to.SetSavePoint();
    to.SetSavePoint();
    if (assign) {
      to = std::move(from);
    } else {
      WriteBatch moved(std::move(from));
      to = std::move(moved);
    }
    // NOLINTBEGIN(bugprone-use-after-move): the contract says what is left.
    EXPECT_EQ(from.data(), WriteBatch().data());
    EXPECT_TRUE(from.Validate().ok());
    EXPECT_FALSE(from.RollbackToSavePoint().ok());
    from.Put("b", "2");
    EXPECT_EQ(LinesOf(from), std::vector<std::string>{"P\"b\"=\"2\""});
    // NOLINTEND(bugprone-use-after-move)
    EXPECT_FALSE(to.Validate().ok()) << "what was wrong moves along";
    ASSERT_TRUE(to.RollbackToSavePoint().ok());
    EXPECT_TRUE(to.Validate().ok());
    EXPECT_EQ(to.Count(), 1u);
    EXPECT_FALSE(to.RollbackToSavePoint().ok()) << "its own are gone";
  }
}

TEST(WriteBatch, MovedToItselfStaysAsItIs) {
  WriteBatch batch;
  batch.Put("a", "1");
  WriteBatch& same = batch;
  batch = std::move(same);
  EXPECT_EQ(LinesOf(batch), std::vector<std::string>{"P\"a\"=\"1\""});
}

TEST(WriteBatch, RandomBatchesComeBack) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed);
  Random random(seed);
  for (uint64_t i = 0; i < Scaled(2000, 10); ++i) {
    WriteBatch batch;
    Lines expected;
    for (uint64_t n = random.Uniform(20); n > 0; --n) {
      const std::string key = RandomUpTo(random, 300);
      const std::string value = RandomUpTo(random, 300);
      switch (random.Uniform(3)) {
        case 0:
          batch.Put(key, value);
          expected.Put(key, value).IgnoreError();
          break;
        case 1:
          batch.Delete(key);
          expected.Delete(key).IgnoreError();
          break;
        default:
          batch.PutLogData(value);
          expected.LogData(value).IgnoreError();
      }
    }
    ASSERT_EQ(LinesOf(batch), expected.lines);
    const absl::StatusOr<WriteBatch> copy = WriteBatch::FromData(batch.data());
    ASSERT_TRUE(copy.ok()) << copy.status();
    ASSERT_EQ(copy->data(), batch.data());
    ASSERT_EQ(copy->Count(), batch.Count());
    ASSERT_EQ(LinesOf(*copy), expected.lines);
  }
}

TEST(WriteBatch, TakesKeysUpToTheirLimit) {
  const std::string key(WriteBatch::kMaxKeyBytes, 'k');
  WriteBatch batch;
  batch.Put(key, "v");
  batch.Delete(key);
  EXPECT_TRUE(batch.Validate().ok());
  EXPECT_TRUE(ValidateBatch(batch.data()).ok());
}

TEST(WriteBatch, AnOversizedEntryMakesItInvalidAndChangesNothing) {
  const std::vector<std::pair<const char*, void (*)(WriteBatch&)>> misuses = {
      {"put of a key",
       [](WriteBatch& b) {
         b.Put(Oversized(WriteBatch::kMaxKeyBytes + 1), "");
       }},
      {"put of a value",
       [](WriteBatch& b) {
         b.Put("", Oversized(WriteBatch::kMaxValueBytes + 1));
       }},
      {"delete of a key",
       [](WriteBatch& b) {
         b.Delete(Oversized(WriteBatch::kMaxKeyBytes + 1));
       }},
      {"a note",
       [](WriteBatch& b) {
         b.PutLogData(Oversized(WriteBatch::kMaxBatchBytes));
       }},
  };
  for (const auto& [what, misuse] : misuses) {
    SCOPED_TRACE(what);
    WriteBatch batch;
    batch.Put("a", "1");
    const std::string before(batch.data());
    misuse(batch);
    EXPECT_EQ(batch.data(), before);
    EXPECT_EQ(batch.Count(), 1u);
    EXPECT_TRUE(absl::IsInvalidArgument(batch.Validate()));
    Lines lines;
    EXPECT_TRUE(absl::IsInvalidArgument(batch.Iterate(&lines)));
    EXPECT_TRUE(lines.lines.empty()) << "a part of the batch was shown";

    WriteBatch other;
    other.Append(batch);
    EXPECT_FALSE(other.Validate().ok()) << "Append hides what was lost";
    batch.Put("b", "2");
    EXPECT_FALSE(batch.Validate().ok());
    batch.Clear();
    EXPECT_TRUE(batch.Validate().ok());
    EXPECT_EQ(batch.data(), WriteBatch().data());
  }
}

TEST(WriteBatch, RollbackTakesAnOversizedEntryBack) {
  WriteBatch batch;
  batch.Put("a", "1");
  batch.SetSavePoint();
  batch.Delete(Oversized(WriteBatch::kMaxKeyBytes + 1));
  ASSERT_FALSE(batch.Validate().ok());
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_TRUE(batch.Validate().ok());
  EXPECT_EQ(LinesOf(batch), std::vector<std::string>{"P\"a\"=\"1\""});
}

TEST(WriteBatch, RollbackWithoutASavePointIsRefusedWithoutEffect) {
  WriteBatch batch;
  batch.Put("a", "1");
  EXPECT_TRUE(absl::IsInvalidArgument(batch.RollbackToSavePoint()));
  EXPECT_EQ(batch.Count(), 1u);
  batch.SetSavePoint();
  batch.Clear();
  EXPECT_TRUE(absl::IsInvalidArgument(batch.RollbackToSavePoint()))
      << "Clear forgets save points";
}

TEST(WriteBatch, SavePointsNest) {
  WriteBatch batch;
  batch.SetSavePoint();
  batch.Put("a", "1");
  const std::string one(batch.data());
  batch.SetSavePoint();
  batch.Delete("b");
  batch.PutLogData("note");
  const std::string two(batch.data());
  batch.SetSavePoint();
  batch.SetSavePoint();  // Twice in one place.
  batch.Put("c", "3");
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_EQ(batch.data(), two);
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_EQ(batch.data(), two);
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_EQ(batch.data(), one);
  EXPECT_EQ(batch.Count(), 1u);
  ASSERT_TRUE(batch.RollbackToSavePoint().ok());
  EXPECT_EQ(batch.data(), WriteBatch().data());
  EXPECT_FALSE(batch.RollbackToSavePoint().ok());
}

TEST(WriteBatch, AppendsItselfAndOthers) {
  WriteBatch batch;
  batch.Put("a", "1");
  batch.Delete("b");
  batch.Append(batch);
  EXPECT_EQ(batch.Count(), 4u);
  EXPECT_EQ(LinesOf(batch),
            (std::vector<std::string>{"P\"a\"=\"1\"", "D\"b\"", "P\"a\"=\"1\"",
                                      "D\"b\""}));
  batch.Append(WriteBatch());
  EXPECT_EQ(batch.Count(), 4u);
  WriteBatch other;
  other.PutLogData("note");
  other.Append(batch);
  EXPECT_EQ(other.Count(), 4u);
  EXPECT_TRUE(ValidateBatch(other.data()).ok());
}

TEST(WriteBatch, IterateStopsAtTheHandlersError) {
  WriteBatch batch;
  for (const char* key : {"a", "b", "c"}) batch.Delete(key);
  Lines lines;
  lines.fail_after = 2;
  EXPECT_TRUE(absl::IsAborted(batch.Iterate(&lines)));
  EXPECT_EQ(lines.lines, (std::vector<std::string>{"D\"a\"", "D\"b\""}));
}

TEST(WriteBatch, FromDataStartsWithoutSavePoints) {
  WriteBatch batch;
  batch.SetSavePoint();
  batch.Put("a", "1");
  absl::StatusOr<WriteBatch> copy = WriteBatch::FromData(batch.data());
  ASSERT_TRUE(copy.ok());
  EXPECT_FALSE(copy->RollbackToSavePoint().ok());
  copy->Put("b", "2");
  EXPECT_EQ(copy->Count(), 2u);
  EXPECT_TRUE(ValidateBatch(copy->data()).ok());
}

// What is over a limit together: judged by sizes, no byte of it is touched.
TEST(WriteBatch, HoldsItsEntriesToOneLimitTogether) {
  WriteBatch batch;
  batch.PutLogData(Oversized(WriteBatch::kMaxBatchBytes - batch.ByteSize()));
  EXPECT_TRUE(absl::IsInvalidArgument(batch.Validate()))
      << "the note needs a tag and a length too";
  EXPECT_EQ(batch.data(), WriteBatch().data());
  EXPECT_EQ(
      WriteBatch::FromData(Oversized(WriteBatch::kMaxBatchBytes + 1)).status(),
      absl::InvalidArgumentError("write batch: over its limit"));
}

TEST(WriteBatch, AHandlerNeedNotCareForNotes) {
  class Changes final : public WriteBatch::Handler {
   public:
    absl::Status Put(std::string_view, std::string_view) override {
      ++count;
      return absl::OkStatus();
    }
    absl::Status Delete(std::string_view) override {
      ++count;
      return absl::OkStatus();
    }
    int count = 0;
  };
  WriteBatch batch;
  batch.PutLogData("note");
  batch.Put("a", "1");
  batch.PutLogData("note");
  batch.Delete("a");
  Changes changes;
  EXPECT_TRUE(batch.Iterate(&changes).ok());
  EXPECT_EQ(changes.count, 2);
}

TEST(WriteBatch, RollbackTakesBackWhatWasAppended) {
  WriteBatch other;
  other.Put("b", "2");
  other.Delete("c");
  other.SetSavePoint();
  WriteBatch batch;
  batch.Put("a", "1");
  batch.SetSavePoint();
  batch.Append(other);
  EXPECT_EQ(batch.Count(), 3u);
  ASSERT_TRUE(batch.RollbackToSavePoint().ok())
      << "the other's save point does not come along";
  EXPECT_EQ(LinesOf(batch), std::vector<std::string>{"P\"a\"=\"1\""});
  EXPECT_FALSE(batch.RollbackToSavePoint().ok());
}

TEST(WriteBatch, BytesThatAreNoBatchMakeNone) {
  WriteBatch batch;
  batch.Put("a", "1");
  std::string bytes(batch.data());
  EXPECT_TRUE(
      absl::IsInvalidArgument(WriteBatch::FromData(bytes + bytes).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(WriteBatch::FromData("").status()));
  bytes[0] = 1;
  EXPECT_TRUE(absl::IsUnimplemented(WriteBatch::FromData(bytes).status()))
      << "a later version's";
}

}  // namespace
}  // namespace lissom
