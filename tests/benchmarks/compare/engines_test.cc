// Every store does the same as a std::map: what is compared are answers of the
// same questions.
#include "benchmarks/compare/engines.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/compare/null_engine.h"
#include "util/random.h"

namespace lissom::bench {
namespace {

using Model = std::map<std::string, std::string>;

uint64_t BytesOf(const Model::value_type& entry) {
  return entry.first.size() + entry.second.size();
}

class EngineTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string path = testing::TempDir() + "engines_test_XXXXXX";
    directory_ = mkdtemp(path.data());
    Open(/*fresh=*/true);
  }
  void TearDown() override {
    session_.reset();
    engine_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Open(bool fresh) {
    session_.reset();
    engine_.reset();
    EngineSettings settings;
    settings.path = directory_ + "/db";
    settings.fresh = fresh;
    settings.write_buffer_size = 128 << 10;  // Small: tables come to be.
    settings.cache_size = 8 << 20;
    absl::StatusOr<std::unique_ptr<Engine>> engine =
        OpenEngine(GetParam(), settings);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    session_ = engine_->NewSession();
  }

  // Some thousand changes in batches, here and in the model.
  void Change(uint64_t seed, int batches) {
    Random random(seed);
    for (int i = 0; i < batches; ++i) {
      const uint64_t count = 1 + random.Uniform(20);
      for (uint64_t j = 0; j < count; ++j) {
        const std::string key = KeyOf(random.Uniform(3000));
        if (random.OneIn(5)) {
          session_->Delete(key);
          model_.erase(key);
        } else {
          const std::string value(random.Uniform(300),
                                  static_cast<char>('a' + i % 26));
          session_->Put(key, value);
          model_[key] = value;
        }
      }
      ASSERT_TRUE(session_->Commit(/*sync=*/random.OneIn(50)).ok());
    }
  }

  static std::string KeyOf(uint64_t index) {
    return "key" + std::to_string(100000 + index);
  }

  // All questions that the interface has, of every key there may be.
  void ExpectSameAsModel() {
    std::vector<std::string> keys;
    for (uint64_t i = 0; i < 3000; ++i) keys.push_back(KeyOf(i));
    for (const std::string& key : keys) {
      const auto found = session_->Get(key);
      ASSERT_TRUE(found.ok()) << found.status();
      const auto expected = model_.find(key);
      ASSERT_EQ(found->entries, expected == model_.end() ? 0u : 1u) << key;
      if (expected != model_.end()) {
        ASSERT_EQ(found->bytes, BytesOf(*expected)) << key;
      }
    }
    ExpectSameBatches(keys);
    ExpectSameScan(Direction::kForward);
    ExpectSameScan(Direction::kBackward);
    ExpectSameSeeks();
  }

  void ExpectSameBatches(const std::vector<std::string>& keys) {
    const std::vector<std::string_view> views(keys.begin(), keys.end());
    for (size_t at = 0; at < views.size(); at += 100) {
      const auto found = session_->MultiGet(std::span(views).subspan(at, 100));
      ASSERT_TRUE(found.ok()) << found.status();
      Found expected;
      for (size_t i = at; i < at + 100; ++i) {
        const auto it = model_.find(keys[i]);
        if (it == model_.end()) continue;
        ++expected.entries;
        expected.bytes += BytesOf(*it);
      }
      ASSERT_EQ(found->entries, expected.entries);
      ASSERT_EQ(found->bytes, expected.bytes);
    }
  }

  void ExpectSameScan(Direction direction) {
    auto cursor = session_->NewCursor();
    ASSERT_TRUE(cursor.ok());
    ASSERT_TRUE((*cursor)->SeekToEnd(direction).ok());
    uint64_t bytes = 0;
    for (const auto& entry : model_) bytes += BytesOf(entry);
    // In two walks: the second goes on where the first ended.
    const auto first = (*cursor)->Walk(direction, 100);
    const auto rest = (*cursor)->Walk(direction, 1'000'000);
    ASSERT_TRUE(first.ok() && rest.ok());
    EXPECT_EQ(first->entries, 100u);
    EXPECT_EQ(first->entries + rest->entries, model_.size());
    EXPECT_EQ(first->bytes + rest->bytes, bytes);
    EXPECT_EQ((*cursor)->Walk(direction, 5)->entries, 0u);
  }

  void ExpectSameSeeks() {
    for (uint64_t i = 0; i < 3000; i += 7) {
      auto cursor = session_->NewCursor();
      ASSERT_TRUE(cursor.ok());
      const std::string wanted = KeyOf(i) + "x";  // Stands between keys.
      const auto expected = model_.lower_bound(wanted);
      const auto valid = (*cursor)->Seek(wanted);
      ASSERT_TRUE(valid.ok());
      ASSERT_EQ(*valid, expected != model_.end());
      if (!*valid) continue;
      ASSERT_EQ((*cursor)->key(), expected->first);
      ASSERT_EQ((*cursor)->Walk(Direction::kForward, 1)->bytes,
                BytesOf(*expected));
    }
  }

  std::string directory_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> session_;
  Model model_;
};

TEST_P(EngineTest, DoesWhatAMapDoes) {
  Change(1, 500);
  ExpectSameAsModel();
  ASSERT_TRUE(engine_->Flush().ok());
  ExpectSameAsModel();
  Change(2, 500);
  ASSERT_TRUE(engine_->Settle().ok());
  ExpectSameAsModel();
  ASSERT_TRUE(engine_->CompactAll().ok());
  ExpectSameAsModel();
}

TEST_P(EngineTest, KeepsWhatItHasWhenItIsOpenedAgain) {
  Change(3, 300);
  session_.reset();
  ASSERT_TRUE(engine_->Close().ok());
  ASSERT_TRUE(engine_->Close().ok());  // Idempotent.
  Open(/*fresh=*/false);
  ExpectSameAsModel();
}

TEST_P(EngineTest, ForgetsEverythingWhenItIsOpenedFresh) {
  Change(4, 100);
  Open(/*fresh=*/true);
  EXPECT_EQ(session_->Get(model_.begin()->first)->entries, 0u);
}

TEST_P(EngineTest, ACursorSeesTheStateOfItsBeginning) {
  session_->Put("a", "1");
  ASSERT_TRUE(session_->Commit(false).ok());
  auto cursor = session_->NewCursor();
  ASSERT_TRUE(cursor.ok());
  session_->Put("b", "2");
  ASSERT_TRUE(session_->Commit(false).ok());
  ASSERT_TRUE((*cursor)->SeekToEnd(Direction::kForward).ok());
  EXPECT_EQ((*cursor)->Walk(Direction::kForward, 10)->entries, 1u);
  auto later = session_->NewCursor();  // While the first is still there.
  ASSERT_TRUE((*later)->SeekToEnd(Direction::kForward).ok());
  EXPECT_EQ((*later)->Walk(Direction::kForward, 10)->entries, 2u);
}

TEST_P(EngineTest, ABatchStartsEmptyAgain) {
  session_->Put("a", "1");
  ASSERT_TRUE(session_->Commit(false).ok());
  session_->Delete("a");
  ASSERT_TRUE(session_->Commit(true).ok());
  ASSERT_TRUE(session_->Commit(false).ok());  // Of nothing.
  EXPECT_EQ(session_->Get("a")->entries, 0u);
}

TEST_P(EngineTest, SessionsSeeEachOther) {
  const std::unique_ptr<Session> other = engine_->NewSession();
  session_->Put("a", "1");
  ASSERT_TRUE(session_->Commit(false).ok());
  EXPECT_EQ(other->Get("a")->entries, 1u);
}

INSTANTIATE_TEST_SUITE_P(All, EngineTest,
                         testing::Values("lissom", "rocksdb", "leveldb", "lmdb",
                                         "lissom-defaults", "rocksdb-defaults",
                                         "leveldb-defaults", "rocksdb-blobs"),
                         [](const testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

TEST(Engines, AnUnknownNameIsRefusedWithThoseThereAre) {
  EXPECT_EQ(OpenEngine("wiredtiger", {}).status(),
            absl::InvalidArgumentError(
                "there is no engine 'wiredtiger'; there are: lissom, rocksdb, "
                "leveldb, lmdb, null, lissom-defaults, rocksdb-defaults, "
                "leveldb-defaults, rocksdb-blobs, rocksdb-tuned"));
}

TEST(Engines, AnEngineThatCannotOpenSaysSo) {
  EngineSettings settings;
  settings.path = "/nonexistent/of/mine";
  for (const char* name : {"lissom", "rocksdb", "leveldb", "lmdb"}) {
    EXPECT_FALSE(OpenEngine(name, settings).ok()) << name;
  }
}

TEST(Engines, PropertiesAreAskedForWithoutThePrefix) {
  std::string path = testing::TempDir() + "engines_test_XXXXXX";
  const std::string directory = mkdtemp(path.data());
  for (const std::string name : {"lissom", "rocksdb", "leveldb"}) {
    EngineSettings settings;
    settings.path = std::filesystem::path(directory) / name;
    const auto engine = OpenEngine(name, settings);
    ASSERT_TRUE(engine.ok()) << engine.status();
    EXPECT_TRUE((*engine)->Property("stats").ok()) << name;
    EXPECT_EQ((*engine)->Property("nonsense").status().code(),
              absl::StatusCode::kInvalidArgument)
        << name;
  }
  std::filesystem::remove_all(directory);
}

TEST(Engines, EachTellsItsVersionAndSettings) {
  for (const std::string& name : EngineNames()) {
    const EngineFacts facts = FactsOf(name, {});
    EXPECT_EQ(facts.engine, name);
    EXPECT_EQ(facts.version.empty(), name == "null") << name;
    EXPECT_EQ(facts.settings.empty(), name == "null") << name;
  }
}

TEST(NullEngine, FindsEverythingAndKeepsNothing) {
  const std::unique_ptr<Engine> engine = NewNullEngine(100);
  const std::unique_ptr<Session> session = engine->NewSession();
  session->Put("a", "1");
  EXPECT_TRUE(session->Commit(true).ok());
  EXPECT_EQ(session->Get("0123456789abcdef")->bytes, 116u);
  auto cursor = session->NewCursor();
  EXPECT_TRUE(*(*cursor)->Seek("a"));
  EXPECT_EQ((*cursor)->key(), "a");
  EXPECT_EQ((*cursor)->Walk(Direction::kForward, 7)->entries, 7u);
}

}  // namespace
}  // namespace lissom::bench
