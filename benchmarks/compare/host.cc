#include "benchmarks/compare/host.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/compare/child.h"
#include "benchmarks/compare/engines.h"
#include "benchmarks/compare/offered_load.h"
#include "benchmarks/compare/shuffle.h"
#include "benchmarks/runner.h"
#include "benchmarks/worker.h"
#include "benchmarks/workload.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom::bench {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return CpuSecondsOf(usage);
}

// The number behind `name` in a file of "name: number" lines; 0 without it.
uint64_t NumberIn(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const size_t from = line.find_first_of("0123456789", name.size());
    if (from == std::string::npos) return 0;
    const size_t to =
        std::min(line.find_first_not_of("0123456789", from), line.size());
    uint64_t value = 0;
    return absl::SimpleAtoi(line.substr(from, to - from), &value) ? value : 0;
  }
  return 0;
}

// What write calls have been given. No engine here writes through a mapping.
uint64_t WrittenBytes() { return NumberIn("/proc/self/io", "wchar:"); }
uint64_t PeakMemory() { return NumberIn("/proc/self/status", "VmHWM:") * 1024; }

// From here on the peak is what comes, and not what a closed database took.
void ForgetPeakMemory() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";  // See proc(5).
}

uint64_t DiskBytes(const std::string& path) {
  uint64_t sum = 0;
  std::error_code error;  // Files may go while they are counted.
  std::filesystem::recursive_directory_iterator entry(path, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator();
       entry.increment(error)) {
    std::error_code gone;
    const uint64_t bytes =
        entry->is_regular_file(gone) && !gone ? entry->file_size(gone) : 0;
    if (!gone) sum += bytes;
  }
  return sum;
}

Settings SettingsOf(const Request& request) {
  Settings settings;
  settings.num = request.keys;
  if (request.operations > 0) {
    settings.reads = request.operations;
    settings.writes = request.operations;
  }
  settings.value_size = request.value_size;
  settings.batch_size = request.batch_size;
  settings.seek_nexts = request.seek_nexts;
  settings.write_rate_limit = request.write_rate_limit;
  return settings;
}

// Operations a second, interval by interval, of workers that are at work.
void WatchRate(Workers workers, const std::stop_token& stop, double interval,
               std::vector<double>* series) {
  const auto done = [&workers] {
    uint64_t sum = 0;
    for (const std::unique_ptr<Worker>& worker : workers) {
      sum += worker->done.load(std::memory_order_relaxed);
    }
    return sum;
  };
  const auto step = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(interval));
  Clock::time_point then = Clock::now();
  uint64_t last = 0;
  for (Clock::time_point due = then + step;; due += step) {
    // Short naps: the end of the run must not wait for an interval's.
    while (Clock::now() < due) {
      if (stop.stop_requested()) return;
      std::this_thread::sleep_for(std::min<Clock::duration>(
          due - Clock::now(), std::chrono::milliseconds(10)));
    }
    const uint64_t now_done = done();
    const Clock::time_point now = Clock::now();
    series->push_back(static_cast<double>(now_done - last) /
                      std::chrono::duration<double>(now - then).count());
    last = now_done;
    then = now;
  }
}

}  // namespace

Host::~Host() { Close().IgnoreError(); }  // The process is about to end.

Reply Host::Handle(const Request& request) {
  Reply reply;
  const uint64_t written = WrittenBytes();
  const double cpu = CpuSeconds();
  const Clock::time_point start = Clock::now();
  const absl::Status status = Do(request, &reply);
  if (!status.ok()) reply.error = std::string(status.message());
  if (reply.seconds == 0) reply.seconds = SecondsSince(start);
  reply.cpu_seconds = CpuSeconds() - cpu;
  reply.written_bytes = WrittenBytes() - written;
  reply.disk_bytes = DiskBytes(opened_.path);
  reply.peak_memory = PeakMemory();
  return reply;
}

absl::Status Host::Do(const Request& request, Reply* reply) {
  if (request.what == "open") return Open(request);
  if (request.what == "close") return Close();
  if (engine_ == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", request.what, "' without an open engine"));
  }
  if (request.what == "load") return Load(request, reply);
  if (request.what == "run") return Run(request, reply);
  if (request.what == "settle") {
    // Settled means flushed, too, in every engine alike.
    LISSOM_RETURN_IF_ERROR(engine_->Flush());
    return engine_->Settle();
  }
  if (request.what == "offer") {
    LISSOM_ASSIGN_OR_RETURN(
        Offered offered,
        OfferLoad(*engine_, {.operation = request.workload == "put"
                                              ? OfferedOperation::kPut
                                              : OfferedOperation::kGet,
                             .rate = request.rate,
                             .seconds = request.seconds,
                             .keys = request.keys,
                             .value_size = request.value_size,
                             .seed = request.seed}));
    reply->operations = offered.operations;
    reply->seconds = offered.seconds;
    reply->found = offered.found;
    reply->percentiles = std::move(offered.percentiles);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown request '", request.what, "'"));
}

absl::Status Host::Open(const Request& request) {
  LISSOM_RETURN_IF_ERROR(Close());
  EngineSettings settings;
  settings.path = request.path;
  settings.fresh = request.fresh;
  settings.writers = request.threads;
  if (request.cache_size > 0) settings.cache_size = request.cache_size;
  if (request.write_buffer_size > 0) {
    settings.write_buffer_size = request.write_buffer_size;
  }
  ForgetPeakMemory();
  LISSOM_ASSIGN_OR_RETURN(engine_, OpenEngine(request.engine, settings));
  opened_ = request;
  return absl::OkStatus();
}

absl::Status Host::Load(const Request& request, Reply* reply) {
  const Settings settings = SettingsOf(request);
  Shared shared(settings);
  const std::unique_ptr<Session> session = engine_->NewSession();
  Worker worker(*engine_, *session, settings, shared, request.seed);
  const Shuffle shuffle(request.keys, request.seed);
  for (uint64_t i = 0; i < request.keys; ++i) {
    LISSOM_RETURN_IF_ERROR(WriteOne(worker, worker.KeyOf(shuffle(i))));
  }
  reply->operations = request.keys;
  return absl::OkStatus();
}

absl::Status Host::Run(const Request& request, Reply* reply) {
  const Workload* workload = FindWorkload(request.workload);
  if (workload == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown workload '", request.workload, "'"));
  }
  Settings settings = SettingsOf(request);
  const Clock::time_point start = Clock::now();
  // A scan ends with the keys, whatever the time: it is begun anew. What ends
  // with the time ends once.
  uint64_t seed = request.seed;
  double left = request.seconds;
  do {
    if (left > 0) {
      settings.duration =
          static_cast<uint64_t>(std::max<int64_t>(1, std::llround(left)));
    }
    RunRequest run{.engine = *engine_,
                   .workload = *workload,
                   .settings = settings,
                   .threads = request.threads,
                   .seed = seed};
    if (request.interval_seconds > 0) {
      run.watch = [&](Workers workers, const std::stop_token& stop) {
        WatchRate(workers, stop, request.interval_seconds, &reply->series);
      };
    }
    LISSOM_ASSIGN_OR_RETURN(const RunResult result, RunWorkload(run));
    reply->operations += result.operations;
    reply->found += result.found;
    reply->seconds += result.seconds;
    seed += 100'003;
    left = request.seconds - SecondsSince(start);
  } while (left >= 0.5);
  return absl::OkStatus();
}

absl::Status Host::Close() {
  if (engine_ == nullptr) return absl::OkStatus();
  absl::Status status = engine_->Close();
  engine_.reset();
  return status;
}

absl::Status Serve(int socket) {
  Host host;
  std::string input;
  for (;;) {
    const size_t end = input.find('\n');
    if (end == std::string::npos) {
      char buffer[4096];
      const ssize_t got = read(socket, buffer, sizeof buffer);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return absl::ErrnoToStatus(errno, "reading a request");
      if (got == 0) return absl::OkStatus();
      input.append(buffer, static_cast<size_t>(got));
      continue;
    }
    LISSOM_ASSIGN_OR_RETURN(
        const Request request,
        DecodeRequest(std::string_view(input).substr(0, end)));
    input.erase(0, end + 1);
    const std::string line = Encode(host.Handle(request)) + "\n";
    for (size_t sent = 0; sent < line.size();) {
      const ssize_t wrote =
          write(socket, line.data() + sent, line.size() - sent);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return absl::ErrnoToStatus(errno, "writing a reply");
      sent += static_cast<size_t>(wrote);
    }
  }
}

}  // namespace lissom::bench
