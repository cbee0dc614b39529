#include "db/read/point_lookup.h"

#include <array>
#include <utility>

#include "util/check.h"

namespace lissom {
namespace {

absl::Status NotFound() {
  return absl::Status(absl::StatusCode::kNotFound, "");
}

// The answer that an entry of a table is.
absl::Status Take(PointResult& entry, LookupResult* result) {
  if (entry.kind != EntryKind::kPut) return NotFound();
  result->value = entry.value;
  result->owner = entry.owner;
  result->pin = std::move(entry.pin);
  return absl::OkStatus();
}

void CountMiss(const PointResult& entry, LookupResult* result) {
  ++(entry.ruled_out ? result->ruled_out : result->in_vain);
}

// True if `memtable` has an entry for the key, and *status is the answer.
bool LookupInMemtable(const Memtable& memtable, const LookupKey& key,
                      LookupResult* result, absl::Status* status) {
  Memtable::Entry entry;
  if (!memtable.Get(key, &entry)) return false;
  result->found_in = LookupResult::kMemtables;
  if (entry.kind == EntryKind::kPut) {
    result->value = entry.value;
    result->owner = &memtable;
    *status = absl::OkStatus();
  } else {
    *status = NotFound();
  }
  return true;
}

bool Covers(const Version& version, const TableMetadata& table,
            std::string_view user_key) {
  return version.order().CompareUser(table.smallest.user_key, user_key) <= 0 &&
         version.order().CompareUser(user_key, table.largest.user_key) <= 0;
}

// Tables that may hold a key, newest first, asked together as far as they are
// open: to open one is I/O that an answer before it may save.
class Candidates {
 public:
  Candidates(ReadView& view, const LookupKey& key,
             const TableReadOptions& options, LookupResult* result)
      : view_(view), key_(key), options_(options), result_(result) {}

  // The next table, of `level`. True if there is an answer, which status() is;
  // an error is one, too.
  bool Add(const TableFile& table, int level) {
    const TableReader* reader = table.Borrow();
    if (reader == nullptr || count_ == readers_.size()) {
      if (Ask()) return true;
      if (reader == nullptr && !Open(table, &reader)) return true;
    }
    readers_[count_] = reader;
    levels_[count_] = static_cast<uint8_t>(level);
    ++count_;
    return false;
  }

  // Asks those that were added and not asked yet; as Add.
  bool Ask() {
    if (count_ == 0) return false;
    PointResult entry;
    TablesAsked asked;
    absl::Status status = TableReader::GetFirst(
        std::span(readers_).first(count_), key_, options_, &entry, &asked);
    const size_t count = std::exchange(count_, 0);
    result_->ruled_out += asked.ruled_out;
    result_->in_vain += asked.in_vain;
    if (asked.answered == count) return false;
    result_->found_in = levels_[asked.answered];
    status_ = status.ok() ? Take(entry, result_) : std::move(status);
    return true;
  }

  absl::Status status() && { return std::move(status_); }

 private:
  // False: it cannot be opened, as status() says. Not inline: few lookups find
  // a table closed. Requires: none is waiting to be asked, for the epoch in
  // which it was found ends.
  [[gnu::noinline]] bool Open(const TableFile& table,
                              const TableReader** reader) {
    LISSOM_DCHECK(count_ == 0);
    absl::StatusOr<TablePin> opened =
        view_.OutsideEpoch([&] { return table.Pin(options_); });
    if (!opened.ok()) {
      status_ = std::move(opened).status();
      return false;
    }
    pin_ = *std::move(opened);
    *reader = pin_.get();
    return true;
  }

  ReadView& view_;
  TablePin pin_;  // Of the first to be asked, if that had to be opened.
  const LookupKey& key_;
  const TableReadOptions& options_;
  LookupResult* const result_;
  std::array<const TableReader*, TableReader::kMaxTables> readers_;
  std::array<uint8_t, TableReader::kMaxTables> levels_;
  size_t count_ = 0;
  absl::Status status_;
};

// A set of requests, by their place in the batch.
using Requests = uint32_t;
static_assert(TableReader::kMaxRequests <= 32);

// Calls visit(i) for each request of the set.
template <typename Visit>
void ForEach(Requests set, Visit visit) {
  for (; set != 0; set &= set - 1) {
    visit(static_cast<size_t>(__builtin_ctz(set)));
  }
}

// Questions to tables that are asked together, at most one a request.
class TableQuestions {
 public:
  TableQuestions(ReadView& view, std::span<LookupRequest> batch,
                 const TableReadOptions& options)
      : view_(view), batch_(batch), options_(options) {}

  // Asks `table` for request `i`.
  void Add(const TableFile& table, size_t i) {
    asked_[count_] = static_cast<uint8_t>(i);
    tables_[count_] = &table;
    reads_[count_].table = table.Borrow();
    reads_[count_].key = &batch_[i].key;
    all_open_ = all_open_ && reads_[count_].table != nullptr;
    ++count_;
  }

  // Returns the requests that were answered, by tables of `level` or by an
  // error, and starts anew.
  Requests Ask(int level) {
    return all_open_ ? AskOpen(level) : OpenAndAsk(level);
  }

 private:
  static constexpr size_t kMax = TableReader::kMaxRequests;
  using Pins = std::array<absl::StatusOr<TablePin>, kMax>;

  Requests AskOpen(int level) {
    TableReader::MultiGet(std::span(reads_).first(count_), options_);
    Requests answered = 0;
    for (size_t n = 0; n < count_; ++n) {
      PointRequest& read = reads_[n];
      LookupRequest& request = batch_[asked_[n]];
      if (!read.status.ok() || read.found) {
        answered |= Requests{1} << asked_[n];
        request.result.found_in = level;
        request.status = read.status.ok() ? Take(read.result, &request.result)
                                          : std::move(read.status);
      } else {
        CountMiss(read.result, &request.result);
      }
      read = {};
    }
    count_ = 0;
    return answered;
  }

  // Not inline, as Candidates::Open.
  [[gnu::noinline]] Requests OpenAndAsk(int level) {
    // The epoch, in which answers that we have were found, ends.
    for (LookupRequest& request : batch_) {
      LookupResult& result = request.result;
      if (result.owner != nullptr && !result.pin) {
        result.pin = Ref<const RefCounted>(result.owner);
      }
    }
    Pins pins;
    view_.OutsideEpoch([&] { return PinAll(pins), 0; });
    Requests failed = 0;
    size_t kept = 0;
    for (size_t n = 0; n < count_; ++n) {
      const size_t i = asked_[n];
      const absl::StatusOr<TablePin>& pin = pins[FirstOf(n)];
      if (!pin.ok()) {
        batch_[i].status = pin.status();
        failed |= Requests{1} << i;
        continue;
      }
      asked_[kept] = static_cast<uint8_t>(i);
      reads_[kept].key = reads_[n].key;
      reads_[kept].table = pin->get();
      ++kept;
    }
    for (size_t n = kept; n < count_; ++n) reads_[n] = {};
    count_ = kept;
    all_open_ = true;
    return failed | AskOpen(level);
  }

  // All anew: those that were open may be closed when the others are.
  void PinAll(Pins& pins) const {
    for (size_t n = 0; n < count_; ++n) {
      if (FirstOf(n) == n) pins[n] = tables_[n]->Pin(options_);
    }
  }
  // The first question to the same table.
  size_t FirstOf(size_t n) const {
    size_t first = 0;
    while (tables_[first] != tables_[n]) ++first;
    return first;
  }

  ReadView& view_;
  const std::span<LookupRequest> batch_;
  const TableReadOptions& options_;
  std::array<PointRequest, kMax> reads_;
  std::array<const TableFile*, kMax> tables_;
  std::array<uint8_t, kMax> asked_;
  size_t count_ = 0;
  bool all_open_ = true;
};

}  // namespace

absl::Status PointLookup(ReadView& read_view, const LookupKey& key,
                         const TableReadOptions& options,
                         LookupResult* result) {
  const View& view = *read_view;
  absl::Status status;
  for (const Ref<const Memtable>& memtable : view.memtables()) {
    if (LookupInMemtable(*memtable, key, result, &status)) return status;
  }
  const Version& version = view.version();
  Candidates candidates(read_view, key, options, result);
  for (const auto& table : version.level(0)) {
    if (Covers(version, table->meta(), key.user_key) &&
        candidates.Add(*table, 0)) {
      return std::move(candidates).status();
    }
  }
  for (int level = 1; level < Version::kLevels; ++level) {
    const Version::Level& tables = version.level(level);
    if (tables.empty()) continue;
    const size_t index = version.FindTable(level, key.user_key);
    if (index < tables.size() &&
        Covers(version, tables[index]->meta(), key.user_key) &&
        candidates.Add(*tables[index], level)) {
      return std::move(candidates).status();
    }
  }
  return candidates.Ask() ? std::move(candidates).status() : NotFound();
}

void PointLookups(ReadView& read_view, std::span<LookupRequest> requests,
                  const TableReadOptions& options) {
  LISSOM_DCHECK(requests.size() <= TableReader::kMaxRequests);
  const View& view = *read_view;
  Requests open = 0;  // Without an answer yet.
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].status = NotFound();
    open |= Requests{1} << i;
  }
  for (const Ref<const Memtable>& memtable : view.memtables()) {
    if (memtable->empty()) continue;
    ForEach(open, [&](size_t i) {
      LookupRequest& request = requests[i];
      if (LookupInMemtable(*memtable, request.key, &request.result,
                           &request.status)) {
        open &= ~(Requests{1} << i);
      }
    });
  }
  const Version& version = view.version();
  TableQuestions questions(read_view, requests, options);
  // Asks `table` for request `i` if its key may be there.
  const auto ask = [&](const TableFile& table, size_t i) {
    if (Covers(version, table.meta(), requests[i].key.user_key)) {
      questions.Add(table, i);
    }
  };
  for (const auto& table : version.level(0)) {
    if (open == 0) return;
    ForEach(open, [&](size_t i) { ask(*table, i); });
    open &= ~questions.Ask(0);
  }
  // A level below has one table for each key: all are asked together.
  for (int level = 1; level < Version::kLevels && open != 0; ++level) {
    const Version::Level& tables = version.level(level);
    if (tables.empty()) continue;
    ForEach(open, [&](size_t i) {
      const size_t at = version.FindTable(level, requests[i].key.user_key);
      if (at < tables.size()) ask(*tables[at], i);
    });
    open &= ~questions.Ask(level);
  }
}

}  // namespace lissom
