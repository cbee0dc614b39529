#include "benchmarks/workload.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "util/status_macros.h"

namespace lissom::bench {

absl::Status ReadOne(Worker& worker, std::string_view key) {
  LISSOM_ASSIGN_OR_RETURN(const Found found, worker.session.Get(key));
  worker.found += found.entries;
  worker.Done(Op::kRead, 1, found.bytes);
  return absl::OkStatus();
}

absl::Status WriteOne(Worker& worker, std::string_view key) {
  const std::string_view value = worker.values.Next();
  worker.session.Put(key, value);
  LISSOM_RETURN_IF_ERROR(worker.session.Commit(worker.settings.sync));
  worker.Done(Op::kWrite, 1, key.size() + value.size());
  return absl::OkStatus();
}

void SayFound(Worker& worker) {
  worker.message =
      absl::StrCat("(", worker.found, " of ", worker.done.load(), " found)");
}

const std::vector<Workload>& AllWorkloads() {
  static const std::vector<Workload>& workloads = *[] {
    auto* all = new std::vector<Workload>;
    for (const std::vector<Workload>& part :
         {WriteWorkloads(), ReadWorkloads(), MixedWorkloads(), YcsbWorkloads(),
          UpkeepWorkloads()}) {
      all->insert(all->end(), part.begin(), part.end());
    }
    return all;
  }();
  return workloads;
}

const Workload* FindWorkload(std::string_view name) {
  for (const Workload& workload : AllWorkloads()) {
    if (workload.name == name) return &workload;
  }
  return nullptr;
}

}  // namespace lissom::bench
