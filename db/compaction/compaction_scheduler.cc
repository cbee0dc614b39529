#include "db/compaction/compaction_scheduler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "db/filename.h"
#include "util/check.h"
#include "util/error.h"

namespace lissom {
namespace {

void AddAll(const Claims& from, Claims& to) {
  to.tables.insert(from.tables.begin(), from.tables.end());
  to.leaving.insert(from.leaving.begin(), from.leaving.end());
  to.outputs.insert(to.outputs.end(), from.outputs.begin(), from.outputs.end());
  to.level0_down |= from.level0_down;
  to.level0_merge |= from.level0_merge;
}

}  // namespace

CompactionScheduler::CompactionScheduler(const ColumnFamilyOptions& options)
    : options_(options) {}

// --- What next --------------------------------------------------------------

std::optional<CompactionPlan> CompactionScheduler::Next(
    const VersionPtr& version, const Moment& moment) {
  SettleRequests(version);
  LeveledPickerState state = state_;
  std::optional<Choice> choice = Choose(version, moment, state);
  if (!choice.has_value()) return std::nullopt;
  CompactionPlan& plan = choice->plan;
  LISSOM_DCHECK(CheckPlan(plan).ok());
  plan.id = last_id_ + 1;
  Running running;
  running.claims.Add(version->order(), plan);
  running.failures_before = failures_;
  if (choice->request != nullptr) {
    plan.cancelled = choice->request->cancelled();
    running.request = choice->request;
  }
  const auto at = running_.emplace(plan.id, std::move(running)).first;
  if (choice->request != nullptr) {
    try {
      choice->request->NoteStarted(plan);
    } catch (...) {
      running_.erase(at);
      throw;
    }
  }
  ++last_id_;
  state_ = std::move(state);
  return std::move(choice->plan);
}

bool CompactionScheduler::HasWork(const VersionPtr& version,
                                  const Moment& moment) const {
  Claims claims = AllClaims();
  if (ChooseManual(version, claims).has_value() || AnyUnsettled(version)) {
    return true;
  }
  return MayRun(moment) &&
         NeedsCompaction(version, options_,
                         {.claims = std::move(claims),
                          .oldest_snapshot = moment.oldest_snapshot,
                          .now = moment.wall},
                         state_);
}

PickAgain CompactionScheduler::WhenToPickAgain(const Version& version,
                                               const Moment& moment) const {
  return lissom::WhenToPickAgain(version, options_,
                                 {.claims = {},
                                  .oldest_snapshot = moment.oldest_snapshot,
                                  .now = moment.wall});
}

std::optional<CompactionScheduler::Choice> CompactionScheduler::Choose(
    const VersionPtr& version, const Moment& moment,
    LeveledPickerState& state) const {
  Claims claims = AllClaims();
  std::optional<Choice> choice = ChooseManual(version, claims);
  if (choice.has_value() || !MayRun(moment)) return choice;
  std::optional<CompactionPlan> plan =
      PickLeveledCompaction(version, options_,
                            {.claims = std::move(claims),
                             .oldest_snapshot = moment.oldest_snapshot,
                             .now = moment.wall},
                            state);
  if (plan.has_value()) choice = {.plan = *std::move(plan), .request = nullptr};
  return choice;
}

// A request whose plan is not free holds what that needs for itself, in
// `claims`: others would take it again and again.
std::optional<CompactionScheduler::Choice> CompactionScheduler::ChooseManual(
    const VersionPtr& version, Claims& claims) const {
  if (requests_.empty()) return std::nullopt;
  const int base_level = ComputeLevelTargets(*version, options_).base_level;
  for (const auto& request : requests_) {
    const PlanMaker maker(version, options_, base_level, state_.quarantined,
                          claims);
    std::optional<CompactionPlan> plan = request->Want(maker);
    if (!plan.has_value()) continue;
    if (maker.IsFree(*plan)) {
      return Choice{.plan = *std::move(plan), .request = request};
    }
    claims.Add(version->order(), *plan);
    if (plan->start_level == 0) claims.level0_merge = true;
  }
  return std::nullopt;
}

// Has a request been left in the midst of a step by an exception? Nobody else
// would move it on, and somebody waits for it.
bool CompactionScheduler::AnyUnsettled(const VersionPtr& version) const {
  if (requests_.empty()) return false;
  const Claims none;
  const PlanMaker maker(version, options_,
                        ComputeLevelTargets(*version, options_).base_level,
                        state_.quarantined, none);
  return std::any_of(
      requests_.begin(), requests_.end(), [&](const auto& request) {
        if (!request->idle()) return false;
        const std::optional<CompactionPlan> plan = request->Want(maker);
        return !plan.has_value() || maker.QuarantinedIn(*plan).has_value();
      });
}

Claims CompactionScheduler::AllClaims() const {
  Claims claims;
  for (const auto& [id, running] : running_) AddAll(running.claims, claims);
  return claims;
}

bool CompactionScheduler::MayRun(const Moment& moment) const {
  return failures_in_a_row_ == 0 || moment.now >= retry_at_;
}

std::optional<absl::Duration> CompactionScheduler::RetryAt() const {
  if (failures_in_a_row_ == 0) return std::nullopt;
  return retry_at_;
}

double CompactionScheduler::Score(const Version& version) const {
  return CompactionScore(version, options_);
}

uint64_t CompactionScheduler::PendingBytes(const Version& version) const {
  return CompactionDebt(version, options_);
}

// --- How it ended -----------------------------------------------------------

void CompactionScheduler::Finished(const CompactionPlan& plan,
                                   const absl::Status& status,
                                   const VersionPtr& version,
                                   const Moment& moment) {
  const auto at = running_.find(plan.id);
  LISSOM_DCHECK(at != running_.end());
  if (at == running_.end()) return;
  const Running ended = std::move(at->second);
  running_.erase(at);  // First: whatever comes, its tables are free again.
  if (ended.request != nullptr) ended.request->NoteEnded(status);
  if (status.ok()) {
    NoteSuccess(ended);
  } else if (!absl::IsCancelled(status)) {
    NoteFailure(status, moment.now);
  }
  SettleRequests(version);
}

// A plan that began before the last failure proves nothing about it.
void CompactionScheduler::NoteSuccess(const Running& ended) {
  if (ended.failures_before != failures_) return;
  failures_in_a_row_ = 0;
  error_ = absl::OkStatus();
}

void CompactionScheduler::NoteFailure(const absl::Status& status,
                                      absl::Duration now) {
  constexpr int kMaxDoublings = 8;  // Of a second.
  ++failures_;
  if (!QuarantineDamaged(status)) {
    retry_at_ =
        now + absl::Seconds(1 << std::min(failures_in_a_row_, kMaxDoublings));
    ++failures_in_a_row_;
  }
  ErrorDetail detail = DetailOf(status).value_or(ErrorDetail{});
  detail.severity = Severity::kJob;
  error_ = WithDetail(status, detail);
}

// True if `status` names a damaged table that was not yet set aside.
bool CompactionScheduler::QuarantineDamaged(const absl::Status& status) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  if (!absl::IsDataLoss(status) || !detail.has_value()) return false;
  const std::string name = detail->file.substr(detail->file.rfind('/') + 1);
  const std::optional<ParsedFileName> file = ParseFileName(name);
  return file.has_value() && file->type == FileType::kTable &&
         state_.quarantined.insert(file->number).second;
}

// --- Requests ---------------------------------------------------------------

std::shared_ptr<const ManualCompaction> CompactionScheduler::AddManual(
    std::optional<std::string> begin, std::optional<std::string> end,
    const CompactRangeOptions& options, const VersionPtr& version) {
  auto request = std::make_shared<ManualCompaction>(
      std::move(begin), std::move(end), options.rewrite_last_level);
  if (options.stop.stop_requested()) {
    request->Stop(absl::CancelledError("the compaction was stopped"));
    return request;
  }
  requests_.push_back(request);
  SettleRequests(version);
  return request;
}

void CompactionScheduler::Cancel(const ManualCompaction& request) {
  for (const auto& there : requests_) {
    if (there.get() != &request) continue;
    there->Stop(absl::CancelledError("the compaction was stopped"));
  }
  std::erase_if(requests_, [](const auto& there) { return there->done(); });
}

// Moves requests on, ends those that cannot go on, and forgets what is done.
void CompactionScheduler::SettleRequests(const VersionPtr& version) {
  if (requests_.empty()) return;
  const Claims none;
  const PlanMaker maker(version, options_,
                        ComputeLevelTargets(*version, options_).base_level,
                        state_.quarantined, none);
  for (const auto& request : requests_) {
    request->Settle(*version);
    const std::optional<CompactionPlan> plan = request->Want(maker);
    if (!plan.has_value()) continue;
    const std::optional<uint64_t> damaged = maker.QuarantinedIn(*plan);
    if (!damaged.has_value()) continue;
    request->Stop(absl::DataLossError(absl::StrCat(
        "table ", *damaged, " in the range was found to be damaged")));
  }
  std::erase_if(requests_, [](const auto& there) { return there->done(); });
}

}  // namespace lissom
