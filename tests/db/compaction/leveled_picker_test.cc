// The shapes are in tests/testdata/compaction/leveled.txt, which says how to
// read them. LISSOM_REWRITE=1 writes the present answers into that file: look
// at the difference before you believe it.
#include "db/compaction/leveled_picker.h"

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/db/compaction/pretend_tree.h"
#include "tests/support/shape.h"
#include "tests/support/test_env.h"

namespace lissom {
namespace {

struct Case {
  std::vector<std::string> given;  // Its lines up to the first answer.
  std::string answers;
};

std::string DataPath() {
  // Not __FILE__: a compiler cache may give it another meaning.
  return LISSOM_SOURCE_DIR "/tests/testdata/compaction/leveled.txt";
}

bool IsAnswer(const std::string& line) { return line.starts_with("  "); }

// Blocks of lines between empty ones. The first is the explanation.
std::vector<Case> ReadCases(std::string* preface) {
  std::ifstream file(DataPath());
  std::vector<Case> cases;
  bool in_preface = true, fresh = true;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) {
      in_preface = false;
      fresh = true;
    } else if (in_preface) {
      absl::StrAppend(preface, line, "\n");
    } else {
      if (fresh) cases.emplace_back();
      fresh = false;
      if (IsAnswer(line)) {
        absl::StrAppend(&cases.back().answers, line, "\n");
      } else {
        cases.back().given.push_back(line);
      }
    }
  }
  return cases;
}

// "64M" in bytes.
uint64_t Bytes(const std::string& text) {
  return testing::ParseTable(absl::StrCat("1[a-a]:", text)).size;
}

// What the lines of a case say.
struct Setting {
  ColumnFamilyOptions options;
  LeveledPickerState state;
  PickContext context;
  int picks = 1;
  bool beside = false;  // What is picked stays under way.
  std::string shape;

  Setting() {
    options.compression = {Compression::None()};
    options.filter_policy = FilterPolicy::None();
    options.target_file_size_base = Bytes("2M");
    options.max_bytes_for_level_base = Bytes("10M");
  }

  static void SetNumbers(const std::string& text, std::set<uint64_t>& numbers) {
    for (const auto& number : absl::StrSplit(text, ',')) {
      uint64_t n = 0;
      ASSERT_TRUE(absl::SimpleAtoi(number, &n));
      numbers.insert(n);
    }
  }

  void SetOption(const std::string& name, const std::string& value) {
    if (name == "base") {
      options.max_bytes_for_level_base = Bytes(value);
    } else if (name == "target") {
      options.target_file_size_base = Bytes(value);
    } else if (name == "trigger") {
      ASSERT_TRUE(
          absl::SimpleAtoi(value, &options.level0_file_num_compaction_trigger));
    } else if (name == "multiplier") {
      ASSERT_TRUE(
          absl::SimpleAtod(value, &options.max_bytes_for_level_multiplier));
    } else if (name == "zstd-from-level") {
      int level = 0;
      ASSERT_TRUE(absl::SimpleAtoi(value, &level));
      options.compression.assign(static_cast<size_t>(level),
                                 Compression::None());
      options.compression.push_back(Compression::Zstd(1));
    } else if (name == "bloom") {
      options.filter_policy = FilterPolicy::Bloom(10);
    } else if (name == "quarantine") {
      SetNumbers(value, state.quarantined);
    } else if (name == "busy") {
      SetNumbers(value, context.claims.tables);
    } else if (name == "down") {
      context.claims.level0_down = true;
      SetNumbers(value, context.claims.tables);
      SetNumbers(value, context.claims.leaving);
    } else if (name == "merge") {
      context.claims.level0_merge = true;
      SetNumbers(value, context.claims.tables);
    } else if (name == "beside") {
      beside = true;
    } else if (name == "snapshot") {
      ASSERT_TRUE(absl::SimpleAtoi(value, &context.oldest_snapshot));
    } else if (name == "ttl") {
      options.ttl = absl::Seconds(std::strtoll(value.c_str(), nullptr, 10));
    } else if (name == "now") {
      context.now =
          absl::FromUnixSeconds(std::strtoll(value.c_str(), nullptr, 10));
    } else if (name == "picks") {
      ASSERT_TRUE(absl::SimpleAtoi(value, &picks));
    } else {
      FAIL() << "no option " << name;
    }
  }
};

Setting ParseSetting(const Case& c) {
  Setting setting;
  for (const std::string& line : c.given) {
    if (line.starts_with("#")) continue;
    if (line.starts_with("L")) {
      absl::StrAppend(&setting.shape, line, "\n");
      continue;
    }
    for (const auto& word : absl::StrSplit(line, ' ')) {
      const std::vector<std::string> parts = absl::StrSplit(word, '=');
      setting.SetOption(parts[0], parts.size() > 1 ? parts[1] : "");
    }
  }
  return setting;
}

std::string Human(uint64_t bytes) {
  for (const char unit : {'G', 'M', 'K'}) {
    const int shift = unit == 'G' ? 30 : unit == 'M' ? 20 : 10;
    if (bytes >= uint64_t{1} << shift) {
      return absl::StrFormat("%.4g%c",
                             static_cast<double>(bytes) /
                                 static_cast<double>(uint64_t{1} << shift),
                             unit);
    }
  }
  return absl::StrCat(bytes, "B");
}

std::string Why(const CompactionPlan& plan) {
  switch (plan.reason) {
    case CompactionPlan::Reason::kTombstones:
      return ", for its tombstones";
    case CompactionPlan::Reason::kAge:
      return ", for its age";
    default:
      return absl::StrFormat(", score %.2f", plan.score);
  }
}

std::string Again(const PickAgain& again) {
  std::string out;
  if (again.snapshot != kMaxSequence) {
    absl::StrAppend(&out, ", again when nobody reads below ", again.snapshot);
  }
  if (again.time != absl::InfiniteFuture()) {
    absl::StrAppend(&out, ", again at ", absl::ToUnixSeconds(again.time));
  }
  return out;
}

std::string Answer(const Case& c) {
  Setting s = ParseSetting(c);
  const auto version = testing::ParseShape(s.shape);
  EXPECT_TRUE(version->CheckInvariants().ok()) << version->CheckInvariants();
  const LevelTargets targets = ComputeLevelTargets(*version, s.options);
  std::string out = "  targets";
  for (int n = targets.base_level; n < Version::kLevels; ++n) {
    absl::StrAppend(&out, " L", n, "=",
                    Human(targets.bytes[static_cast<size_t>(n)]));
  }
  out += '\n';
  for (int i = 0; i < s.picks; ++i) {
    const bool needed = NeedsCompaction(version, s.options, s.context, s.state);
    const auto plan =
        PickLeveledCompaction(version, s.options, s.context, s.state);
    EXPECT_EQ(needed, plan.has_value());
    if (!plan.has_value()) {
      return absl::StrCat(
          out, "  nothing",
          Again(WhenToPickAgain(*version, s.options, s.context)), "\n");
    }
    EXPECT_TRUE(CheckPlan(*plan).ok()) << CheckPlan(*plan);
    if (s.beside) s.context.claims.Add(version->order(), *plan);
    absl::StrAppend(&out, "  ", DebugString(*plan), Why(*plan));
    if (!plan->grandparents.empty()) {
      absl::StrAppend(&out, ", above ", testing::ToString(plan->grandparents));
    }
    out += '\n';
  }
  return out;
}

TEST(LeveledPicker, PicksWhatTheShapesSay) {
  std::string rewritten;
  std::vector<Case> cases = ReadCases(&rewritten);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread sets it.
  const bool rewrite = std::getenv("LISSOM_REWRITE") != nullptr;
  ASSERT_GE(cases.size(), 20u);
  for (const Case& c : cases) {
    rewritten += '\n';
    for (const std::string& line : c.given)
      absl::StrAppend(&rewritten, line, "\n");
    const std::string answer = Answer(c);
    rewritten += answer;
    if (!rewrite) {
      EXPECT_EQ(answer, c.answers) << c.given[0];
    }
  }
  if (rewrite) {
    std::ofstream(DataPath()) << rewritten;
  }
}

// --- A tree that lives ------------------------------------------------------

// Whatever the shapes become, plans keep the invariants, reads find what they
// must, and the work ends.
TEST(LeveledPicker, KeepsALivingTreeInShape) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", seed));
  ColumnFamilyOptions options;
  options.compression = {Compression::None()};
  options.filter_policy = FilterPolicy::None();
  options.target_file_size_base = 100;
  options.max_bytes_for_level_base = 400;
  options.max_bytes_for_level_multiplier = 4;
  for (uint64_t round = 0; round < 10; ++round) {
    PretendTree tree(seed + round);
    LeveledPickerState state;
    for (int flush = 0; flush < 100; ++flush) {
      tree.Flush(20);
      int steps = 0;
      while (const auto plan =
                 PickLeveledCompaction(tree.version(), options, state)) {
        ASSERT_LT(++steps, 1000) << "no end\n" << tree.version()->DebugString();
        ASSERT_TRUE(CheckPlan(*plan).ok()) << CheckPlan(*plan);
        tree.Install(*plan);
      }
      tree.Check();
    }
    // Settled: level 0 is short, and most is in the last level.
    const Version& shape = *tree.version();
    EXPECT_LT(static_cast<int>(shape.level(0).size()),
              options.level0_file_num_compaction_trigger);
    uint64_t total = 0;
    for (int n = 0; n < Version::kLevels; ++n) total += shape.LevelBytes(n);
    EXPECT_GT(shape.LevelBytes(Version::kLevels - 1), total / 2);
  }
}

}  // namespace
}  // namespace lissom
