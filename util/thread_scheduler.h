// ThreadScheduler lets a test decide which thread runs: every lock, every wait
// and every sync point of ours is a place where it may switch to another. So an
// interleaving is chosen by a seed, not by luck (tests/support/schedule.h).
//
// Only with LISSOM_CHECKS, and only for threads that a scheduler has taken on:
// it sets `current` for them.
#ifndef LISSOM_UTIL_THREAD_SCHEDULER_H_
#define LISSOM_UTIL_THREAD_SCHEDULER_H_

#ifdef LISSOM_CHECKS

namespace lissom {

class ThreadScheduler {
 public:
  virtual ~ThreadScheduler() = default;

  // The calling thread is at `place`; another may be let run first.
  virtual void Reach(const char* place) = 0;
  // The calling thread cannot go on before somebody calls Unblock(on); it may
  // be let run earlier.
  virtual void Block(const void* on) = 0;
  virtual void Unblock(const void* on) = 0;

  // Of the calling thread; null: nobody decides.
  static inline thread_local constinit ThreadScheduler* current = nullptr;
};

}  // namespace lissom

#endif

#endif  // LISSOM_UTIL_THREAD_SCHEDULER_H_
