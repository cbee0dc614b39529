// The shapes are in tests/testdata/compaction/leveled.txt, which says how to
// read them. LISSOM_REWRITE=1 writes the present answers into that file: look
// at the difference before you believe it.
#include "db/compaction/leveled_picker.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
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
#include "tests/support/shape.h"
#include "util/random.h"

namespace lissom {
namespace {

struct Case {
  std::vector<std::string> given;  // Its lines up to the first answer.
  std::string answers;
};

std::string DataPath() {
  return std::filesystem::path(__FILE__).parent_path() /
         "../../testdata/compaction/leveled.txt";
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
    if (!plan.has_value()) return out + "  nothing\n";
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
  ASSERT_GE(cases.size(), 20u);
  for (const Case& c : cases) {
    rewritten += '\n';
    for (const std::string& line : c.given)
      absl::StrAppend(&rewritten, line, "\n");
    const std::string answer = Answer(c);
    rewritten += answer;
    if (std::getenv("LISSOM_REWRITE") == nullptr) {
      EXPECT_EQ(answer, c.answers) << c.given[0];
    }
  }
  if (std::getenv("LISSOM_REWRITE") != nullptr) {
    std::ofstream(DataPath()) << rewritten;
  }
}

// --- A tree that lives
// --------------------------------------------------------

// A tree of numbers only: tables are added to level 0 and plans carried out by
// pretending. Whatever the shapes become, plans keep the invariants, and the
// work ends.
class PretendTree {
 public:
  explicit PretendTree(uint64_t seed) : random_(seed) {
    options_.compression = {Compression::None()};
    options_.filter_policy = FilterPolicy::None();
    options_.target_file_size_base = 100;
    options_.max_bytes_for_level_base = 400;
    options_.max_bytes_for_level_multiplier = 4;
  }

  std::shared_ptr<const Version> Shape() const {
    return std::make_shared<Version>(order_, levels_);
  }

  void AddLevel0Table() {
    const uint64_t span = random_.OneIn(4) ? 20 : 2000;
    const uint64_t begin = random_.Uniform(10000 - span);
    levels_[0].insert(levels_[0].begin(),
                      Table(begin, begin + 1 + random_.Uniform(span), 100));
  }

  // False: nothing to do.
  bool Step() {
    const auto plan = PickLeveledCompaction(Shape(), options_, state_);
    if (!plan.has_value()) return false;
    EXPECT_TRUE(CheckPlan(*plan).ok()) << CheckPlan(*plan);
    Remove(plan->start_level, plan->inputs);
    Remove(plan->output_level, plan->overlapping);
    Version::Level& output = levels_[static_cast<size_t>(plan->output_level)];
    if (plan->trivial_move) {
      output.insert(output.end(), plan->inputs.begin(), plan->inputs.end());
    } else {
      Write(*plan, output);
    }
    std::sort(output.begin(), output.end(), [](const auto& a, const auto& b) {
      return a->meta().smallest.user_key < b->meta().smallest.user_key;
    });
    return true;
  }

  uint64_t TotalBytes() const {
    uint64_t bytes = 0;
    for (int n = 0; n < Version::kLevels; ++n) bytes += Shape()->LevelBytes(n);
    return bytes;
  }
  const ColumnFamilyOptions& options() const { return options_; }

 private:
  std::shared_ptr<const TableFile> Table(uint64_t begin, uint64_t end,
                                         uint64_t size) {
    TableMetadata meta;
    meta.number = next_number_++;
    meta.smallest_sequence = meta.number * 10;
    meta.largest_sequence = meta.number * 10 + 9;
    const uint64_t trailer =
        PackTrailer(meta.largest_sequence, EntryKind::kPut);
    meta.smallest = InternalKey(absl::StrFormat("%06d", begin), trailer);
    meta.largest = InternalKey(absl::StrFormat("%06d", end), trailer);
    meta.size = size;
    return std::make_shared<TableFile>(nullptr, meta);
  }

  void Remove(int level, const Version::Level& tables) {
    Version::Level& all = levels_[static_cast<size_t>(level)];
    for (const auto& table : tables) {
      all.erase(std::find(all.begin(), all.end(), table));
    }
  }

  // Tables of even width over the plan's range, with most of its bytes.
  void Write(const CompactionPlan& plan, Version::Level& output) {
    uint64_t begin = UINT64_MAX, end = 0;
    for (const auto* tables : {&plan.inputs, &plan.overlapping}) {
      for (const auto& table : *tables) {
        begin = std::min<uint64_t>(
            begin, std::strtoull(table->meta().smallest.user_key.c_str(),
                                 nullptr, 10));
        end = std::max<uint64_t>(
            end,
            std::strtoull(table->meta().largest.user_key.c_str(), nullptr, 10));
      }
    }
    const uint64_t bytes = std::max<uint64_t>(
        1, plan.input_bytes() * (80 + random_.Uniform(21)) / 100);
    const uint64_t count =
        std::min(bytes / options_.target_file_size_base + 1, end - begin + 1);
    const uint64_t width = (end - begin + 1) / count;
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t from = begin + i * width;
      const uint64_t to = i + 1 == count ? end : from + width - 1;
      output.push_back(Table(from, to, bytes / count));
    }
  }

  Random random_;
  const KeyOrder order_{BytewiseComparator()};
  ColumnFamilyOptions options_;
  LeveledPickerState state_;
  std::array<Version::Level, Version::kLevels> levels_;
  uint64_t next_number_ = 1;
};

uint64_t Seed() {
  const char* seed = std::getenv("LISSOM_SEED");
  return seed == nullptr ? 20261121 : std::strtoull(seed, nullptr, 10);
}

TEST(LeveledPicker, KeepsALivingTreeInShape) {
  SCOPED_TRACE(absl::StrCat("LISSOM_SEED=", Seed()));
  for (uint64_t round = 0; round < 20; ++round) {
    PretendTree tree(Seed() + round);
    for (int flush = 0; flush < 200; ++flush) {
      tree.AddLevel0Table();
      int steps = 0;
      while (tree.Step()) {
        ASSERT_LT(++steps, 1000) << "no end\n" << tree.Shape()->DebugString();
        const auto shape = tree.Shape();
        ASSERT_TRUE(shape->CheckInvariants().ok()) << shape->CheckInvariants();
      }
    }
    // Settled: level 0 is short, and the upper levels are small.
    const auto shape = tree.Shape();
    EXPECT_LT(static_cast<int>(shape->level(0).size()),
              tree.options().level0_file_num_compaction_trigger);
    const uint64_t last = shape->LevelBytes(Version::kLevels - 1);
    EXPECT_GT(last, tree.TotalBytes() / 2);
  }
}

}  // namespace
}  // namespace lissom
