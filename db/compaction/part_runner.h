// RunParts runs the parts of a job on whatever threads are free: tasks of the
// executor take parts off a list, and so does the caller, who therefore needs
// none of them. One part that fails calls the others off.
#ifndef LISSOM_DB_COMPACTION_PART_RUNNER_H_
#define LISSOM_DB_COMPACTION_PART_RUNNER_H_

#include <atomic>
#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "lissom/executor.h"

namespace lissom {

// Runs run(0, stop) to run(count - 1, stop), each once, until one fails; then
// `stop` is set (relaxed), and no further one begins. Returns when none runs
// any more: OK if all succeeded, else the error of the first part that failed
// by itself. Exceptions of `run` become statuses.
//
// `executor`: null to run all of it here. A task of it that starts after the
// return touches nothing of the caller's.
absl::Status RunParts(
    Executor* executor, size_t count,
    absl::FunctionRef<absl::Status(size_t part, const std::atomic<bool>& stop)>
        run);

}  // namespace lissom

#endif  // LISSOM_DB_COMPACTION_PART_RUNNER_H_
