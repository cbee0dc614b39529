#include "tests/stress/reads.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace lissom::stress {
namespace {

constexpr size_t kMostHeld = 3;
constexpr uint64_t kLongestStretch = 200;
constexpr uint64_t kStretchOfAll = 4096;  // Pieces of a check of everything.

std::string SeenText(Seen seen) {
  if (!seen.has_value()) return "nothing";
  return absl::StrCat("revision ", *seen);
}

// Calls `visit` with pictures that cover all keys, one after the other.
template <typename Visit>
void ForAllPictures(Stage& stage, Visit visit) {
  const uint64_t singles = stage.oracle.singles();
  for (uint32_t part = 0; part < Oracle::kSetKeys; ++part) {
    uint64_t first = part == 0 ? 0 : singles;
    while (first < stage.oracle.slots()) {
      const uint64_t end = first < singles ? singles : stage.oracle.slots();
      const uint64_t count = std::min(kStretchOfAll, end - first);
      Picture picture(stage.oracle, stage.tally,
                      {.part = part, .first = first, .count = count});
      visit(picture);
      first += count;
    }
  }
}

void ScanAtRest(DB& db, Picture& picture, Picture::Least least,
                std::string_view operation) {
  picture.BeforeMoment(least);
  picture.AfterMoment();
  ReadOptions options;
  options.iterate_lower_bound = picture.Lower();
  options.iterate_upper_bound = picture.Upper();
  options.fill_cache = false;
  const std::unique_ptr<Iterator> it = db.NewIterator(options);
  for (const bool backwards : {false, true}) {
    const absl::Status status = picture.Scan(*it, backwards, operation);
    if (!status.ok()) ReportStatus(operation, picture.Lower(), status);
  }
}

}  // namespace

void CheckAll(Stage& stage, DB& db, Picture::Least least,
              std::string_view operation) {
  ForAllPictures(stage, [&](Picture& picture) {
    ScanAtRest(db, picture, least, operation);
  });
}

void CheckAllAndRestart(Stage& stage, DB& db) {
  constexpr std::string_view kOperation = "a scan after kill -9";
  // Sets must agree before their slots forget what was begun.
  std::vector<Seen> seen(stage.oracle.slots());
  ForAllPictures(stage, [&](Picture& picture) {
    ScanAtRest(db, picture, Picture::Least::kKept, kOperation);
    const Stretch& stretch = picture.stretch();
    for (uint64_t i = 0; i < stretch.count; ++i) {
      const uint64_t slot = stretch.first + i;
      const Seen found = picture.SeenAt(slot);
      if (stretch.part > 0 && found != seen[slot]) {
        Report({kOperation, stage.oracle.KeyOf({slot, stretch.part}),
                absl::StrCat(SeenText(seen[slot]), ", as part 0 of the set"),
                SeenText(found)});
      }
      seen[slot] = found;
    }
    stage.tally.Add(Count::kRecovered, stretch.count);
  });
  for (uint64_t slot = 0; slot < seen.size(); ++slot) {
    if (stage.oracle.Restart(slot, seen[slot])) {
      stage.tally.Add(Count::kLostUnlogged);
    }
  }
}

// --- What may come of a read

Reads::Drawn Reads::Draw() {
  Drawn drawn;
  ReadOptions& options = drawn.options;
  if (random_.OneIn(16)) options.verify_checksums = false;
  if (random_.OneIn(8)) options.fill_cache = false;
  if (random_.OneIn(16)) options.read_tier = ReadTier::kCacheOnly;
  if (random_.OneIn(32)) {
    options.deadline =
        stage_.clock.Monotonic() + absl::Microseconds(random_.Uniform(300));
  }
  if (random_.OneIn(8)) options.readahead_size = random_.Uniform(1 << 18);
  if (random_.OneIn(16)) options.max_skipped_entries = 1 + random_.Uniform(64);
  return drawn;
}

Reads::Answer Reads::Judge(const Lease& lease, const Drawn& drawn,
                           const absl::Status& status,
                           std::string_view operation) {
  if (status.ok() || absl::IsNotFound(status)) return Answer::kYes;
  if (IsClose(stage_, lease, status)) return Answer::kClosed;
  if (absl::IsUnavailable(status)) {
    if (drawn.options.read_tier == ReadTier::kCacheOnly) {
      stage_.tally.Add(Count::kNotInMemory);
      return Answer::kNone;
    }
    if (drawn.options.max_skipped_entries > 0) {
      stage_.tally.Add(Count::kGaveUp);
      return Answer::kNone;
    }
  }
  if (absl::IsDeadlineExceeded(status) && drawn.bounded() &&
      stage_.clock.Monotonic() >= drawn.options.deadline) {
    stage_.tally.Add(Count::kLate);
    return Answer::kNone;
  }
  ReportStatus(operation, "", status);
}

// --- Get and MultiGet

absl::Status Reads::GetOne(DB& db, const Drawn& drawn, std::string_view key) {
  if (random_.OneIn(4)) return db.Get(drawn.options, key, &value_);
  absl::Status status = db.Get(drawn.options, key, &pinned_);
  if (status.ok()) value_ = pinned_.view();
  pinned_.Reset();
  return status;
}

bool Reads::Get(const Lease& lease) {
  KeyPlace place{.slot = random_.Uniform(stage_.oracle.slots())};
  if (random_.OneIn(3)) place.slot = place.slot / 20 * 20;
  place.part =
      static_cast<uint32_t>(random_.Uniform(stage_.oracle.parts(place.slot)));
  Drawn drawn = Draw();
  Window window{.low = stage_.oracle.Floor(place.slot)};
  const absl::Status status =
      GetOne(*lease.db, drawn, stage_.oracle.KeyOf(place));
  window.high = stage_.oracle.Begun(place.slot);
  stage_.tally.Add(Count::kGets);
  const Answer answer = Judge(lease, drawn, status, "Get");
  if (answer != Answer::kYes) return answer == Answer::kNone;
  Seen seen;
  if (status.ok()) {
    seen = stage_.oracle.RevisionOf(place, value_, "Get");
    stage_.tally.Add(Count::kBytesRead, value_.size());
  }
  stage_.oracle.Check(place, window, seen, "Get");
  stage_.oracle.NoteSeen(place.slot, seen);
  stage_.tally.Add(Count::kKeysChecked);
  return true;
}

void Reads::PlaceKeys() {
  places_.clear();
  keys_.clear();
  lows_.clear();
  const uint64_t wanted = 1 + random_.Uniform(16);
  while (places_.size() < wanted) {
    const uint64_t slot = random_.Uniform(stage_.oracle.slots());
    for (uint32_t part = 0; part < stage_.oracle.parts(slot); ++part) {
      places_.push_back({slot, part});
    }
  }
  for (size_t i = places_.size(); i > 1; --i) {  // In any order.
    std::swap(places_[i - 1], places_[random_.Uniform(i)]);
  }
  for (const KeyPlace& place : places_) {
    keys_.push_back(stage_.oracle.KeyOf(place));
    lows_.push_back(stage_.oracle.Floor(place.slot));
  }
  seen_.assign(places_.size(), std::nullopt);
  if (values_.size() < places_.size()) values_.resize(places_.size());
}

// All keys were read at one moment: keys of a set show one revision.
void Reads::CheckSets(const std::vector<absl::Status>& statuses) {
  const auto answered = [&](size_t i) {
    return statuses[i].ok() || absl::IsNotFound(statuses[i]);
  };
  for (size_t i = 0; i < places_.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (places_[i].slot != places_[j].slot || seen_[i] == seen_[j] ||
          !answered(i) || !answered(j)) {
        continue;
      }
      Report({"MultiGet", keys_[i],
              absl::StrCat(SeenText(seen_[j]), ", as key ", keys_[j],
                           " of the same set shows"),
              SeenText(seen_[i])});
    }
  }
}

bool Reads::MultiGet(const Lease& lease) {
  PlaceKeys();
  const Drawn drawn = Draw();
  const std::vector<std::string_view> keys(keys_.begin(), keys_.end());
  std::vector<absl::Status> statuses(keys.size());
  lease.db->MultiGet(drawn.options, keys, std::span(values_).first(keys.size()),
                     statuses);
  stage_.tally.Add(Count::kMultiGets);
  bool closed = false;
  for (size_t i = 0; i < places_.size(); ++i) {
    const Answer answer = Judge(lease, drawn, statuses[i], "MultiGet");
    closed |= answer == Answer::kClosed;
    if (answer != Answer::kYes) continue;
    const KeyPlace place = places_[i];
    const Window window{lows_[i], stage_.oracle.Begun(place.slot)};
    if (statuses[i].ok()) {
      const std::string_view value = values_[i].view();
      seen_[i] = stage_.oracle.RevisionOf(place, value, "MultiGet");
      stage_.tally.Add(Count::kBytesRead, value.size());
    }
    stage_.oracle.Check(place, window, seen_[i], "MultiGet");
    stage_.oracle.NoteSeen(place.slot, seen_[i]);
    stage_.tally.Add(Count::kKeysChecked);
  }
  CheckSets(statuses);
  for (PinnedValue& value : values_) value.Reset();
  return !closed;
}

// --- Scans

Stretch Reads::DrawStretch() {
  const uint64_t slots = stage_.oracle.slots();
  Stretch stretch;
  stretch.first = random_.Uniform(slots);
  const bool single = stretch.first < stage_.oracle.singles();
  const uint64_t end = single ? stage_.oracle.singles() : slots;
  const uint64_t most = random_.OneIn(8) ? kLongestStretch : 24;
  stretch.count = 1 + random_.Uniform(std::min(most, end - stretch.first));
  if (!single) {
    stretch.part = static_cast<uint32_t>(random_.Uniform(Oracle::kSetKeys));
  }
  return stretch;
}

// A pass with an iterator of its own, at the drawn snapshot.
Reads::Answer Reads::ScanPicture(const Lease& lease, Drawn drawn,
                                 Picture& picture, std::string_view operation) {
  drawn.options.iterate_lower_bound = picture.Lower();
  drawn.options.iterate_upper_bound = picture.Upper();
  const std::unique_ptr<Iterator> it = lease.db->NewIterator(drawn.options);
  absl::Status status = picture.Scan(*it, random_.OneIn(2), operation);
  if (status.ok() && random_.OneIn(4)) {
    status = picture.Walk(*it, random_, 1 + random_.Uniform(16), operation);
  }
  return Judge(lease, drawn, status, operation);
}

bool Reads::Scan(const Lease& lease) {
  constexpr std::string_view kOperation = "scan";
  Held held;
  held.pictures.emplace_back(stage_.oracle, stage_.tally, DrawStretch());
  Picture& picture = held.pictures.front();
  Drawn drawn = Draw();
  drawn.options.iterate_lower_bound = picture.Lower();
  drawn.options.iterate_upper_bound = picture.Upper();
  picture.BeforeMoment();
  held.iterator = lease.db->NewIterator(drawn.options);
  picture.AfterMoment();
  stage_.tally.Add(Count::kScans);
  absl::Status status =
      picture.Scan(*held.iterator, random_.OneIn(2), kOperation);
  if (status.ok() && random_.OneIn(2)) {
    status = picture.Walk(*held.iterator, random_, 1 + random_.Uniform(40),
                          kOperation);
  }
  const Answer answer = Judge(lease, drawn, status, kOperation);
  if (answer != Answer::kYes) return answer == Answer::kNone;
  const bool plain = !drawn.bounded() &&
                     drawn.options.read_tier == ReadTier::kAll &&
                     drawn.options.max_skipped_entries == 0;
  if (plain && held_.size() < kMostHeld && random_.OneIn(16)) {
    held_.push_back(std::move(held));
  }
  return true;
}

bool Reads::ScanSets(const Lease& lease) {
  constexpr std::string_view kOperation = "scan of sets at a snapshot";
  Stretch stretch = DrawStretch();
  if (stretch.first < stage_.oracle.singles()) return true;
  Held held;
  for (uint32_t part = 0; part < Oracle::kSetKeys; ++part) {
    stretch.part = part;
    held.pictures.emplace_back(stage_.oracle, stage_.tally, stretch);
    held.pictures.back().BeforeMoment();
  }
  held.snapshot = lease.db->GetSnapshot();
  if (held.snapshot == nullptr) {
    if (stage_.session.MayBeClosed(lease)) return false;
    Report({"GetSnapshot", "", "a snapshot", "null"});
  }
  for (Picture& picture : held.pictures) picture.AfterMoment();
  stage_.tally.Add(Count::kSetPictures);
  for (Picture& picture : held.pictures) {
    Drawn drawn = Draw();
    drawn.options.snapshot = held.snapshot.get();
    const Answer answer = ScanPicture(lease, drawn, picture, kOperation);
    if (answer != Answer::kYes) return answer == Answer::kNone;
    if (!picture.passed()) return true;
    picture.CompareWith(held.pictures.front(), kOperation);
  }
  if (held_.size() < kMostHeld && random_.OneIn(8)) {
    held_.push_back(std::move(held));
  }
  return true;
}

// --- What is held

bool Reads::LookAgain(const Lease& lease) {
  if (held_.empty()) return true;
  Held held = std::move(held_.front());
  held_.pop_front();
  const bool open = held.iterator != nullptr ? LookByIterator(lease, held)
                                             : LookAtSnapshot(lease, held);
  // Some ten times in all, a few seconds in a busy run.
  if (open && !random_.OneIn(10)) held_.push_back(std::move(held));
  return open;
}

bool Reads::GetFrom(const Lease& lease, const Snapshot* snapshot,
                    const Picture& picture) {
  constexpr std::string_view kOperation = "Get at a held snapshot";
  const Stretch& stretch = picture.stretch();
  const KeyPlace place{stretch.first + random_.Uniform(stretch.count),
                       stretch.part};
  Drawn drawn = Draw();
  drawn.options.snapshot = snapshot;
  const absl::Status status =
      GetOne(*lease.db, drawn, stage_.oracle.KeyOf(place));
  const Answer answer = Judge(lease, drawn, status, kOperation);
  if (answer != Answer::kYes) return answer == Answer::kNone;
  Seen seen;
  if (status.ok()) {
    seen = stage_.oracle.RevisionOf(place, value_, kOperation);
  }
  stage_.tally.Add(Count::kKeysChecked);
  if (seen == picture.SeenAt(place.slot)) return true;
  Report({kOperation, stage_.oracle.KeyOf(place),
          absl::StrCat(SeenText(picture.SeenAt(place.slot)), ", as before"),
          SeenText(seen)});
}

bool Reads::LookAtSnapshot(const Lease& lease, Held& held) {
  stage_.tally.Add(Count::kSnapshotReads);
  for (Picture& picture : held.pictures) {
    if (!GetFrom(lease, held.snapshot.get(), picture)) return false;
    if (random_.OneIn(2)) continue;
    Drawn drawn = Draw();
    drawn.options.snapshot = held.snapshot.get();
    if (ScanPicture(lease, drawn, picture, "scan at a held snapshot") ==
        Answer::kClosed) {
      return false;
    }
  }
  return true;
}

bool Reads::LookByIterator(const Lease& lease, Held& held) {
  constexpr std::string_view kOperation = "a held iterator";
  stage_.tally.Add(Count::kIteratorReads);
  Picture& picture = held.pictures.front();
  absl::Status status;
  if (random_.OneIn(4)) {
    stage_.tally.Add(Count::kRefreshes);
    picture.BeforeMoment();
    status = held.iterator->Refresh();
    picture.AfterMoment();
    if (status.ok()) {
      status = picture.Scan(*held.iterator, random_.OneIn(2), kOperation);
    }
  } else if (random_.OneIn(2)) {
    status = picture.Scan(*held.iterator, random_.OneIn(2), kOperation);
  }
  if (status.ok()) {
    status = picture.Walk(*held.iterator, random_, 1 + random_.Uniform(40),
                          kOperation);
  }
  return Judge(lease, {}, status, kOperation) == Answer::kYes;
}

void Reads::LetGo(bool closed) {
  while (!held_.empty()) {
    Held held = std::move(held_.front());
    held_.pop_front();
    if (held.iterator == nullptr || !closed) continue;
    Iterator& it = *held.iterator;
    if (it.Valid()) {
      const KeyPlace place = stage_.oracle.PlaceOf(it.key(), "after a close");
      stage_.oracle.RevisionOf(place, it.value(), "after a close");
      it.Next();
    } else {
      it.SeekToFirst();
    }
    if (!it.Valid() && absl::IsCancelled(it.status())) continue;
    Report({"a move after a close", "", "kCancelled", it.status().ToString()});
  }
}

}  // namespace lissom::stress
