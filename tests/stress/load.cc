#include "tests/stress/load.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "tests/stress/curve.h"
#include "tests/stress/reads.h"
#include "tests/stress/session.h"
#include "tests/stress/stage.h"
#include "tests/stress/upkeep.h"
#include "tests/stress/worker.h"
#include "util/mutex.h"
#include "util/random.h"

namespace lissom::stress {
namespace {

// A thread that calls `sample` once a second until this is destroyed.
class Sampler {
 public:
  explicit Sampler(std::function<void()> sample)
      : sample_(std::move(sample)), thread_([this] { Run(); }) {}
  ~Sampler() {
    {
      MutexLock lock(mu_);
      done_ = true;
      ended_.SignalAll();
    }
    thread_.join();
  }

 private:
  void Run() {
    MutexLock lock(mu_);
    while (!done_) {
      {
        MutexUnlock unlock(mu_);
        sample_();
      }
      if (!done_) ended_.WaitFor(mu_, absl::Seconds(1));
    }
  }

  const std::function<void()> sample_;
  Mutex mu_;
  CondVar ended_;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

class Load {
 public:
  explicit Load(const LoadPlan& plan)
      : plan_(plan),
        life_(plan.shared.lives.fetch_add(1)),
        session_(plan.flags, plan.oracle, plan.shared.tally),
        clock_(Clock::System()),
        stage_{plan.oracle, plan.shared.tally, session_, *clock_},
        random_(plan.flags.seed * 77 + life_) {
    for (uint64_t i = 0; i < plan.flags.threads; ++i) {
      workers_.push_back(
          std::make_unique<Worker>(stage_, share_, random_.Next()));
    }
    plan.oracle.Touch();
    // Last: all that was made before is taken off.
    curve_ = std::make_unique<Curve>(session_, plan.shared.tally);
  }

  void Run() {
    if (plan_.flags.memory_budget != 0) {
      std::printf(
          "memory before the database was opened, oracle and all: "
          "%.1f MiB; it is taken off below\n",
          static_cast<double>(curve_->baseline()) / 1048576.0);
    }
    session_.SkipRounds(life_ * 1000);
    session_.Open(workers_.size());
    {
      Sampler sampler([this] { curve_->Sample(); });
      if (life_ > 0) CheckAllAndRestart(stage_, *session_.Peek().db);
      Fill();
      WorkUntil(plan_.seconds);
      CheckEverything();
    }
    std::printf("\n%s", curve_->Plot().c_str());
  }

 private:
  template <typename Call>
  void InAllWorkers(Call call, std::vector<std::thread>* threads) {
    for (size_t i = 0; i < workers_.size(); ++i) {
      threads->emplace_back([this, call, i] { call(*workers_[i], i); });
    }
  }

  void Fill() {
    if (plan_.shared.filled.load()) return;
    std::vector<std::thread> threads;
    InAllWorkers(
        [this](Worker& worker, size_t i) { worker.Fill(i, workers_.size()); },
        &threads);
    for (std::thread& thread : threads) thread.join();
    plan_.shared.filled.store(true);
  }

  // Closes now and then, in the midst of everything or at rest.
  void WorkUntil(double seconds) {
    std::vector<std::thread> threads;
    InAllWorkers([](Worker& worker, size_t) { worker.Run(); }, &threads);
    const double every = plan_.flags.reopen_every == 0
                             ? seconds
                             : static_cast<double>(plan_.flags.reopen_every);
    for (double next = every; curve_->seconds() < seconds; next += every) {
      SleepUntil(std::min(next, seconds));
      if (curve_->seconds() >= seconds) break;
      Reopen(random_.OneIn(2));
    }
    session_.Stop();
    CancelCompactions();
    for (std::thread& thread : threads) thread.join();
  }

  void SleepUntil(double seconds) const {
    const double left = seconds - curve_->seconds();
    if (left > 0) {
      std::this_thread::sleep_for(std::chrono::duration<double>(left));
    }
  }

  void CancelCompactions() {
    MutexLock lock(share_.mu);
    share_.stop.request_stop();
  }

  void Reopen(bool in_the_midst) {
    CancelCompactions();
    curve_->NoteEngine(session_.Peek());
    session_.Close(in_the_midst);
    session_.Open(workers_.size());
  }

  // With nobody at work: exactly what was acknowledged, before and after.
  void CheckEverything() {
    const Picture::Least least = Picture::Least::kFloor;
    CheckAll(stage_, *session_.Peek().db, least, "a scan at the end");
    const absl::Status verified = session_.Peek().db->VerifyChecksums();
    if (!verified.ok()) ReportStatus("VerifyChecksums", "", verified);
    session_.Close(/*in_the_midst=*/false);
    session_.Open(0);
    CheckAll(stage_, *session_.Peek().db, least, "a scan after the last open");
    session_.Close(/*in_the_midst=*/false);
  }

  const LoadPlan plan_;
  const uint64_t life_;
  Session session_;
  const std::shared_ptr<Clock> clock_;
  Stage stage_;
  Random random_;
  UpkeepShare share_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Curve> curve_;
};

}  // namespace

void RunLoad(const LoadPlan& plan) { Load(plan).Run(); }

}  // namespace lissom::stress
