// lissom_stress does everything at once to one database, in real threads on
// real files, for as long as it is told to, and checks every single answer
// against an oracle. With --crash_every the load is killed with -9 again and
// again, and nothing acknowledged may be missing. With --memory_budget it shows
// what the process' memory does meanwhile.
//
//   lissom_stress --duration=60 --seed=7
//   lissom_stress --duration=1200 --memory_budget=268435456 --keys=1000000
//                 --value_least=100 --value_size=4000 --curve=curve.csv
//
// Status 0: every answer was right. 1: one was not; it is printed, with what
// leads back to it, and the database is left as it is. 2: bad flags or files.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "lissom/db.h"
#include "tests/stress/load.h"
#include "tests/stress/oracle.h"
#include "tests/stress/stress_flags.h"
#include "tests/stress/tally.h"
#include "tests/stress/violation.h"
#include "util/random.h"

namespace lissom::stress {
namespace {

using SteadyClock = std::chrono::steady_clock;

int Fail(const std::string& text) {
  std::fprintf(stderr, "lissom_stress: %s\n", text.c_str());
  return 2;
}

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Memory that child processes share with this one; zeroes. Null: there is none.
void* MapShared(size_t bytes) {
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

class Run {
 public:
  Run(const Flags& flags, SharedState* shared, Slot* slots,
      const Oracle::Shape& shape)
      : flags_(flags),
        shared_(*shared),
        oracle_(shape, slots),
        random_(flags.seed),
        start_(SteadyClock::now()) {}

  int Do() {
    const auto duration = static_cast<double>(flags_.duration);
    if (flags_.crash_every == 0) {
      RunLoad({flags_, shared_, oracle_, duration});
      return 0;
    }
    for (;;) {
      // At least a moment: some deaths come in the midst of an open.
      const double life =
          0.02 +
          static_cast<double>(random_.Uniform(flags_.crash_every * 1000)) /
              1000;
      const double left = duration - SecondsSince(start_);
      const bool last = life >= left;
      const int status = LiveAndDie(last ? std::max(left, 1.0) : life, !last);
      if (status != 0 || last) return status;
      shared_.tally.Add(Count::kKills);
    }
  }

  double seconds() const { return SecondsSince(start_); }

 private:
  // One child: killed after `seconds`, or left to end by itself.
  int LiveAndDie(double seconds, bool kill_it) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child < 0) return Fail("no process to be had");
    if (child == 0) {
      RunLoad({flags_, shared_, oracle_, kill_it ? 1e9 : seconds});
      std::fflush(stdout);
      _exit(0);
    }
    if (kill_it) {
      std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
      kill(child, SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (kill_it && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return 0;
    if (WIFEXITED(status) && (!kill_it || WEXITSTATUS(status) != 0)) {
      return WEXITSTATUS(status);
    }
    std::fprintf(stderr, "\n*** the load ended by itself, status %d\n", status);
    return 1;
  }

  const Flags& flags_;
  SharedState& shared_;
  Oracle oracle_;
  Random random_;
  const SteadyClock::time_point start_;
};

void PrintResult(const Flags& flags, const Tally& tally, double seconds) {
  std::printf("\n%s", tally.ToString(seconds).c_str());
  const double most = static_cast<double>(tally.most_memory());
  std::printf("highest memory %.1f MiB", most / 1048576.0);
  if (flags.memory_budget != 0) {
    std::printf(", %.2f of the budget of %.0f MiB",
                most / static_cast<double>(flags.memory_budget),
                static_cast<double>(flags.memory_budget) / 1048576.0);
  }
  std::printf("\n%.0f s, seed %llu: every answer was right\n", seconds,
              static_cast<unsigned long long>(flags.seed));
}

// The directory with its parents; what stood there is removed if it is a
// database.
absl::Status PrepareDirectory(Flags* flags) {
  std::error_code error;
  if (flags->db.empty()) {
    flags->db =
        absl::StrCat(std::filesystem::temp_directory_path(error).string(),
                     "/lissom_stress_", getpid());
  }
  const std::filesystem::path path =
      std::filesystem::absolute(flags->db, error).lexically_normal();
  flags->db = path.string();
  std::filesystem::create_directories(path.parent_path(), error);
  return DB::Destroy({}, flags->db);
}

int Main(int argc, char** argv) {
  Flags flags;
  const absl::Status parsed = ParseFlags(argc, argv, &flags);
  if (absl::IsCancelled(parsed)) {
    std::printf("%s\n", std::string(parsed.message()).c_str());
    return 0;
  }
  if (!parsed.ok()) return Fail(std::string(parsed.message()));
  // NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread yet.
  if (const char* given = std::getenv("LISSOM_SEED");
      given != nullptr && flags.seed == 0) {
    flags.seed = std::strtoull(given, nullptr, 0);
  }
  while (flags.seed == 0) flags.seed = SystemSeed() % 1'000'000;
  if (const absl::Status made = PrepareDirectory(&flags); !made.ok()) {
    return Fail(made.ToString());
  }
  const Oracle::Shape shape{.seed = flags.seed,
                            .keys = flags.keys,
                            .value_least = flags.value_least,
                            .value_most = flags.value_size,
                            .giants = flags.memory_budget == 0};
  const uint64_t slots = Oracle::SlotsOf(shape);
  void* const memory = MapShared(sizeof(SharedState) + slots * sizeof(Slot));
  if (memory == nullptr) return Fail("no memory for the oracle");
  auto* const shared = new (memory) SharedState;
  auto* const first = reinterpret_cast<Slot*>(shared + 1);
  for (uint64_t i = 0; i < slots; ++i) new (first + i) Slot;
  const std::string command = CommandOf(flags);
  std::printf("%s --db=%s\n", command.c_str(), flags.db.c_str());
  SetReplayNote("the same load again: " + command +
                "\n    the database is left in " + flags.db);
  Run run(flags, shared, first, shape);
  const int status = run.Do();
  if (status != 0) return status;
  PrintResult(flags, shared->tally, run.seconds());
  if (!flags.keep) {
    const absl::Status gone = DB::Destroy({}, flags.db);
    if (!gone.ok()) return Fail(gone.ToString());
  }
  return 0;
}

}  // namespace
}  // namespace lissom::stress

int main(int argc, char** argv) { return lissom::stress::Main(argc, argv); }
