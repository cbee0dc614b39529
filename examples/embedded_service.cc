// One store in a service: threads that count words share it, write in batches,
// and stop cleanly on a signal. Run: embedded_service DIRECTORY [SECONDS]
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lissom/db.h"

namespace {

std::atomic<bool> stopping{false};  // The one thing a signal may touch.

// Each thread has keys of its own, so that reading a count and writing it anew
// needs no lock. A DB takes calls of all threads at once.
absl::Status Serve(lissom::DB& db, int thread, int& served) {
  for (served = 0; !stopping; ++served) {
    const std::string who = "user" + std::to_string(thread) + "/";
    const std::string word = who + std::to_string(served % 1000);
    absl::StatusOr<std::string> count = db.Get(word);
    const bool first = lissom::IsNotFound(count.status());
    if (!count.ok() && !first) return count.status();
    const int seen = first ? 0 : std::atoi(count->c_str());
    lissom::WriteBatch batch;  // The word and the total change together.
    batch.Put(word, std::to_string(seen + 1));
    batch.Put(who + "total", std::to_string(served + 1));
    // Rather an error to the client than a wait of unknown length.
    absl::Status s = db.Write({.timeout = absl::Milliseconds(100)}, batch);
    if (!s.ok() && !absl::IsDeadlineExceeded(s)) return s;
  }
  return absl::OkStatus();
}

absl::Status Run(const std::string& path, int seconds) {
  lissom::Options options;
  options.create_if_missing = true;
  options.memory_budget = size_t{64} << 20;  // The service's share for it.
  auto db = lissom::DB::Open(options, path);
  if (!db.ok()) return db.status();

  constexpr int kThreads = 2;
  std::vector<absl::Status> results(kThreads);
  std::vector<int> served(kThreads);
  std::vector<std::thread> threads(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads[i] = std::thread([&, i] {
      results[i] = Serve(**db, i, served[i]);
      if (!results[i].ok()) stopping = true;  // One failed: all stop.
    });
  }
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!stopping && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  stopping = true;
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& s : results) {
    if (!s.ok()) return s;
  }
  const lissom::Metrics metrics = (*db)->GetMetrics();  // For your dashboard.
  std::cout << served[0] + served[1] << " requests; p99 of a write "
            << metrics.write_latency.p99 / 1000 << " us\n";
  return (*db)->Close();  // All that was acknowledged is on the disk.
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { stopping = true; });
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 1;
  const absl::Status s = Run(argc > 1 ? argv[1] : "service.db", seconds);
  if (!s.ok()) std::cerr << s << "\n";
  return s.ok() ? 0 : 1;
}
