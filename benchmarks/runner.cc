#include "benchmarks/runner.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "util/status_macros.h"

namespace lissom::bench {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

class Run {
 public:
  explicit Run(const RunRequest& request)
      : request_(request), shared_(request.settings) {}

  absl::StatusOr<RunResult> Go() {
    const uint64_t threads = request_.workload.one_thread
                                 ? 1
                                 : std::max<uint64_t>(request_.threads, 1);
    const uint64_t all =
        threads + (request_.workload.beside == nullptr ? 0 : 1);
    shared_.threads = threads;
    for (uint64_t i = 0; i < all; ++i) AddWorker(i);
    Start(threads);
    for (const absl::Status& result : results_) {
      LISSOM_RETURN_IF_ERROR(result);
    }
    if (Interrupted()) return absl::CancelledError("interrupted");
    return Sum(threads);
  }

 private:
  void AddWorker(uint64_t index) {
    sessions_.push_back(request_.engine.NewSession());
    workers_.push_back(std::make_unique<Worker>(
        request_.engine, *sessions_.back(), request_.settings, shared_,
        request_.seed + 1000 * index));
    workers_.back()->index = index;
    if (!request_.workload.reads_only) workers_.back()->values.Prepare();
    results_.emplace_back();
  }

  // Those from `counting` on work beside the others.
  void Start(uint64_t counting) {
    std::latch start(static_cast<std::ptrdiff_t>(workers_.size()) + 1);
    working_ = counting;
    std::vector<std::thread> threads;
    threads.reserve(workers_.size());
    for (uint64_t i = 0; i < workers_.size(); ++i) {
      threads.emplace_back(
          [this, &start, i, counting] { Work(i, i < counting, start); });
    }
    start.arrive_and_wait();
    std::jthread watcher;
    if (request_.watch) {
      watcher = std::jthread([this, counting](const std::stop_token& stop) {
        request_.watch(Workers(workers_).first(counting), stop);
      });
    }
    AwaitWorkers();
    shared_.stop = true;
    for (std::thread& thread : threads) thread.join();
  }

  void Work(uint64_t i, bool counts, std::latch& start) {
    Worker& worker = *workers_[i];
    const auto run = counts ? request_.workload.run : request_.workload.beside;
    start.arrive_and_wait();
    worker.began = worker.last = Clock::now();
    results_[i] = run(worker);
    worker.ended = Clock::now();
    if (!results_[i].ok()) shared_.stop = true;
    if (!counts) return;
    const std::lock_guard lock(mu_);
    if (--working_ == 0) ended_.notify_one();
  }

  void AwaitWorkers() {
    std::unique_lock lock(mu_);
    const auto all_ended = [this] { return working_ == 0; };
    if (request_.interrupted == nullptr) {
      ended_.wait(lock, all_ended);
      return;
    }
    while (!ended_.wait_for(lock, std::chrono::milliseconds(100), all_ended)) {
      if (Interrupted()) shared_.stop = true;
    }
  }

  bool Interrupted() const {
    return request_.interrupted != nullptr && *request_.interrupted;
  }

  RunResult Sum(uint64_t counting) const {
    RunResult sum{.name = request_.workload.name,
                  .latency = {},
                  .message = workers_.front()->message};
    Clock::time_point began = workers_.front()->began;
    Clock::time_point ended = workers_.front()->ended;
    for (const std::unique_ptr<Worker>& worker :
         Workers(workers_).first(counting)) {
      sum.operations += worker->done;
      sum.bytes += worker->bytes;
      sum.found += worker->found;
      sum.thread_seconds += Seconds(worker->ended - worker->began);
      began = std::min(began, worker->began);
      ended = std::max(ended, worker->ended);
      for (size_t op = 0; op < kOps; ++op) {
        sum.latency[op].Merge(worker->latency[op]);
      }
    }
    sum.seconds = Seconds(ended - began);
    return sum;
  }

  const RunRequest& request_;
  Shared shared_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<absl::Status> results_;

  std::mutex mu_;
  std::condition_variable ended_;
  uint64_t working_ = 0;  // Workers that count. Guarded by mu_.
};

}  // namespace

double RunResult::MicrosPerOp() const {
  return thread_seconds * 1e6 /
         static_cast<double>(std::max<uint64_t>(operations, 1));
}

double RunResult::OpsPerSecond() const {
  return static_cast<double>(operations) / std::max(seconds, 1e-9);
}

double RunResult::MegabytesPerSecond() const {
  return static_cast<double>(bytes) / 1048576.0 / std::max(seconds, 1e-9);
}

absl::StatusOr<RunResult> RunWorkload(const RunRequest& request) {
  return Run(request).Go();
}

}  // namespace lissom::bench
