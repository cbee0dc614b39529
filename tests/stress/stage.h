// Stage is what all workers of a stress run share.
#ifndef LISSOM_TESTS_STRESS_STAGE_H_
#define LISSOM_TESTS_STRESS_STAGE_H_

#include <string>

#include "absl/status/status.h"
#include "lissom/clock.h"
#include "tests/stress/oracle.h"
#include "tests/stress/session.h"
#include "tests/stress/tally.h"
#include "tests/stress/violation.h"

namespace lissom::stress {

struct Stage {
  Oracle& oracle;
  Tally& tally;
  Session& session;
  Clock& clock;
};

// True if `status` is a close's doing, and may be.
inline bool IsClose(const Stage& stage, const Lease& lease,
                    const absl::Status& status) {
  return absl::IsCancelled(status) && stage.session.MayBeClosed(lease);
}

[[noreturn]] inline void ReportStatus(std::string_view operation,
                                      std::string key,
                                      const absl::Status& status) {
  Report({operation, std::move(key), "OK, or an error that was asked for",
          status.ToString()});
}

}  // namespace lissom::stress

#endif  // LISSOM_TESTS_STRESS_STAGE_H_
