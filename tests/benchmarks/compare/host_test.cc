#include "benchmarks/compare/host.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/compare/compare.h"
#include "benchmarks/compare/offered_load.h"
#include "benchmarks/compare/shuffle.h"

namespace lissom::bench {
namespace {

class HostTest : public testing::Test {
 protected:
  HostTest() {
    std::string path = testing::TempDir() + "host_test_XXXXXX";
    directory_ = mkdtemp(path.data());
  }
  ~HostTest() override {
    // It removes files while it is open.
    host_.Handle(Of("close"));
    std::filesystem::remove_all(directory_);
  }

  Request Open(bool fresh = true) const {
    Request request;
    request.what = "open";
    request.engine = "lissom";
    request.path = directory_ + "/db";
    request.fresh = fresh;
    request.cache_size = 8 << 20;
    request.write_buffer_size = 256 << 10;
    return request;
  }

  static Request Of(const std::string& what, const std::string& workload = "") {
    Request request;
    request.what = what;
    request.workload = workload;
    request.keys = 2000;
    request.seed = 1;
    return request;
  }

  std::string directory_;
  Host host_;
};

TEST_F(HostTest, LoadsEachKeyOnceAndFindsAll) {
  ASSERT_EQ(host_.Handle(Open()).error, "");
  const Reply loaded = host_.Handle(Of("load"));
  EXPECT_EQ(loaded.error, "");
  EXPECT_EQ(loaded.operations, 2000u);
  EXPECT_GT(loaded.written_bytes, 2000u * 116);  // The log at least.
  EXPECT_GT(loaded.peak_memory, 0u);
  const Reply settled = host_.Handle(Of("settle"));
  EXPECT_GT(settled.disk_bytes, 2000u * 100);
  EXPECT_EQ(host_.Handle(Of("run", "readseq")).operations, 2000u);
  const Reply read = host_.Handle(Of("run", "readrandom"));
  EXPECT_EQ(read.operations, 2000u);
  EXPECT_EQ(read.found, 2000u);
  EXPECT_GT(read.seconds, 0);
  EXPECT_EQ(host_.Handle(Of("run", "readmissing")).found, 0u);
}

TEST_F(HostTest, KeepsTheDatabaseFromOneOpenToTheNext) {
  host_.Handle(Open());
  host_.Handle(Of("load"));
  EXPECT_EQ(host_.Handle(Of("close")).error, "");
  ASSERT_EQ(host_.Handle(Open(/*fresh=*/false)).error, "");
  EXPECT_EQ(host_.Handle(Of("run", "readseq")).operations, 2000u);
  ASSERT_EQ(host_.Handle(Open(/*fresh=*/true)).error, "");
  EXPECT_EQ(host_.Handle(Of("run", "readseq")).operations, 0u);
}

TEST_F(HostTest, OffersALoadAndTellsThePercentiles) {
  host_.Handle(Open());
  host_.Handle(Of("load"));
  Request offer = Of("offer", "get");
  offer.rate = 100'000;
  offer.seconds = 0.02;
  const Reply reply = host_.Handle(offer);
  EXPECT_EQ(reply.error, "");
  // All of them, unless the machine stood still for so long.
  EXPECT_GT(reply.operations, 0u);
  EXPECT_LE(reply.operations, 2000u);
  EXPECT_EQ(reply.found, reply.operations);
  ASSERT_EQ(reply.percentiles.size(), 6u);
  EXPECT_EQ(reply.percentiles.back().percent, 100);
  EXPECT_LE(reply.percentiles[0].micros, reply.percentiles[5].micros);
  offer.workload = "put";
  EXPECT_EQ(host_.Handle(offer).error, "");
}

TEST_F(HostTest, SaysWhatIsWrongWithARequest) {
  EXPECT_EQ(host_.Handle(Of("run", "readseq")).error,
            "'run' without an open engine");
  host_.Handle(Open());
  EXPECT_EQ(host_.Handle(Of("dance")).error, "unknown request 'dance'");
  EXPECT_EQ(host_.Handle(Of("run", "readall")).error,
            "unknown workload 'readall'");
  Request unknown = Open();
  unknown.engine = "nothing";
  EXPECT_NE(host_.Handle(unknown).error.find("there is no engine 'nothing'"),
            std::string::npos);
}

TEST(Protocol, ComesBackAsItWas) {
  Request request;
  request.what = "run";
  request.workload = "a \"quoted\"\nline";
  request.rate = 0.25;
  request.seed = UINT64_MAX;
  const absl::StatusOr<Request> back = DecodeRequest(Encode(request));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(Encode(*back), Encode(request));
  EXPECT_EQ(back->seed, UINT64_MAX);
  EXPECT_EQ(Encode(request).find('\n'), std::string::npos);

  Reply reply;
  reply.series = {1, 2.5};
  reply.percentiles = {{99, 1.5}};
  EXPECT_EQ(Encode(*DecodeReply(Encode(reply))), Encode(reply));
  EXPECT_EQ(DecodeReply("{").status().message(), "reply is not an object");
  EXPECT_EQ(DecodeRequest("{}").status().message(), "request.what is missing");
}

TEST(Shuffle, IsAPermutation) {
  for (const uint64_t n : {1, 2, 3, 5, 16, 17, 1000, 4097}) {
    const Shuffle shuffle(n, 9);
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < n; ++i) {
      const uint64_t value = shuffle(i);
      EXPECT_LT(value, n);
      seen.insert(value);
    }
    EXPECT_EQ(seen.size(), n);
  }
}

TEST(Shuffle, HasNoOrder) {
  const Shuffle shuffle(100'000, 9);
  uint64_t rising = 0;
  for (uint64_t i = 0; i + 1 < 100'000; ++i) {
    rising += shuffle(i) < shuffle(i + 1) ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(rising), 50'000, 2'000);
}

TEST(Percentiles, AreTheLeastThatSoManyDoNotExceed) {
  std::vector<uint64_t> nanos;
  for (uint64_t i = 10'000; i > 0; --i) nanos.push_back(i * 1000);
  const std::vector<Percentile> percentiles = PercentilesOf(nanos);
  EXPECT_EQ(percentiles[0].micros, 5'000);
  EXPECT_EQ(percentiles[2].micros, 9'900);
  EXPECT_EQ(percentiles[4].micros, 9'999);
  EXPECT_EQ(percentiles[5].micros, 10'000);
  EXPECT_EQ(PercentilesOf({})[5].micros, 0);
}

// Answers at once, but for one answer that takes its time.
class HiccupSession final : public Session {
 public:
  void Put(std::string_view, std::string_view) override {}
  void Delete(std::string_view) override {}
  absl::Status Commit(bool) override { return absl::OkStatus(); }
  absl::StatusOr<Found> Get(std::string_view) override {
    if (++gets_ == 100) {
      const auto end =
          std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
      while (std::chrono::steady_clock::now() < end) {
      }
    }
    return Found{.entries = 1};
  }
  absl::StatusOr<Found> MultiGet(std::span<const std::string_view>) override {
    return Found{};
  }
  absl::StatusOr<std::unique_ptr<Cursor>> NewCursor() override {
    return absl::UnimplementedError("");
  }

 private:
  int gets_ = 0;
};

class HiccupEngine final : public Engine {
 public:
  std::string_view name() const override { return "hiccup"; }
  std::unique_ptr<Session> NewSession() override {
    return std::make_unique<HiccupSession>();
  }
  absl::Status Flush() override { return absl::OkStatus(); }
  absl::Status Settle() override { return absl::OkStatus(); }
  absl::Status CompactAll() override { return absl::OkStatus(); }
  absl::StatusOr<std::string> Property(std::string_view) override {
    return absl::UnimplementedError("");
  }
  absl::Status Close() override { return absl::OkStatus(); }
};

// The hiccup is one operation of a thousand, but 200 others were due
// meanwhile: its time is in their latencies too.
TEST(OfferedLoad, AStallCountsForAllWhoCameMeanwhile) {
  HiccupEngine engine;
  const absl::StatusOr<Offered> offered =
      OfferLoad(engine, {.rate = 10'000, .seconds = 0.1, .keys = 10});
  ASSERT_TRUE(offered.ok());
  EXPECT_EQ(offered->operations, 1000u);
  EXPECT_EQ(offered->percentiles[1].percent, 90);
  EXPECT_GT(offered->percentiles[1].micros, 5'000);
}

TEST(ExpectedKeys, IsWhatRandomPutsLeave) {
  EXPECT_NEAR(ExpectedKeys(1000, 0), 0, 1e-9);
  EXPECT_NEAR(ExpectedKeys(1, 1), 1, 1e-9);
  EXPECT_NEAR(ExpectedKeys(1'000'000, 1'000'000), 632'120.7, 1);
}

}  // namespace
}  // namespace lissom::bench
