#include "db/read/db_iterator.h"

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "db/read/table_options.h"
#include "db/version/level_iterator.h"
#include "table/merging_iterator.h"
#include "util/check.h"
#include "util/guarded.h"
#include "util/status_macros.h"
#include "util/strings.h"

namespace lissom {
namespace {

// Versions of one key that are stepped over before seeking past the rest.
constexpr int kStepsBeforeSeek = 8;

// Entries and moves between two looks at the clock.
constexpr uint64_t kStepsPerLook = 256;

// Sorts before every entry of its key: no real trailer is this large.
constexpr uint64_t kBeforeAllVersions = ~uint64_t{0};
// Sorts after every entry of its key but one with sequence 0 and kind 0, which
// no database holds (sequences begin at 1).
constexpr uint64_t kAfterAllVersions = 0;

absl::Status Closed() {
  return absl::CancelledError("the database was closed");
}

// What an iterator shows: keys k with lower <= k < upper.
struct Bounds {
  std::optional<std::string> lower;
  std::optional<std::string> upper;

  bool MayHold(const KeyOrder& order, const TableMetadata& table) const {
    return (!lower.has_value() ||
            order.CompareUser(table.largest.user_key, *lower) >= 0) &&
           (!upper.has_value() ||
            order.CompareUser(table.smallest.user_key, *upper) < 0);
  }
};

// Leaves out tables without a key in the bounds: they are never opened. Those
// in *pins must stay as long as the iterator.
std::unique_ptr<InternalIterator> NewViewIterator(
    const KeyOrder& order, const View& view, const Bounds& bounds,
    const TableReadOptions& options, std::vector<TablePin>* pins,
    absl::Status* status) {
  std::vector<std::unique_ptr<InternalIterator>> children;
  for (const Ref<const Memtable>& memtable : view.memtables()) {
    children.push_back(memtable->NewIterator());
  }
  for (const auto& table : view.version().level(0)) {
    if (!bounds.MayHold(order, table->meta())) continue;
    absl::StatusOr<TablePin> open = table->Pin(options);
    if (!open.ok()) {
      *status = std::move(open).status();
      return nullptr;
    }
    pins->push_back(*std::move(open));
    children.push_back(pins->back()->NewIterator(options));
  }
  for (int level = 1; level < Version::kLevels; ++level) {
    const Version::Tables tables =
        view.version().TablesIn(level, bounds.lower, bounds.upper);
    if (tables.empty()) continue;
    children.push_back(NewLevelIterator(order, tables, options));
  }
  return NewMergingIterator(order, std::move(children));
}

// Counts a seek, and times it if it is a sample.
class SeekTimer {
 public:
  explicit SeekTimer(MetricsRecorder* metrics) {
    if (metrics == nullptr) return;
    metrics->Add(Counter::kSeeks);
    timer_.emplace(*metrics, Operation::kSeek);
  }

 private:
  std::optional<LatencyTimer> timer_;
};

class DbIterator final : public Iterator {
 public:
  DbIterator(std::shared_ptr<IteratorCore> core,
             std::function<absl::StatusOr<ReadPoint>()> refresh,
             const ReadOptions& options)
      : core_(std::move(core)),
        refresh_(std::move(refresh)),
        bounds_{options.iterate_lower_bound, options.iterate_upper_bound},
        table_options_(ScanOptionsOf(options, core_->clock.get())),
        has_deadline_(table_options_.clock != nullptr),
        max_skipped_(options.max_skipped_entries == 0
                         ? std::numeric_limits<uint64_t>::max()
                         : options.max_skipped_entries) {
    Open();
  }

  ~DbIterator() override {
    CountMoves();
    Quietly([&] { ReportUnreadError(); });
    DropInner();
    point_ = {};
    // What it would have removed stays until the next job.
    Quietly([&] {
      if (!core_->closed.load(std::memory_order_relaxed) && core_->released) {
        core_->released();
      }
    });
  }

  void SeekToFirst() override {
    const SeekTimer timer(core_->metrics);
    Guard([&] {
      if (!BeginSeek()) return;
      if (bounds_.lower.has_value()) {
        inner_.Seek({*bounds_.lower, kBeforeAllVersions});
      } else {
        inner_.SeekToFirst();
      }
      FindNextVisible(/*skip_current=*/false);
    });
  }

  void SeekToLast() override {
    const SeekTimer timer(core_->metrics);
    Guard([&] {
      if (!BeginSeek()) return;
      if (bounds_.upper.has_value()) {
        inner_.SeekForPrev({*bounds_.upper, kBeforeAllVersions});
      } else {
        inner_.SeekToLast();
      }
      FindPrevVisible(/*before_current=*/false);
    });
  }

  void Seek(std::string_view target) override {
    const SeekTimer timer(core_->metrics);
    Guard([&] {
      if (!BeginSeek()) return;
      if (bounds_.lower.has_value() && Compare(target, *bounds_.lower) < 0)
        target = *bounds_.lower;
      inner_.Seek({target, SeekTrailer(point_.sequence)});
      FindNextVisible(/*skip_current=*/false);
    });
  }

  void SeekForPrev(std::string_view target) override {
    const SeekTimer timer(core_->metrics);
    Guard([&] {
      if (!BeginSeek()) return;
      if (bounds_.upper.has_value() && Compare(target, *bounds_.upper) >= 0) {
        inner_.SeekForPrev({*bounds_.upper, kBeforeAllVersions});
      } else {
        inner_.SeekForPrev({target, kAfterAllVersions});
      }
      FindPrevVisible(/*before_current=*/false);
    });
  }

  void Next() override {
    LISSOM_DCHECK(valid_);
    Guard([&] {
      if (!BeginMove()) return;
      ++moves_;
      if (reverse_) {
        // inner_ stands before the key shown, or nowhere: go to its end.
        inner_.Seek({key_, kAfterAllVersions});
      } else {
        key_.assign(inner_.key().user_key);
        inner_.Next();
      }
      FindNextVisible(/*skip_current=*/true);
    });
  }

  void Prev() override {
    LISSOM_DCHECK(valid_);
    Guard([&] {
      if (!BeginMove()) return;
      ++moves_;
      if (!reverse_) {
        key_.assign(inner_.key().user_key);
        inner_.SeekForPrev({key_, kBeforeAllVersions});
      }
      FindPrevVisible(/*before_current=*/true);
    });
  }

  bool Valid() const override { return valid_; }

  std::string_view key() const override {
    LISSOM_DCHECK(valid_);
    return reverse_ ? std::string_view(key_) : inner_.key().user_key;
  }

  std::string_view value() override {
    LISSOM_DCHECK(valid_);
    return reverse_ ? std::string_view(value_) : inner_.value();
  }

  // Values are never lazy in this version.
  absl::Status PrepareValue() override { return status(); }

  absl::Status status() const override {
    error_read_ = true;
    return status_;
  }

  absl::Status Refresh() override {
    valid_ = false;
    Guard([&] {
      ReportUnreadError();
      if (core_->closed.load(std::memory_order_relaxed)) {
        Fail(Closed());
      } else {
        Open();
      }
    });
    return status();
  }

 private:
  // Steps are counted in bulk: at the next seek, or at the end.
  void CountMoves() {
    if (core_->metrics != nullptr && moves_ != 0) {
      core_->metrics->Add(Counter::kNexts, std::exchange(moves_, 0));
    }
  }

  int Compare(std::string_view a, std::string_view b) const {
    return core_->order.CompareUser(a, b);
  }

  // No move lets out what a comparator or an allocation throws. The inner
  // iterators may then be half-way: the next seek builds them anew.
  template <typename Move>
  void Guard(Move move) {
    try {
      move();
    } catch (...) {
      DropInner();
      Fail(StatusOfException());
    }
  }

  // Takes a fresh read point and builds the iterators over it.
  void Open() {
    DropInner();
    status_ = absl::OkStatus();
    absl::StatusOr<ReadPoint> point = refresh_();
    if (!point.ok()) {
      Fail(std::move(point).status());
      return;
    }
    point_ = *std::move(point);
    BuildInner();
  }

  void BuildInner() {
    absl::Status status;
    DropInner();
    inner_ = EntryCursor(NewViewIterator(core_->order, *point_.view, bounds_,
                                         table_options_, &pins_, &status));
    if (!inner_.has_iterator()) Fail(std::move(status));
  }

  void DropInner() {
    inner_ = EntryCursor();
    pins_.clear();
  }

  void Fail(absl::Status status) {
    valid_ = false;
    status_ = std::move(status);
    error_read_ = false;
  }

  // False, with the iterator failed, if the database was closed.
  bool BeginMove() {
    valid_ = false;
    if (core_->closed.load(std::memory_order_relaxed)) {
      Fail(Closed());
      return false;
    }
    skipped_ = 0;
    return !has_deadline_ || LookAtClock();
  }

  // Counts a step. False, with the iterator failed, if it is time to look at
  // the clock and the deadline has passed.
  bool LookAtClock() {
    if (++steps_ % kStepsPerLook != 0) return true;
    absl::Status status = CheckDeadline(table_options_);
    if (status.ok()) return true;
    Fail(std::move(status));
    return false;
  }

  // Counts an entry that is not shown. False, with the iterator failed, if the
  // move must not go on.
  bool Skip() {
    if (++skipped_ > max_skipped_) {
      Fail(absl::UnavailableError(
          absl::StrCat("a move of an iterator stepped over ", max_skipped_,
                       " entries, as many as it may, and found none to show")));
      return false;
    }
    return !has_deadline_ || LookAtClock();
  }

  // A seek forgets an earlier error, and may find that a table which could not
  // be opened now can.
  bool BeginSeek() {
    if (!BeginMove()) return false;
    CountMoves();
    status_ = absl::OkStatus();
    if (!inner_.has_iterator()) {
      if (point_.view) {
        BuildInner();
      } else {
        Open();
      }
    }
    return inner_.has_iterator();
  }

  // inner_ moves forward to the first visible entry of a key that is not
  // deleted; with skip_current, of a key after key_.
  void FindNextVisible(bool skip_current) {
    reverse_ = false;
    sought_.reset();
    bool skip = skip_current;     // Entries of key_ have had their say.
    bool ordered = skip_current;  // No entry may stand before key_.
    int steps = 0;
    while (inner_.Valid()) {
      const InternalKeyView entry = inner_.key();
      if (bounds_.upper.has_value() &&
          Compare(entry.user_key, *bounds_.upper) >= 0)
        return;
      const int c = ordered ? Compare(entry.user_key, key_) : 1;
      if (c < 0) {
        FailOutOfOrder();
        return;
      }
      if (skip && c == 0) {
        if (!Skip()) return;
        if (++steps > kStepsBeforeSeek) {
          if (!SeekOn(kAfterAllVersions)) return;
          steps = 0;
        } else {
          inner_.Next();
        }
        continue;
      }
      if (entry.sequence() > point_.sequence) {
        // Younger than the read point: step to this key's visible versions.
        if (!Skip()) return;
        if (++steps > kStepsBeforeSeek) {
          key_.assign(entry.user_key);
          if (!SeekOn(SeekTrailer(point_.sequence))) return;
          steps = 0;
          skip = false;
          ordered = true;
        } else {
          inner_.Next();
        }
        continue;
      }
      if (entry.kind() == EntryKind::kPut) {
        valid_ = true;
        return;
      }
      if (!Skip()) return;
      key_.assign(entry.user_key);  // Deleted: skip its older versions.
      skip = true;
      ordered = true;
      steps = 0;
      inner_.Next();
    }
    TakeInnerStatus();
  }

  // inner_ stands on the last entry of the next key to show, going backwards;
  // with before_current, of a key before key_.
  void FindPrevVisible(bool before_current) {
    reverse_ = true;
    sought_.reset();
    for (bool ordered = before_current; inner_.Valid(); ordered = true) {
      const std::string_view next = inner_.key().user_key;
      if (ordered && Compare(next, key_) >= 0) {
        FailOutOfOrder();
        return;
      }
      key_.assign(next);
      if (bounds_.lower.has_value() && Compare(key_, *bounds_.lower) < 0)
        return;
      const bool found = TakeNewestVisible();
      if (!status_.ok()) return;
      if (!inner_.status().ok()) break;
      if (found) {
        valid_ = true;
        return;
      }
    }
    TakeInnerStatus();
  }

  // Walks backwards through the versions of key_, oldest first, remembers the
  // newest visible one, and leaves inner_ before the key. False if it is a
  // deletion or nothing is visible.
  bool TakeNewestVisible() {
    bool found = false;
    int steps = 0;
    while (inner_.Valid() && inner_.key().user_key == key_) {
      const InternalKeyView entry = inner_.key();
      const bool visible = entry.sequence() <= point_.sequence;
      if (!visible || ++steps > kStepsBeforeSeek) {
        if (!Skip()) return false;
        if (visible) found = SeekNewestVisible();
        if (!inner_.status().ok()) return false;
        return SeekOn(kBeforeAllVersions) && found;
      }
      // What it shows in the end is one of those it walks through.
      if (found && !Skip()) return false;
      found = entry.kind() == EntryKind::kPut;
      if (!found && !Skip()) return false;
      if (found) value_.assign(inner_.value());
      inner_.Prev();
    }
    return found;
  }

  // Seeks on in the midst of a search, past versions of key_. The targets of a
  // search only advance; in a table out of order they would not, and the
  // search would never end: then false, with the iterator failed.
  bool SeekOn(uint64_t trailer) {
    const InternalKeyView target{key_, trailer};
    if (sought_.has_value()) {
      const int c = core_->order.Compare(target, sought_->view());
      if (reverse_ ? c >= 0 : c <= 0) {
        FailOutOfOrder();
        return false;
      }
    }
    sought_.emplace(target);
    if (reverse_) {
      inner_.SeekForPrev(target);
    } else {
      inner_.Seek(target);
    }
    return true;
  }

  // A scan over such a table could show keys twice, or never end.
  void FailOutOfOrder() {
    Fail(absl::DataLossError("the keys of a table are out of order"));
  }

  bool SeekNewestVisible() {
    inner_.Seek({key_, SeekTrailer(point_.sequence)});
    if (!inner_.Valid() || inner_.key().user_key != key_ ||
        inner_.key().kind() != EntryKind::kPut) {
      return false;
    }
    value_.assign(inner_.value());
    return true;
  }

  void TakeInnerStatus() {
    absl::Status status = inner_.status();
    if (!status.ok()) Fail(std::move(status));
  }

  // See lissom/iterator.h: an error that nobody read is a bug of the caller.
  void ReportUnreadError() {
    if (status_.ok() || error_read_ || absl::IsCancelled(status_)) return;
    const std::string line = absl::StrCat(
        "an iterator was dropped with an unread error: ",
        status_.ToString(absl::StatusToStringMode::kWithNoExtraData));
    if (core_->log != nullptr) core_->log->Log(LogLevel::kError, line);
    LISSOM_DCHECK(status_.ok() && "iterator error was never read");
  }

  const std::shared_ptr<IteratorCore> core_;
  const std::function<absl::StatusOr<ReadPoint>()> refresh_;
  const Bounds bounds_;
  const TableReadOptions table_options_;
  const bool has_deadline_;
  const uint64_t max_skipped_;

  ReadPoint point_;
  std::vector<TablePin> pins_;  // Of level 0, for inner_.
  EntryCursor inner_;           // No iterator: it could not be built.
  bool valid_ = false;
  bool reverse_ = false;
  std::string key_;    // Reverse: shown. Forward: the key being skipped.
  std::string value_;  // Reverse: shown.
  absl::Status status_;
  mutable bool error_read_ = true;
  uint64_t moves_ = 0;    // Not yet counted.
  uint64_t skipped_ = 0;  // In the present move.
  uint64_t steps_ = 0;    // Moves and skipped entries, if there is a deadline.
  std::optional<InternalKey> sought_;  // By SeekOn, in the present search.
};

class ErrorIterator final : public Iterator {
 public:
  explicit ErrorIterator(absl::Status error) : error_(std::move(error)) {}
  void SeekToFirst() override {}
  void SeekToLast() override {}
  void Seek(std::string_view) override {}
  void SeekForPrev(std::string_view) override {}
  void Next() override {}
  void Prev() override {}
  bool Valid() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() override { return {}; }
  absl::Status PrepareValue() override { return error_; }
  absl::Status status() const override { return error_; }
  absl::Status Refresh() override { return error_; }

 private:
  const absl::Status error_;
};

}  // namespace

std::unique_ptr<Iterator> NewDbIterator(
    std::shared_ptr<IteratorCore> core,
    std::function<absl::StatusOr<ReadPoint>()> refresh,
    const ReadOptions& options) {
  return std::make_unique<DbIterator>(std::move(core), std::move(refresh),
                                      options);
}

std::unique_ptr<Iterator> NewErrorIterator(absl::Status error) {
  return std::make_unique<ErrorIterator>(std::move(error));
}

}  // namespace lissom
