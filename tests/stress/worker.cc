#include "tests/stress/worker.h"

#include <utility>

namespace lissom::stress {
namespace {

// Of a million steps; what is left over are Gets. `rare` ones rewrite or read
// much, so a large database gets a tenth of them.
struct Weights {
  uint64_t change = 380'000;
  uint64_t multi_get = 90'000;
  uint64_t scan = 40'000;
  uint64_t scan_sets = 25'000;
  uint64_t look_again = 15'000;
  uint64_t sync = 100;
  uint64_t numbers = 200;
  uint64_t cancel = 300;
  uint64_t flush = 60;    // Rare.
  uint64_t compact = 20;  // Rare.
  uint64_t verify = 4;    // Rare.
  uint64_t read_only = 20;
};

Weights WeightsFor(const Flags& flags) {
  Weights weights;
  if (flags.memory_budget == 0) return weights;
  weights.flush /= 10;
  weights.compact /= 10;
  weights.verify /= 2;
  // A second opener has a budget of its own, which would blur the curve.
  weights.read_only = 0;
  return weights;
}

}  // namespace

Worker::Worker(Stage& stage, UpkeepShare& share, uint64_t seed)
    : stage_(stage),
      random_(seed),
      writes_(stage, random_),
      reads_(stage, random_),
      upkeep_(stage, share, random_) {}

void Worker::Fill(uint64_t index, uint64_t workers) {
  const Lease lease = stage_.session.Next();
  for (uint64_t slot = index; slot < stage_.oracle.slots(); slot += workers) {
    if (slot % 8 == 7) continue;  // Absent, until somebody writes it.
    if (lease.db == nullptr || !writes_.Fill(lease, slot)) return;
  }
}

bool Worker::Step(const Lease& lease) {
  static const Weights weights = WeightsFor(stage_.session.flags());
  uint64_t draw = random_.Uniform(1'000'000);
  const auto falls_to = [&draw](uint64_t weight) {
    if (draw < weight) return true;
    draw -= weight;
    return false;
  };
  if (falls_to(weights.change)) return writes_.Change(lease);
  if (falls_to(weights.multi_get)) return reads_.MultiGet(lease);
  if (falls_to(weights.scan)) return reads_.Scan(lease);
  if (falls_to(weights.scan_sets)) return reads_.ScanSets(lease);
  if (falls_to(weights.look_again)) return reads_.LookAgain(lease);
  if (falls_to(weights.sync)) return upkeep_.SyncWal(lease);
  if (falls_to(weights.numbers)) return upkeep_.LookAtNumbers(lease);
  if (falls_to(weights.cancel)) return upkeep_.CancelCompactRange(lease);
  if (falls_to(weights.flush)) return upkeep_.Flush(lease);
  if (falls_to(weights.compact)) return upkeep_.CompactRange(lease);
  if (falls_to(weights.verify)) return upkeep_.Verify(lease);
  if (falls_to(weights.read_only)) return upkeep_.OpenReadOnly(lease);
  return reads_.Get(lease);
}

void Worker::Run() {
  Lease lease = stage_.session.Next();
  while (lease.db != nullptr) {
    if (!stage_.session.Stale(lease) && Step(lease)) continue;
    // What is held would count beside the next database's budget.
    if (stage_.session.flags().memory_budget != 0) reads_.LetGo(false);
    Lease next = stage_.session.Next();
    reads_.LetGo(next.db != nullptr);
    lease = std::move(next);
  }
}

}  // namespace lissom::stress
