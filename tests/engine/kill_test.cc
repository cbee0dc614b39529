// kill -9 of a real process under load, again and again, on real files: every
// acknowledged write is there afterwards (P2), batches are whole (P4).
//
// The child writes with four threads and reports each acknowledged batch
// through a pipe; the parent kills it after a random number of reports.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "lissom/db.h"
#include "tests/support/test_env.h"
#include "util/coding.h"
#include "util/random.h"

namespace lissom {
namespace {

constexpr int kThreads = 4;
constexpr int kKeysPerBatch = 3;

Options KillOptions() {
  Options options;
  options.create_if_missing = true;
  options.write_buffer_size = size_t{128} << 10;
  options.target_file_size_base = size_t{128} << 10;
  options.max_bytes_for_level_base = uint64_t{512} << 10;
  options.level0_file_num_compaction_trigger = 2;
  return options;
}

// Batch `n` of a thread writes one value to all its keys of slot n % 64.
std::string KeyOf(int thread, uint64_t n, int part) {
  return "t" + std::to_string(thread) + "/" + std::to_string(n % 64) + "/" +
         std::to_string(part);
}

// "<n>:" and padding, so that memtables fill.
std::string ValueOf(uint64_t n) {
  return std::to_string(n) + ":" + std::string(200, 'v');
}

struct Report {
  uint32_t thread;
  uint64_t batch;
};

void WriteUntilKilled(DB& db, int pipe, int thread, uint64_t first) {
  for (uint64_t n = first;; ++n) {
    WriteBatch batch;
    for (int part = 0; part < kKeysPerBatch; ++part) {
      batch.Put(KeyOf(thread, n, part), ValueOf(n));
    }
    if (!db.Write({.sync = n % 32 == 0}, batch).ok()) _exit(3);
    const Report report{static_cast<uint32_t>(thread), n};
    // Smaller than PIPE_BUF: one piece.
    if (write(pipe, &report, sizeof report) != sizeof report) _exit(4);
  }
}

[[noreturn]] void RunChild(const std::string& path, int pipe,
                           const std::vector<uint64_t>& first) {
  absl::StatusOr<std::unique_ptr<DB>> db = DB::Open(KillOptions(), path);
  if (!db.ok()) {
    std::fprintf(stderr, "child: %s\n", db.status().ToString().c_str());
    _exit(2);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      WriteUntilKilled(**db, pipe, t, first[static_cast<size_t>(t)]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(0);
}

class KillTest : public testing::Test {
 protected:
  KillTest() {
    std::string name = testing::TempDir() + "/lissom_kill_XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~KillTest() override { std::filesystem::remove_all(root_); }

  // Starts a child, reads `reports` acknowledgements, kills it, reads the rest.
  void KillOneChild(uint64_t reports) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    std::vector<uint64_t> first;
    for (const uint64_t acknowledged : acknowledged_)
      first.push_back(acknowledged + 1);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      RunChild(root_ + "/db", ends[1], first);
    }
    close(ends[1]);
    Report report;
    uint64_t seen = 0;
    while (read(ends[0], &report, sizeof report) == sizeof report) {
      acknowledged_[report.thread] = report.batch;
      if (++seen == reports) kill(child, SIGKILL);
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status))
        << "the child ended by itself: " << WEXITSTATUS(status);
    total_ += seen;
  }

  void Verify() {
    absl::StatusOr<std::unique_ptr<DB>> db =
        DB::Open(KillOptions(), root_ + "/db");
    ASSERT_TRUE(db.ok()) << db.status();
    for (int t = 0; t < kThreads; ++t) {
      const uint64_t last = acknowledged_[static_cast<size_t>(t)];
      for (uint64_t n = last >= 63 ? last - 63 : 1; n <= last; ++n) {
        uint64_t found = 0;
        for (int part = 0; part < kKeysPerBatch; ++part) {
          const absl::StatusOr<std::string> value =
              (*db)->Get(KeyOf(t, n, part));
          ASSERT_TRUE(value.ok())
              << "lost: " << KeyOf(t, n, part) << " " << value.status();
          const uint64_t batch = std::strtoull(value->c_str(), nullptr, 10);
          ASSERT_EQ(*value, ValueOf(batch));
          ASSERT_GE(batch, n) << "an old value of " << KeyOf(t, n, part);
          if (part > 0) {
            ASSERT_EQ(batch, found) << "half a batch";
          }
          found = batch;
        }
        // The one in flight may be there too: the next child must not reuse it.
        acknowledged_[static_cast<size_t>(t)] =
            std::max(acknowledged_[static_cast<size_t>(t)], found);
      }
    }
    ASSERT_TRUE((*db)->Close().ok());
  }

  std::string root_;
  std::vector<uint64_t> acknowledged_ = std::vector<uint64_t>(kThreads, 0);
  uint64_t total_ = 0;
};

TEST_F(KillTest, AcknowledgedWritesSurviveKill9) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE(testing::Message() << "LISSOM_SEED=" << seed);
  Random random(seed);
  const uint64_t rounds = Scaled(50, 3);
  for (uint64_t round = 0; round < rounds; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    KillOneChild(1 + random.Uniform(4000));
    ASSERT_FALSE(HasFailure());
    Verify();
    ASSERT_FALSE(HasFailure());
  }
  std::printf("%llu rounds, %llu acknowledged batches, 0 lost\n",
              static_cast<unsigned long long>(rounds),
              static_cast<unsigned long long>(total_));
}

}  // namespace
}  // namespace lissom
