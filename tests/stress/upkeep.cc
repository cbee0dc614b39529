#include "tests/stress/upkeep.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/stress/picture.h"
#include "tests/stress/reads.h"

namespace lissom::stress {

Upkeep::Upkeep(Stage& stage, UpkeepShare& share, Random& random)
    : stage_(stage),
      share_(share),
      random_(random),
      floors_(stage.oracle.slots()) {}

bool Upkeep::Judge(const Lease& lease, const absl::Status& status,
                   std::string_view operation) {
  if (status.ok()) return true;
  if (IsClose(stage_, lease, status)) return false;
  ReportStatus(operation, "", status);
}

bool Upkeep::Flush(const Lease& lease) {
  const bool wait = !random_.OneIn(4);
  stage_.tally.Add(Count::kFlushes);
  stage_.oracle.CopyFloors(floors_.data());
  const absl::Status status = lease.db->Flush({.wait = wait});
  if (status.ok() && wait) stage_.oracle.KeepUpTo(floors_.data());
  return Judge(lease, status, "Flush");
}

bool Upkeep::SyncWal(const Lease& lease) {
  stage_.tally.Add(Count::kSyncs);
  return Judge(lease, lease.db->SyncWal(), "SyncWal");
}

bool Upkeep::CompactRange(const Lease& lease) {
  if (share_.compacting.exchange(true)) return true;
  std::stop_source stop;
  {
    MutexLock lock(share_.mu);
    share_.stop = stop;
  }
  if (random_.OneIn(8)) stop.request_stop();
  const CompactRangeOptions options{.stop = stop.get_token(),
                                    .rewrite_last_level = random_.OneIn(4)};
  const uint64_t slots = stage_.oracle.slots();
  const uint64_t first = random_.Uniform(slots);
  std::string begin = stage_.oracle.KeyOf({first, 0});
  std::string end = stage_.oracle.KeyOf(
      {std::min(slots - 1, first + random_.Uniform(slots / 10)), 0});
  if (end < begin) begin.swap(end);  // Sets sort before single keys.
  const bool all = random_.OneIn(16);
  const absl::Status status = lease.db->CompactRange(
      options, all ? std::nullopt : std::optional<std::string_view>(begin),
      all ? std::nullopt : std::optional<std::string_view>(end));
  share_.compacting.store(false);
  stage_.tally.Add(Count::kCompactRanges);
  if (absl::IsCancelled(status) && stop.stop_requested()) {
    stage_.tally.Add(Count::kCancelledRanges);
    return true;
  }
  return Judge(lease, status, "CompactRange");
}

bool Upkeep::CancelCompactRange(const Lease&) {
  if (!share_.compacting.load()) return true;
  MutexLock lock(share_.mu);
  share_.stop.request_stop();
  return true;
}

bool Upkeep::Verify(const Lease& lease) {
  if (share_.verifying.exchange(true)) return true;
  const absl::Status status = lease.db->VerifyChecksums();
  share_.verifying.store(false);
  stage_.tally.Add(Count::kVerifies);
  return Judge(lease, status, "VerifyChecksums");
}

// No exact numbers are known here; that they fit one another is.
bool Upkeep::LookAtNumbers(const Lease& lease) {
  stage_.tally.Add(Count::kMetrics);
  const Metrics metrics = lease.db->GetMetrics();
  uint64_t tables = 0;
  for (const LevelMetrics& level : metrics.levels) tables += level.tables;
  if (tables != metrics.tables || metrics.writes_refused) {
    Report({"GetMetrics", "", absl::StrCat(tables, " tables, no refusal"),
            absl::StrCat(metrics.tables, " tables, refusal ",
                         metrics.writes_refused)});
  }
  for (const char* name : {"lissom.stats", "lissom.levelstats"}) {
    const absl::StatusOr<std::string> text = lease.db->GetProperty(name);
    if (!text.ok()) ReportStatus("GetProperty", name, text.status());
  }
  const uint64_t sequence = lease.db->LatestSequence();
  if (sequence_round_ == lease.round && sequence < sequence_) {
    Report({"LatestSequence", "", absl::StrCat("at least ", sequence_),
            absl::StrCat(sequence)});
  }
  sequence_ = sequence;
  sequence_round_ = lease.round;
  const std::string begin = stage_.oracle.HeadOf({0, 0});
  const KeyRange range{begin, "~"};
  const auto sizes = lease.db->ApproximateSizes({&range, 1});
  return Judge(lease, sizes.status(), "ApproximateSizes");
}

// A stretch of each part as another opener sees it.
bool Upkeep::OpenReadOnly(const Lease& lease) {
  constexpr std::string_view kOperation = "a reader beside the writer";
  const uint64_t singles = stage_.oracle.singles();
  const uint64_t sets = stage_.oracle.slots() - singles;
  const uint64_t first = singles + random_.Uniform(sets);
  const uint64_t count = std::min<uint64_t>(100, stage_.oracle.slots() - first);
  std::vector<Picture> pictures;
  for (uint32_t part = 0; part < Oracle::kSetKeys; ++part) {
    pictures.emplace_back(
        stage_.oracle, stage_.tally,
        Stretch{.part = part, .first = first, .count = count});
    pictures.back().BeforeMoment(Picture::Least::kKept);
  }
  stage_.tally.Add(Count::kReadOnlyOpens);
  const auto db = DB::OpenReadOnly(stage_.session.ReadOnlyOptions(),
                                   stage_.session.flags().db);
  // Also while the writer closes: it takes no lock.
  if (absl::IsUnavailable(db.status())) return !stage_.session.Stale(lease);
  if (!db.ok()) ReportStatus(kOperation, "", db.status());
  for (Picture& picture : pictures) {
    picture.AfterMoment();
    ReadOptions options;
    options.iterate_lower_bound = picture.Lower();
    options.iterate_upper_bound = picture.Upper();
    const std::unique_ptr<Iterator> it = (*db)->NewIterator(options);
    const absl::Status status = picture.Scan(*it, random_.OneIn(2), kOperation);
    if (absl::IsUnavailable(status)) break;  // A table that is gone.
    if (!status.ok()) ReportStatus(kOperation, picture.Lower(), status);
    picture.CompareWith(pictures.front(), kOperation);
  }
  if (const absl::Status status = (*db)->Close(); !status.ok()) {
    ReportStatus(kOperation, "", status);
  }
  return true;
}

}  // namespace lissom::stress
