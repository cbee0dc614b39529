// Curve writes down, each second, how much memory the process has and what the
// engine says that it is for, and draws it.
//
// What the process had before the database was opened (the oracle above all, in
// full use) is taken off everywhere.
#ifndef LISSOM_TESTS_STRESS_CURVE_H_
#define LISSOM_TESTS_STRESS_CURVE_H_

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "lissom/metrics.h"
#include "tests/stress/session.h"
#include "tests/stress/tally.h"
#include "util/mutex.h"

namespace lissom::stress {

// Resident bytes of this process: now, and at the most so far.
uint64_t ResidentBytes();
uint64_t MostResidentBytes();

class Curve {
 public:
  // To be made before the database is opened.
  Curve(const Session& session, Tally& tally);
  ~Curve();
  Curve(const Curve&) = delete;
  Curve& operator=(const Curve&) = delete;

  // Once a second, by one thread.
  void Sample();
  // The engine's counts up to now, to be called before the database is closed.
  // Thread-safe. Returns them all.
  Metrics NoteEngine(const Lease& lease) ABSL_LOCKS_EXCLUDED(mu_);

  uint64_t baseline() const { return baseline_; }
  double seconds() const;
  // Memory over time, with lines at the budget and at 1.2 of it.
  std::string Plot() const;

 private:
  struct Point {
    double seconds;
    uint64_t resident;
  };

  void WriteRow(const Point& point, const Metrics& metrics);
  void ShowProgress(const Point& point, const Metrics& metrics);

  const Session& session_;
  Tally& tally_;
  const uint64_t baseline_;
  const std::chrono::steady_clock::time_point start_;
  std::FILE* file_ = nullptr;
  std::vector<Point> points_;
  Mutex mu_;
  uint64_t engine_round_ ABSL_GUARDED_BY(mu_) = 0;
  Metrics engine_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_CURVE_H_
