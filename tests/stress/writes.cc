#include "tests/stress/writes.h"

#include "absl/time/time.h"

namespace lissom::stress {

void Writes::Claim(uint64_t slot) {
  if (!stage_.oracle.TryClaim(slot)) return;
  changes_.push_back({slot, stage_.oracle.Begin(slot)});
}

void Writes::AddToBatch(const Step& step) {
  for (uint32_t part = 0; part < stage_.oracle.parts(step.slot); ++part) {
    const KeyPlace place{step.slot, part};
    const std::string key = stage_.oracle.KeyOf(place);
    // What a later change of the batch covers, nobody may see.
    if (random_.OneIn(64)) batch_.Put(key, "covered");
    if (random_.OneIn(64)) batch_.Delete(key);
    if (stage_.oracle.Deletes(step.slot, step.revision)) {
      batch_.Delete(key);
    } else {
      stage_.oracle.MakeValue(place, step.revision, &value_);
      batch_.Put(key, value_);
    }
  }
}

WriteOptions Writes::DrawOptions() {
  WriteOptions options;
  if (random_.OneIn(400)) {
    options.sync = true;
  } else if (random_.OneIn(40)) {
    options.disable_wal = true;
  }
  if (random_.OneIn(20)) options.no_slowdown = true;
  if (random_.OneIn(20)) {
    options.timeout = absl::Microseconds(random_.Uniform(5000));
  }
  return options;
}

absl::Status Writes::Write(DB& db, const WriteOptions& options) {
  const Step& first = changes_.front();
  const bool alone =
      changes_.size() == 1 && stage_.oracle.parts(first.slot) == 1;
  if (!alone || random_.OneIn(8)) {
    batch_.Clear();
    for (const Step& step : changes_) AddToBatch(step);
    stage_.tally.Add(Count::kBatches);
    stage_.tally.Add(Count::kBytesWritten, batch_.ByteSize());
    return db.Write(options, batch_);
  }
  const KeyPlace place{first.slot, 0};
  const std::string key = stage_.oracle.KeyOf(place);
  if (stage_.oracle.Deletes(first.slot, first.revision)) {
    stage_.tally.Add(Count::kDeletes);
    return db.Delete(options, key);
  }
  stage_.oracle.MakeValue(place, first.revision, &value_);
  stage_.tally.Add(Count::kPuts);
  stage_.tally.Add(Count::kBytesWritten, key.size() + value_.size());
  return db.Put(options, key, value_);
}

bool Writes::Settle(const Lease& lease, const WriteOptions& options,
                    const absl::Status& status) {
  const bool refused = (absl::IsUnavailable(status) && options.no_slowdown) ||
                       (absl::IsDeadlineExceeded(status) &&
                        options.timeout != absl::InfiniteDuration());
  const bool closed = IsClose(stage_, lease, status);
  if (!status.ok() && !refused && !closed) {
    ReportStatus("a write", stage_.oracle.KeyOf({changes_.front().slot, 0}),
                 status);
  }
  for (const Step& step : changes_) {
    if (status.ok()) {
      stage_.oracle.Acknowledge(step.slot, step.revision, !options.disable_wal);
    } else if (refused) {
      stage_.oracle.TakeBack(step.slot, step.revision);
    }
    stage_.oracle.Release(step.slot);
  }
  if (options.disable_wal) stage_.tally.Add(Count::kUnlogged);
  if (refused) stage_.tally.Add(Count::kRefused);
  if (closed) stage_.tally.Add(Count::kInDoubt);
  return !closed;
}

bool Writes::Change(const Lease& lease) {
  changes_.clear();
  const uint64_t wanted = random_.OneIn(4) ? 2 + random_.Uniform(6) : 1;
  for (uint64_t i = 0; i < wanted; ++i) {
    // Half the writes go to a twentieth of the slots.
    const uint64_t slots = stage_.oracle.slots();
    uint64_t slot = random_.Uniform(slots);
    if (random_.OneIn(2)) slot = slot / 20 * 20;
    Claim(slot);
  }
  if (changes_.empty()) return true;
  const WriteOptions options = DrawOptions();
  return Settle(lease, options, Write(*lease.db, options));
}

bool Writes::Fill(const Lease& lease, uint64_t slot) {
  if (stage_.oracle.Begun(slot) != 0) return true;
  changes_.clear();
  Claim(slot);
  if (changes_.empty()) return true;
  return Settle(lease, {}, Write(*lease.db, {}));
}

}  // namespace lissom::stress
