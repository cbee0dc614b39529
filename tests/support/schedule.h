// ThreadSchedule runs threads one at a time, and a seed says which, at every
// lock, wait and sync point of theirs: an interleaving that replays. Two runs
// that chose the same thread at each place have the same hash().
//
//   ThreadSchedule schedule(seed);
//   schedule.Spawn([&] { db->Put(...); });
//   schedule.Spawn([&] { db->Get(...); });
//   schedule.Run();
//
// A thread mostly runs on (few switches find most faults, and long runs of one
// thread are what locks alone do not give); how readily it is switched is drawn
// from the seed too.
//
// What a controlled thread waits for must be done by another of them: if all
// are blocked, that is a deadlock, and the test aborts with the last places.
// Real threads, handed on one to the other: to TSan they are ordered, so races
// are not what this finds.
#ifndef LISSOM_TESTS_SUPPORT_SCHEDULE_H_
#define LISSOM_TESTS_SUPPORT_SCHEDULE_H_

#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "lissom/executor.h"
#include "util/random.h"
#include "util/thread_scheduler.h"

namespace lissom {

class ThreadSchedule final : public ThreadScheduler {
 public:
  explicit ThreadSchedule(uint64_t seed) : random_(seed) {
    switch_one_in_ = 2 + random_.Uniform(14);
  }

  // Adds a thread. Before Run, or by a thread of this schedule.
  void Spawn(std::function<void()> body) {
    std::unique_lock<std::mutex> lock(mu_);
    const size_t id = threads_.size();
    threads_.push_back(std::make_unique<Thread>());
    threads_[id]->handle = std::thread([this, id, body = std::move(body)] {
      // In a thread of its own, which has ended when another may run: what is
      // destroyed with a thread takes locks too, and has no schedule then.
      std::thread([this, id, &body] {
        current = this;
        self_ = id;
        {
          std::unique_lock<std::mutex> own(mu_);
          WaitForTurn(own, id);
        }
        body();
        current = nullptr;
      }).join();
      std::unique_lock<std::mutex> own(mu_);
      threads_[id]->state = State::kDone;
      PassOn(id, "end");
    });
  }

  // Until every thread has ended.
  void Run() {
    {
      std::unique_lock<std::mutex> lock(mu_);
      PassOn(kNobody, "start");
      all_done_.wait(lock, [this] { return ended_; });
    }
    for (const auto& thread : threads_) thread->handle.join();
  }

  uint64_t hash() const { return hash_; }
  uint64_t switches() const { return switches_; }

  void Reach(const char* place) override {
    std::unique_lock<std::mutex> lock(mu_);
    if (random_.Uniform(switch_one_in_) != 0) {
      Note(self_, place);
      return;
    }
    PassOn(self_, place);
    WaitForTurn(lock, self_);
  }
  void Block(const void* on) override {
    std::unique_lock<std::mutex> lock(mu_);
    threads_[self_]->state = State::kBlocked;
    threads_[self_]->on = on;
    PassOn(self_, "block");
    WaitForTurn(lock, self_);
  }
  void Unblock(const void* on) override {
    std::unique_lock<std::mutex> lock(mu_);
    for (const auto& thread : threads_) {
      if (thread->state == State::kBlocked && thread->on == on) {
        thread->state = State::kReady;
      }
    }
  }

 private:
  enum class State { kReady, kBlocked, kDone };
  struct Thread {
    std::thread handle;
    std::condition_variable turn;
    State state = State::kReady;
    const void* on = nullptr;
  };
  static constexpr size_t kNobody = SIZE_MAX;

  void Note(size_t id, const char* place) {
    hash_ = (hash_ ^ (id + 1)) * 0x9e3779b97f4a7c15u;
    hash_ ^= hash_ >> 29;
    last_places_[steps_++ % last_places_.size()] = {id, place};
  }

  // Chooses who runs next; all under mu_.
  void PassOn(size_t from, const char* place) {
    std::vector<size_t> ready;
    bool all_done = true;
    for (size_t id = 0; id < threads_.size(); ++id) {
      if (threads_[id]->state == State::kReady) ready.push_back(id);
      all_done = all_done && threads_[id]->state == State::kDone;
    }
    if (all_done) {
      ended_ = true;
      all_done_.notify_all();
      return;
    }
    if (ready.empty()) Deadlock();
    running_ = ready[random_.Uniform(ready.size())];
    Note(running_, place);
    if (running_ != from) {
      ++switches_;
      threads_[running_]->turn.notify_one();
    }
  }

  void WaitForTurn(std::unique_lock<std::mutex>& lock, size_t id) {
    threads_[id]->turn.wait(lock, [this, id] { return running_ == id; });
  }

  [[noreturn]] void Deadlock() const {
    std::fprintf(stderr, "every thread is blocked; the last places:\n");
    for (size_t i = 0; i < last_places_.size(); ++i) {
      const auto& [id, place] =
          last_places_[(steps_ + i) % last_places_.size()];
      if (place != nullptr) {
        std::fprintf(stderr, "  thread %zu: %s\n", id, place);
      }
    }
    std::abort();
  }

  std::mutex mu_;
  Random random_;
  uint64_t switch_one_in_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::condition_variable all_done_;
  size_t running_ = kNobody;
  bool ended_ = false;
  uint64_t hash_ = 0;
  uint64_t steps_ = 0;
  uint64_t switches_ = 0;
  std::array<std::pair<size_t, const char*>, 32> last_places_{};
  static inline thread_local size_t self_ = kNobody;
};

// Runs tasks in threads of a schedule: one for each priority while it has any.
class ScheduledExecutor final : public Executor {
 public:
  explicit ScheduledExecutor(ThreadSchedule& schedule) : schedule_(schedule) {}

  void Schedule(Priority priority, std::function<void()> task) override {
    const auto lane = lanes_[static_cast<size_t>(priority)];
    std::unique_lock<std::mutex> lock(lane->mu);
    lane->queue.push_back(std::move(task));
    if (std::exchange(lane->served, true)) return;
    lock.unlock();
    schedule_.Spawn([lane] { Serve(*lane); });
  }

 private:
  struct Lane {
    std::mutex mu;  // Held for moments without a place in between.
    std::deque<std::function<void()>> queue;
    bool served = false;
  };

  static void Serve(Lane& lane) {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock<std::mutex> lock(lane.mu);
        if (lane.queue.empty()) {
          lane.served = false;
          return;
        }
        task = std::move(lane.queue.front());
        lane.queue.pop_front();
      }
      task();
    }
  }

  ThreadSchedule& schedule_;
  std::array<std::shared_ptr<Lane>, 2> lanes_ = {std::make_shared<Lane>(),
                                                 std::make_shared<Lane>()};
};

}  // namespace lissom

#endif  // LISSOM_TESTS_SUPPORT_SCHEDULE_H_
