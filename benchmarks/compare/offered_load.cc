#include "benchmarks/compare/offered_load.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string_view>

#include "benchmarks/worker.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t Nanos(Clock::duration time) {
  const auto count =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  return static_cast<uint64_t>(std::max<int64_t>(count, 0));
}

absl::StatusOr<uint64_t> DoOne(Worker& worker, OfferedOperation operation) {
  const std::string_view key =
      worker.KeyOf(worker.random.Uniform(worker.settings.num));
  if (operation == OfferedOperation::kGet) {
    LISSOM_ASSIGN_OR_RETURN(const Found found, worker.session.Get(key));
    return found.entries;
  }
  worker.session.Put(key, worker.values.Next());
  LISSOM_RETURN_IF_ERROR(worker.session.Commit(/*sync=*/false));
  return 0;
}

}  // namespace

std::vector<Percentile> PercentilesOf(std::span<uint64_t> nanos) {
  constexpr double kPercents[] = {50, 90, 99, 99.9, 99.99, 100};
  std::sort(nanos.begin(), nanos.end());
  std::vector<Percentile> percentiles;
  percentiles.reserve(std::size(kPercents));
  for (const double percent : kPercents) {
    double micros = 0;
    if (!nanos.empty()) {
      // The least latency that `percent` of all do not exceed.
      const auto wanted = static_cast<size_t>(
          std::ceil(static_cast<double>(nanos.size()) * percent / 100 - 1e-6));
      micros =
          static_cast<double>(nanos[std::max<size_t>(wanted, 1) - 1]) / 1e3;
    }
    percentiles.push_back({.percent = percent, .micros = micros});
  }
  return percentiles;
}

absl::StatusOr<Offered> OfferLoad(Engine& engine, const Offer& offer) {
  Settings settings;
  settings.num = offer.keys;
  settings.value_size = offer.value_size;
  Shared shared(settings);
  const std::unique_ptr<Session> session = engine.NewSession();
  Worker worker(engine, *session, settings, shared, offer.seed);
  const auto count = static_cast<size_t>(offer.rate * offer.seconds);
  // Written to once, so that none of its pages is first touched on the clock.
  std::vector<uint64_t> nanos(count, 1);
  const double gap = 1e9 / offer.rate;
  Offered offered;
  const Clock::time_point start = Clock::now();
  const Clock::time_point give_up =
      start + std::chrono::duration_cast<Clock::duration>(
                  std::chrono::duration<double>(2 * offer.seconds));
  Clock::time_point end = start;
  size_t done = 0;
  for (; done < count && end < give_up; ++done) {
    const Clock::time_point due =
        start + std::chrono::nanoseconds(
                    static_cast<int64_t>(gap * static_cast<double>(done)));
    while (Clock::now() < due) {
    }
    LISSOM_ASSIGN_OR_RETURN(const uint64_t found,
                            DoOne(worker, offer.operation));
    offered.found += found;
    end = Clock::now();
    nanos[done] = Nanos(end - due);
  }
  offered.operations = done;
  offered.seconds = std::chrono::duration<double>(end - start).count();
  offered.percentiles = PercentilesOf(std::span(nanos).first(done));
  return offered;
}

}  // namespace lissom::bench
