#include "src/tools/demo_kill.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lissom/db.h"
#include "src/tools/terminal.h"
#include "util/random.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::tools {
namespace {

Options KillDbOptions() {
  Options options;
  options.create_if_missing = true;
  // Small, so that kills come in the midst of flushes and compactions too.
  options.write_buffer_size = size_t{1} << 20;
  options.target_file_size_base = size_t{2} << 20;
  options.max_bytes_for_level_base = uint64_t{8} << 20;
  return options;
}

// Write number `i` puts record i modulo their count; the value carries i, so
// that what is read back says which write it comes from.
std::string ValueOf(const PackageIndex& index, uint64_t i) {
  const std::string_view stanza =
      index.records()[i % index.records().size()].value;
  return absl::StrCat(i, "\n", ToAbsl(stanza));
}

// The number in a value, once the value is known to be that write's, whole.
absl::StatusOr<uint64_t> WriteNumberOf(const PackageIndex& index,
                                       const std::string& value) {
  uint64_t i = 0;
  const auto parsed =
      std::from_chars(value.data(), value.data() + value.size(), i);
  if (parsed.ec != std::errc() || value != ValueOf(index, i)) {
    return absl::DataLossError(absl::StrCat(
        "a value after the kill is not one that was written: ", Escape(value)));
  }
  return i;
}

absl::Status SystemError(const char* what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

class Child {
 public:
  static absl::StatusOr<Child> Start(const KillOptions& options,
                                     uint64_t first) {
    std::array<int, 2> pipe_ends{};
    if (pipe(pipe_ends.data()) != 0) return SystemError("pipe");
    const auto [read_end, write_end] = pipe_ends;
    fcntl(read_end, F_SETFD, FD_CLOEXEC);
    // The child can be only as far ahead of us as the pipe holds numbers.
    fcntl(write_end, F_SETPIPE_SZ, 4096);
    // Everything that allocates happens before the fork.
    const std::vector<std::string> words = {
        options.program,
        "--child-load",
        absl::StrCat("--ack-fd=", write_end),
        absl::StrCat("--first=", first),
        absl::StrCat("--input=", options.input),
        absl::StrCat("--dir=", options.directory)};
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string& word : words) {
      arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    const pid_t pid = fork();
    if (pid < 0) return SystemError("fork");
    if (pid == 0) {
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    close(write_end);
    return Child(pid, read_end);
  }

  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        acks_(std::exchange(other.acks_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) Kill();
    if (acks_ >= 0) close(acks_);
  }

  // Reads the next acknowledgement; false at the end of the child's life.
  bool ReadAck(uint64_t* number) {
    char* const to = reinterpret_cast<char*>(number);
    size_t have = 0;
    while (have < sizeof *number) {
      const ssize_t count = read(acks_, to + have, sizeof *number - have);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      have += static_cast<size_t>(count);
    }
    return true;
  }

  // True if it was our signal that ended it.
  bool Kill() {
    kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

 private:
  Child(pid_t pid, int acks) : pid_(pid), acks_(acks) {}

  pid_t pid_;
  int acks_;
};

// Lets a child write from `first` on, kills it, and returns the number after
// the last acknowledged write.
absl::StatusOr<uint64_t> LoadAndKill(const KillOptions& options, uint64_t first,
                                     uint64_t kill_after) {
  LISSOM_ASSIGN_OR_RETURN(Child child, Child::Start(options, first));
  uint64_t next = first;
  uint64_t number = 0;
  while (next - first < kill_after && child.ReadAck(&number)) next = number + 1;
  const bool was_alive = child.Kill();
  // What was acknowledged before the kill still stands in the pipe.
  while (child.ReadAck(&number)) next = number + 1;
  if (!was_alive) {
    return absl::InternalError(
        "the loading child ended by itself; its message stands above");
  }
  return next;
}

struct Found {
  uint64_t lost = 0;
  uint64_t next = 0;  // The number after the newest write that is there.
};

// Looks for the newest acknowledged write of each key. `next` is the number
// after the last acknowledged write.
absl::StatusOr<Found> LookForLosses(DB& db, const PackageIndex& index,
                                    uint64_t next) {
  const uint64_t count = index.records().size();
  Found found{.next = next};
  std::string value;
  for (uint64_t j = 0; j < count; ++j) {
    // Writes j, j + count, j + 2 count, ...: how many were acknowledged?
    const uint64_t writes = next > j ? (next - 1 - j) / count + 1 : 0;
    const absl::Status status =
        db.Get(ReadOptions(), index.records()[j].key, &value);
    if (IsNotFound(status)) {
      if (writes > 0) ++found.lost;
      continue;
    }
    LISSOM_RETURN_IF_ERROR(status);
    LISSOM_ASSIGN_OR_RETURN(const uint64_t number, WriteNumberOf(index, value));
    if (number % count != j) {
      return absl::DataLossError("a key has the value of another key");
    }
    if (writes > 0 && number < j + (writes - 1) * count) ++found.lost;
    found.next = std::max(found.next, number + 1);
  }
  return found;
}

}  // namespace

absl::StatusOr<KillResult> RunKills(const PackageIndex& index,
                                    const KillOptions& options) {
  LISSOM_RETURN_IF_ERROR(DB::Destroy(KillDbOptions(), options.directory));
  Random random(options.seed);
  const uint64_t span =
      std::max<uint64_t>(index.records().size() / (options.kills + 1), 8);
  KillResult result;
  uint64_t first = 0;
  Progress progress("kill -9 in mid-load", options.kills);
  for (uint64_t round = 0; round < options.kills; ++round) {
    const uint64_t kill_after = span / 4 + random.Uniform(span);
    LISSOM_ASSIGN_OR_RETURN(const uint64_t next,
                            LoadAndKill(options, first, kill_after));
    result.acknowledged += next - first;
    const Progress opening("open", 0);
    LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<DB> db,
                            DB::Open(KillDbOptions(), options.directory));
    result.recovery_seconds += opening.seconds();
    LISSOM_ASSIGN_OR_RETURN(const Found found, LookForLosses(*db, index, next));
    result.lost += found.lost;
    result.in_flight += found.next - next;
    if (found.next > next + 1) {
      return absl::DataLossError(
          "after the kill there are writes that had not begun");
    }
    LISSOM_RETURN_IF_ERROR(db->Close());
    first = found.next;
    progress.Add();
  }
  progress.Finish("kills and recoveries");
  return result;
}

absl::Status LoadUntilKilled(const PackageIndex& index,
                             const std::string& directory, uint64_t first,
                             int ack_descriptor) {
  LISSOM_ASSIGN_OR_RETURN(std::unique_ptr<DB> db,
                          DB::Open(KillDbOptions(), directory));
  const uint64_t count = index.records().size();
  for (uint64_t i = first;; ++i) {
    LISSOM_RETURN_IF_ERROR(db->Put(
        WriteOptions(), index.records()[i % count].key, ValueOf(index, i)));
    if (write(ack_descriptor, &i, sizeof i) != sizeof i) {
      return SystemError("the pipe to the demo");
    }
  }
}

}  // namespace lissom::tools
