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
