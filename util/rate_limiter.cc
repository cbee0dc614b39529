#include "lissom/rate_limiter.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "util/mutex.h"

namespace lissom {
namespace {

constexpr uint64_t kLeastRate = 1024;
constexpr uint64_t kMostRate = uint64_t{1} << 50;

absl::Status CheckRate(uint64_t bytes_per_second) {
  if (bytes_per_second >= kLeastRate && bytes_per_second <= kMostRate) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "rate limiter: bytes_per_second must be 1 KiB to 2^50");
}

absl::Status CheckOptions(const TokenBucketOptions& options) {
  if (!(options.refill_period >= absl::Milliseconds(1) &&
        options.refill_period <= absl::Seconds(10))) {
    return absl::InvalidArgumentError(
        "rate limiter: refill_period must be 1 ms to 10 s");
  }
  if (options.fairness < 2 || options.fairness > 1000) {
    return absl::InvalidArgumentError(
        "rate limiter: fairness must be 2 to 1000");
  }
  return absl::OkStatus();
}

// Nobody is woken: each who waits knows when the next grant can be, and looks
// then. Bytes are counted by whoever gets them, when they are about to be
// written: had somebody else counted them earlier, more than the rate could be
// written when those who were granted much wake up together.
//
// Whose turn it is may be late: it has the time in which the second half of the
// bucket fills up, for nobody should ask for more. When the bucket is full,
// what comes in would be lost: then anybody may go. (And in a simulation, where
// one thread waits inside another's wait, the outer one cannot come at all.)
class TokenBucket final : public RateLimiter {
 public:
  TokenBucket(uint64_t rate, const TokenBucketOptions& options)
      : period_seconds_(absl::ToDoubleSeconds(options.refill_period)),
        fairness_(static_cast<uint64_t>(options.fairness)),
        clock_(options.clock != nullptr ? options.clock : Clock::System()),
        filled_at_(clock_->Monotonic()) {
    MutexLock lock(mu_);
    SetRate(rate);
    tokens_ = capacity_;
  }

  uint64_t MostBytes() const override {
    MutexLock lock(mu_);
    return static_cast<uint64_t>(std::max(1.0, capacity_ / 2));
  }

  bool Request(uint64_t bytes, IoContext::Priority priority,
               Waiter& waiter) override {
    Ticket ticket(*this, static_cast<double>(bytes),
                  priority == IoContext::Priority::kCompaction ? kLow : kHigh);
    for (bool wanted = true;;) {
      absl::Duration wait;
      {
        const absl::Duration now = clock_->Monotonic();
        MutexLock lock(mu_);
        Fill(now);
        if (Take(ticket)) return true;
        if (!wanted) return false;
        wait = UntilNextGrant();
      }
      wanted = waiter.WaitFor(wait);
    }
  }

  absl::Status SetBytesPerSecond(uint64_t bytes_per_second) override {
    const absl::Status status = CheckRate(bytes_per_second);
    if (!status.ok()) return status;
    const absl::Duration now = clock_->Monotonic();
    MutexLock lock(mu_);
    Fill(now);  // What came in so far did at the old rate.
    SetRate(bytes_per_second);
    tokens_ = std::min(tokens_, capacity_);
    return absl::OkStatus();
  }

 private:
  enum Class : size_t { kHigh, kLow, kClasses };

  // One who waits, in its queue.
  struct Ticket {
    Ticket(TokenBucket& bucket, double size, Class queue)
        : owner(bucket), bytes(size), kind(queue) {
      MutexLock lock(owner.mu_);
      Ticket** at = &owner.queues_[kind];
      while (*at != nullptr) at = &(*at)->next;
      *at = this;
    }
    ~Ticket() {
      MutexLock lock(owner.mu_);
      owner.Remove(*this);
    }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;

    TokenBucket& owner;
    const double bytes;
    const Class kind;
    Ticket* next = nullptr;  // Under mu_.
  };

  void SetRate(uint64_t rate) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    rate_ = static_cast<double>(rate);
    capacity_ = std::max(1.0, rate_ * period_seconds_);
  }

  void Fill(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (now <= filled_at_) return;
    const double seconds = absl::ToDoubleSeconds(now - filled_at_);
    tokens_ = std::min(capacity_, tokens_ + rate_ * seconds);
    filled_at_ = now;
  }

  Ticket* Next() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (queues_[kHigh] == nullptr) return queues_[kLow];
    if (queues_[kLow] == nullptr) return queues_[kHigh];
    return queues_[turn_ % fairness_ == fairness_ - 1 ? kLow : kHigh];
  }

  // What is larger than the bucket (its capacity went down) is granted when it
  // is full, and leaves it in debt.
  double Needs(const Ticket& ticket) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return std::min(ticket.bytes, capacity_);
  }

  bool Take(const Ticket& ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const bool in_turn = Next() == &ticket;
    if (tokens_ < (in_turn ? Needs(ticket) : capacity_)) return false;
    tokens_ -= ticket.bytes;
    if (in_turn && queues_[kHigh] != nullptr && queues_[kLow] != nullptr) {
      ++turn_;
    }
    return true;
  }

  // Requires: somebody waits. Rounded up, so that it is there then.
  absl::Duration UntilNextGrant() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const double needs = Needs(*Next());
    // It is there: whose turn it is should come by; else the bucket fills up.
    const double awaited = tokens_ < needs ? needs : capacity_;
    return absl::Seconds((awaited - tokens_) / rate_) + absl::Microseconds(1);
  }

  void Remove(Ticket& ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Ticket** at = &queues_[ticket.kind];
    while (*at != &ticket) at = &(*at)->next;
    *at = ticket.next;
  }

  const double period_seconds_;
  const uint64_t fairness_;
  const std::shared_ptr<Clock> clock_;
  mutable Mutex mu_;  // A leaf.
  double rate_ ABSL_GUARDED_BY(mu_) = 0;
  double capacity_ ABSL_GUARDED_BY(mu_) = 0;  // Bytes.
  double tokens_ ABSL_GUARDED_BY(mu_) = 0;    // Bytes; negative: in debt.
  absl::Duration filled_at_ ABSL_GUARDED_BY(mu_);
  uint64_t turn_ ABSL_GUARDED_BY(mu_) = 0;  // Grants in turn while both waited.
  std::array<Ticket*, kClasses> queues_ ABSL_GUARDED_BY(mu_) = {};
};

}  // namespace

absl::Status RateLimiter::SetBytesPerSecond(uint64_t) {
  return absl::UnimplementedError("this rate limiter has no rate to set");
}

absl::StatusOr<std::shared_ptr<RateLimiter>> RateLimiter::NewTokenBucket(
    uint64_t bytes_per_second, const TokenBucketOptions& options) {
  absl::Status status = CheckRate(bytes_per_second);
  if (status.ok()) status = CheckOptions(options);
  if (!status.ok()) return status;
  return std::make_shared<TokenBucket>(bytes_per_second, options);
}

}  // namespace lissom
