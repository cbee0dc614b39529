#include "util/compression.h"

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/status.h"
#include "util/random.h"

namespace lissom {
namespace {

uint64_t Seed() {
  const char* text = std::getenv("LISSOM_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : SystemSeed();
}

std::string SomeText(Random& random, size_t size) {
  std::string text;
  while (text.size() < size) {
    text += "key" + std::to_string(random.Uniform(50)) + "=";
    text.append(random.Uniform(20), static_cast<char>('a' + random.Uniform(9)));
  }
  text.resize(size);
  return text;
}

// Decompresses into a buffer with a guard behind it.
absl::Status DecompressGuarded(std::string_view in, std::string* out) {
  constexpr std::string_view kGuard = "untouched bytes behind the block";
  std::string buffer = *out + std::string(kGuard);
  absl::Status status = Decompress(in, out->size(), buffer.data());
  EXPECT_EQ(buffer.substr(out->size()), kGuard);
  *out = buffer.substr(0, out->size());
  return status;
}

TEST(Compression, GivesBackWhatWentIn) {
  Random random(1);
  for (int level : {-7, -1, 1, 3, 9, 19, 22}) {
    for (size_t size : {0, 1, 2, 100, 4096, 70000, 300000}) {
      const std::string text = SomeText(random, size);
      std::string small;
      ASSERT_TRUE(Compress(level, text, &small)) << level << " " << size;
      if (size >= 4096) {
        EXPECT_LT(small.size(), size / 2);
      }
      std::string back(size, '\0');
      ASSERT_TRUE(DecompressGuarded(small, &back).ok());
      EXPECT_EQ(back, text) << level << " " << size;
    }
  }
}

TEST(Compression, ReplacesTheOutputBuffer) {
  std::string out(1000000, 'x');
  ASSERT_TRUE(Compress(1, "abc", &out));
  std::string back(3, '\0');
  ASSERT_TRUE(Decompress(out, 3, back.data()).ok());
  EXPECT_EQ(back, "abc");
}

TEST(Compression, RefusesAWrongRawSize) {
  Random random(2);
  const std::string text = SomeText(random, 5000);
  std::string small;
  ASSERT_TRUE(Compress(1, text, &small));
  for (size_t size : {0, 1, 4999, 5001, 1000000}) {
    std::string back(size, '\0');
    EXPECT_TRUE(IsDataLoss(DecompressGuarded(small, &back))) << size;
  }
}

TEST(Compression, RefusesWhatIsNotExactlyOneFrame) {
  Random random(3);
  const std::string text = SomeText(random, 3000);
  std::string small, empty;
  ASSERT_TRUE(Compress(1, text, &small));
  ASSERT_TRUE(Compress(1, "", &empty));
  // A skippable frame: magic, length 3, three bytes.
  const std::string skippable("\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  // The magic of the format before version 1.0.
  const std::string old("\x27\xb5\x2f\xfd\x00\x00\x00\x00", 8);
  for (const std::string& in :
       {std::string(), std::string("abc"), std::string(3000, 'x'), small + "x",
        small + empty, empty + small, skippable + small, small + skippable, old,
        skippable}) {
    std::string back(text.size(), '\0');
    EXPECT_TRUE(IsDataLoss(DecompressGuarded(in, &back))) << in.size();
    std::string none;
    EXPECT_TRUE(IsDataLoss(DecompressGuarded(in, &none))) << in.size();
  }
}

TEST(Compression, SurvivesEveryCutAndRandomDamage) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("LISSOM_SEED=" + std::to_string(seed));
  Random random(seed);
  const std::string text = SomeText(random, 2000);
  std::string small;
  ASSERT_TRUE(Compress(3, text, &small));
  for (size_t n = 0; n < small.size(); ++n) {
    std::string back(text.size(), '\0');
    EXPECT_TRUE(IsDataLoss(DecompressGuarded(small.substr(0, n), &back)));
  }
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = small;
    for (uint64_t flips = 1 + random.Uniform(4); flips > 0; --flips) {
      damaged[random.Uniform(damaged.size())] ^=
          static_cast<char>(1 << random.Uniform(8));
    }
    std::string back(text.size(), '\0');  // Any result, but within bounds.
    const absl::Status status = DecompressGuarded(damaged, &back);
    EXPECT_TRUE(status.ok() || IsDataLoss(status)) << status;
  }
}

// --- Dictionaries

// A small value like others of its kind.
std::string Record(Random& random, int i) {
  return "{\"id\":" + std::to_string(i) + ",\"user\":\"user" +
         std::to_string(random.Uniform(100000)) +
         "\",\"status\":\"active\",\"city\":\"Lisbon\",\"visits\":" +
         std::to_string(random.Uniform(1000)) + "}";
}

std::string Records(Random& random, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += Record(random, i);
  return text;
}

// Made of 64 samples of some KiB.
std::string SomeDictionary(Random& random, size_t max_bytes, int level = 1) {
  std::string samples;
  std::vector<size_t> sizes;
  for (int i = 0; i < 64; ++i) {
    const std::string sample = Records(random, 20);
    samples += sample;
    sizes.push_back(sample.size());
  }
  return TrainDictionary(level, max_bytes, samples.substr(0, max_bytes),
                         samples, sizes);
}

TEST(Dictionary, GivesBackWhatWentInAndMakesItSmaller) {
  Random random(5);
  for (int level : {-7, -1, 1, 3, 9, 19, 22}) {
    const std::string bytes = SomeDictionary(random, 4096, level);
    ASSERT_FALSE(bytes.empty()) << level;
    EXPECT_LE(bytes.size(), 4096u);
    const auto compress = CompressionDictionary::Create(level, bytes);
    ASSERT_NE(compress, nullptr);
    const auto decompress = DecompressionDictionary::Create(bytes);
    ASSERT_TRUE(decompress.ok()) << decompress.status();
    EXPECT_GT((*decompress)->memory_bytes(), bytes.size());
    EXPECT_LT((*decompress)->memory_bytes(), bytes.size() + (40 << 10));
    for (int count : {0, 1, 20, 1000}) {
      const std::string text = Records(random, count);
      std::string small, plain;
      ASSERT_TRUE(Compress(*compress, text, &small));
      ASSERT_TRUE(Compress(level, text, &plain));
      if (count == 1 || count == 20) {
        EXPECT_LT(small.size(), plain.size() * 9 / 10) << level;
      }
      std::string back(text.size(), '\0');
      ASSERT_TRUE(
          Decompress(small, back.size(), back.data(), decompress->get()).ok());
      EXPECT_EQ(back, text);
      // Without a dictionary it is refused, not made into other bytes.
      EXPECT_TRUE(IsDataLoss(Decompress(small, back.size(), back.data())));
      // What was made without one reads with one.
      ASSERT_TRUE(
          Decompress(plain, back.size(), back.data(), decompress->get()).ok());
      EXPECT_EQ(back, text);
    }
  }
}

TEST(Dictionary, DependsOnItsSamplesOnly) {
  Random one(9), two(9);
  EXPECT_EQ(SomeDictionary(one, 2048), SomeDictionary(two, 2048));
}

// zstd of some versions makes none of these, others one that helps nobody.
TEST(Dictionary, OfWhatTeachesNothingIsNoneOrAtLeastOne) {
  Random random(8);
  std::string noise(20'000, '\0');
  for (char& c : noise) c = static_cast<char>(random.Next());
  for (const std::string& samples :
       {std::string(), std::string("abc"), std::string(20'000, 'x'), noise}) {
    for (const size_t size : {1, 7, 1000}) {
      std::vector<size_t> sizes(samples.size() / size, size);
      const std::string bytes =
          TrainDictionary(1, 2048, samples.substr(0, 4096), samples, sizes);
      EXPECT_LE(bytes.size(), 2048u);
      EXPECT_TRUE(bytes.empty() || DecompressionDictionary::Create(bytes).ok());
    }
  }
}

TEST(Dictionary, RefusesBytesThatAreNone) {
  Random random(6);
  const std::string good = SomeDictionary(random, 2048);
  for (const std::string& bytes :
       {std::string(), std::string("abc"), std::string(2048, 'x'),
        std::string(2048, '\0'), good.substr(0, 8), good.substr(0, 40),
        good.substr(1)}) {
    EXPECT_TRUE(IsDataLoss(DecompressionDictionary::Create(bytes).status()))
        << bytes.size();
  }
}

// Any bytes do, as long as nothing is read or written out of bounds.
TEST(Dictionary, SurvivesRandomDamageToItselfAndToFrames) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("LISSOM_SEED=" + std::to_string(seed));
  Random random(seed);
  const std::string good = SomeDictionary(random, 2048);
  const std::string text = Records(random, 20);
  std::string small;
  ASSERT_TRUE(Compress(*CompressionDictionary::Create(1, good), text, &small));
  int made = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    std::string frame = small;
    for (uint64_t flips = random.Uniform(3); flips > 0; --flips) {
      // Mostly the statistics at its front.
      const size_t span = random.OneIn(4) ? bytes.size() : 160;
      bytes[random.Uniform(span)] ^= static_cast<char>(1 << random.Uniform(8));
    }
    for (uint64_t flips = random.Uniform(3); flips > 0; --flips) {
      frame[random.Uniform(frame.size())] ^=
          static_cast<char>(1 << random.Uniform(8));
    }
    const auto dictionary = DecompressionDictionary::Create(bytes);
    if (!dictionary.ok()) {
      EXPECT_TRUE(IsDataLoss(dictionary.status())) << dictionary.status();
      continue;
    }
    ++made;
    constexpr std::string_view kGuard = "untouched";
    std::string back = std::string(text.size(), '\0') + std::string(kGuard);
    const absl::Status status =
        Decompress(frame, text.size(), back.data(), dictionary->get());
    EXPECT_TRUE(status.ok() || IsDataLoss(status)) << status;
    EXPECT_EQ(back.substr(text.size()), kGuard);
  }
  EXPECT_GT(made, 300) << "the damage reaches nothing behind Create";
}

// A database may be closed by a destructor that runs after our thread_locals.
struct UsesCompressionLate {
  ~UsesCompressionLate() {
    std::string small, back(4, '\0');
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(Compress(1, "late", &small));
      EXPECT_TRUE(Decompress(small, 4, back.data()).ok());
      EXPECT_EQ(back, "late");
    }
  }
};

TEST(Compression, WorksWhileItsThreadEnds) {
  std::thread([] {
    static thread_local UsesCompressionLate late;
    static_cast<void>(late);  // Made first, so destroyed last.
    std::string small;
    ASSERT_TRUE(Compress(1, "x", &small));
  }).join();
}

TEST(Compression, ServesManyThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      Random random(static_cast<uint64_t>(t));
      for (int i = 0; i < 200; ++i) {
        const std::string text = SomeText(random, 1 + random.Uniform(8000));
        std::string small, back(text.size(), '\0');
        ASSERT_TRUE(Compress(-1, text, &small));
        ASSERT_TRUE(Decompress(small, back.size(), back.data()).ok());
        ASSERT_EQ(back, text);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace lissom
