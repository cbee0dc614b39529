// LatencyHistogram counts latencies in buckets that are an eighth of a power of
// two wide: percentiles are right within 13 percent. ConcurrentLatencyHistogram
// is what threads add to together, and gives one of the former.
#ifndef LISSOM_UTIL_LATENCY_HISTOGRAM_H_
#define LISSOM_UTIL_LATENCY_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "util/thread_slot.h"

namespace lissom {

namespace internal {
inline constexpr size_t kLatencyBuckets = size_t{64} * 8;

// Below 8 each value has a bucket; above, each power of two has eight.
inline size_t LatencyBucketOf(uint64_t nanos) {
  if (nanos < 8) return nanos;
  const auto shift = static_cast<size_t>(std::bit_width(nanos)) - 4;
  return shift * 8 + (nanos >> shift);
}
// The largest value in a bucket.
inline uint64_t EndOfLatencyBucket(size_t bucket) {
  if (bucket < 16) return bucket;
  const size_t shift = bucket / 8 - 1;
  return ((bucket % 8 + 9) << shift) - 1;
}
}  // namespace internal

// Thread-compatible: each thread has one, merged at the end.
class LatencyHistogram {
 public:
  void Add(uint64_t nanos) {
    ++buckets_[internal::LatencyBucketOf(nanos)];
    ++count_;
    max_ = std::max(max_, nanos);
  }

  void Merge(const LatencyHistogram& other) {
    for (size_t i = 0; i < buckets_.size(); ++i) {
      buckets_[i] += other.buckets_[i];
    }
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }

  // The latency, in nanoseconds, that `percent` of all do not exceed.
  uint64_t Percentile(double percent) const {
    const double wanted = static_cast<double>(count_) * percent / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (static_cast<double>(seen) >= wanted && seen > 0) {
        return std::min(internal::EndOfLatencyBucket(i), max_);
      }
    }
    return max_;
  }

 private:
  friend class ConcurrentLatencyHistogram;

  std::array<uint64_t, internal::kLatencyBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

// Thread-safe. Meant for samples: an Add is two locked instructions, and
// threads meet in a stripe (4 KiB each) now and then.
class ConcurrentLatencyHistogram {
 public:
  // Requires: stripes > 0.
  explicit ConcurrentLatencyHistogram(size_t stripes) : stripes_(stripes) {}

  void Add(uint64_t nanos) {
    Stripe& stripe = stripes_[ThreadSlot() % stripes_.size()];
    stripe.buckets[internal::LatencyBucketOf(nanos)].fetch_add(
        1, std::memory_order_relaxed);
    uint64_t max = stripe.max.load(std::memory_order_relaxed);
    while (max < nanos && !stripe.max.compare_exchange_weak(
                              max, nanos, std::memory_order_relaxed)) {
    }
  }

  // What was added before the call, and perhaps some of what comes meanwhile.
  LatencyHistogram Read() const {
    LatencyHistogram sum;
    for (const Stripe& stripe : stripes_) {
      for (size_t i = 0; i < stripe.buckets.size(); ++i) {
        const uint64_t n = stripe.buckets[i].load(std::memory_order_relaxed);
        sum.buckets_[i] += n;
        sum.count_ += n;
      }
      sum.max_ = std::max(sum.max_, stripe.max.load(std::memory_order_relaxed));
    }
    return sum;
  }

 private:
  struct alignas(64) Stripe {
    std::array<std::atomic<uint64_t>, internal::kLatencyBuckets> buckets{};
    std::atomic<uint64_t> max{0};
  };
  std::vector<Stripe> stripes_;
};

}  // namespace lissom

#endif  // LISSOM_UTIL_LATENCY_HISTOGRAM_H_
