// Workloads that fill, overwrite and delete.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "benchmarks/workload.h"
#include "util/status_macros.h"

namespace lissom::bench {
namespace {

enum class Order { kSequential, kRandom };

struct FillPlan {
  Order order = Order::kSequential;
  uint64_t puts = 0;
  uint64_t keys = 0;  // That random ones are drawn from.
  uint64_t batch_size = 1;
  bool sync = false;
};

absl::Status Fill(Worker& worker, const FillPlan& plan) {
  const uint64_t entry_bytes =
      worker.settings.key_size + worker.settings.value_size;
  // In order, the keys are the measure, not the time.
  Budget budget = plan.order == Order::kSequential
                      ? Budget::Count(worker, plan.puts)
                      : Budget(worker, plan.puts);
  uint64_t next = 0;
  while (const uint64_t count = budget.Next(plan.batch_size)) {
    worker.PaceWrite(count * entry_bytes);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t index = plan.order == Order::kSequential
                                 ? next++
                                 : worker.random.Uniform(plan.keys);
      worker.session.Put(worker.KeyOf(index), worker.values.Next());
    }
    LISSOM_RETURN_IF_ERROR(worker.session.Commit(plan.sync));
    worker.Done(Op::kWrite, count, count * entry_bytes);
  }
  return absl::OkStatus();
}

FillPlan PlanOf(const Worker& worker, Order order) {
  return {.order = order,
          .puts = worker.settings.Writes(),
          .keys = worker.settings.num,
          .batch_size = worker.settings.batch_size,
          .sync = worker.settings.sync};
}

absl::Status FillSeq(Worker& worker) {
  return Fill(worker, PlanOf(worker, Order::kSequential));
}

absl::Status FillRandom(Worker& worker) {
  return Fill(worker, PlanOf(worker, Order::kRandom));
}

// A thousandth of the operations, as each waits for the disk.
absl::Status FillSync(Worker& worker) {
  FillPlan plan = PlanOf(worker, Order::kRandom);
  plan.keys = std::max<uint64_t>(worker.settings.num / 1000, 1);
  plan.puts = worker.settings.writes.value_or(plan.keys);
  plan.sync = true;
  LISSOM_RETURN_IF_ERROR(Fill(worker, plan));
  worker.message = absl::StrCat("(", worker.done.load(), " ops)");
  return absl::OkStatus();
}

absl::Status FillBatch(Worker& worker) {
  FillPlan plan = PlanOf(worker, Order::kSequential);
  plan.batch_size = 1000;
  return Fill(worker, plan);
}

absl::Status Erase(Worker& worker, Order order) {
  Budget budget = order == Order::kSequential
                      ? Budget::Count(worker, worker.settings.Deletes())
                      : Budget(worker, worker.settings.Deletes());
  uint64_t next = 0;
  while (const uint64_t count = budget.Next(worker.settings.batch_size)) {
    worker.PaceWrite(count * worker.settings.key_size);
    for (uint64_t i = 0; i < count; ++i) {
      worker.session.Delete(
          worker.KeyOf(order == Order::kSequential
                           ? next++
                           : worker.random.Uniform(worker.settings.num)));
    }
    LISSOM_RETURN_IF_ERROR(worker.session.Commit(worker.settings.sync));
    worker.Done(Op::kDelete, count, 0);
  }
  return absl::OkStatus();
}

absl::Status DeleteSeq(Worker& worker) {
  return Erase(worker, Order::kSequential);
}
absl::Status DeleteRandom(Worker& worker) {
  return Erase(worker, Order::kRandom);
}

}  // namespace

std::vector<Workload> WriteWorkloads() {
  return {
      {.name = "fillseq",
       .help = "put all keys in order into an empty database",
       .fresh_db = true,
       .run = FillSeq},
      {.name = "fillrandom",
       .help = "put random keys into an empty database",
       .fresh_db = true,
       .run = FillRandom},
      {.name = "fillsync",
       .help = "num / 1000 puts with sync into an empty database",
       .fresh_db = true,
       .run = FillSync},
      {.name = "fillbatch",
       .help = "fillseq in batches of 1000",
       .fresh_db = true,
       .run = FillBatch},
      {.name = "overwrite",
       .help = "put random keys into the database there is",
       .run = FillRandom},
      {.name = "deleteseq",
       .help = "delete all keys in order",
       .run = DeleteSeq},
      {.name = "deleterandom",
       .help = "delete random keys",
       .run = DeleteRandom},
  };
}

}  // namespace lissom::bench
