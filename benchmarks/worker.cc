#include "benchmarks/worker.h"

#include <algorithm>

namespace lissom::bench {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

std::string_view OpName(Op op) {
  constexpr std::array<std::string_view, kOps> kNames = {
      "read", "write", "delete", "seek", "update", "op"};
  return kNames[static_cast<size_t>(op)];
}

std::string_view Worker::KeyOf(uint64_t index_of_key) {
  key.resize(settings.key_size, '0');
  for (size_t i = 0; i < 8; ++i) {
    key[i] = static_cast<char>(index_of_key >> (56 - 8 * i));
  }
  return key;
}

void Worker::AddLatency(Op op) {
  const auto now = Clock::now();
  latency[static_cast<size_t>(op)].Add(static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now - last)
          .count()));
  last = now;
}

void Worker::ForgetTime() {
  if (settings.histogram) last = Clock::now();
}

void Worker::PaceWrite(uint64_t write_bytes) {
  if (!shared.writes.has_value()) return;
  shared.writes->Take(write_bytes);
  ForgetTime();
}

void Worker::PaceReads(uint64_t operations) {
  if (!shared.reads.has_value()) return;
  // A sleep takes 50 us and more: some reads are booked at once, though not so
  // many that a slow pace comes in bursts.
  const uint64_t together =
      std::clamp<uint64_t>(settings.read_rate_limit / 100, 1, 256);
  unpaced_reads_ += operations;
  if (unpaced_reads_ < together) return;
  shared.reads->Take(unpaced_reads_);
  unpaced_reads_ = 0;
  ForgetTime();
}

Budget::Budget(Worker& worker, uint64_t operations)
    : Budget(worker, operations, worker.settings.duration) {}

Budget Budget::Count(Worker& worker, uint64_t operations) {
  return {worker, operations, 0};
}

Budget::Budget(Worker& worker, uint64_t operations, uint64_t seconds)
    : stop_(worker.shared.stop),
      timed_(seconds > 0),
      stage_(worker.settings.ops_between_duration_checks),
      end_(timed_ ? Clock::now() + std::chrono::seconds(seconds)
                  : Clock::time_point()),
      left_(timed_ ? stage_ : operations) {}

bool Budget::MoreTime() {
  if (!timed_ || Clock::now() >= end_) return false;
  left_ = stage_;
  return true;
}

}  // namespace lissom::bench
