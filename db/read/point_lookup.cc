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
  *result = {entry.value, entry.owner, std::move(entry.pin)};
  return absl::OkStatus();
}

// True if `memtable` has an entry for the key, and *status is the answer.
bool LookupInMemtable(const Memtable& memtable, const LookupKey& key,
                      LookupResult* result, absl::Status* status) {
  Memtable::Entry entry;
  if (!memtable.Get(key, &entry)) return false;
  if (entry.kind == EntryKind::kPut) {
    result->value = entry.value;
    result->owner = &memtable;
    *status = absl::OkStatus();
  } else {
    *status = NotFound();
  }
  return true;
}

// The same for a table; an error is an answer too.
bool LookupInTable(const TableFile& table, const LookupKey& key,
                   const TableReadOptions& options, LookupResult* result,
                   absl::Status* status) {
  const absl::StatusOr<const TableReader*> reader = table.Reader();
  if (!reader.ok()) {
    *status = reader.status();
    return true;
  }
  PointResult entry;
  const absl::StatusOr<bool> found = (*reader)->Get(key, options, &entry);
  if (found.ok() && !*found) return false;
  *status = found.ok() ? Take(entry, result) : found.status();
  return true;
}

bool Covers(const Version& version, const TableMetadata& table,
            std::string_view user_key) {
  return version.order().CompareUser(table.smallest.user_key, user_key) <= 0 &&
         version.order().CompareUser(user_key, table.largest.user_key) <= 0;
}

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

// Asks `table` for the requests of `asked`. Returns those it had an answer to.
Requests AskTable(const TableFile& table, std::span<LookupRequest> batch,
                  Requests asked, const TableReadOptions& options) {
  const absl::StatusOr<const TableReader*> reader = table.Reader();
  if (!reader.ok()) {
    ForEach(asked, [&](size_t i) { batch[i].status = reader.status(); });
    return asked;
  }
  std::array<PointRequest, TableReader::kMaxRequests> reads;
  std::array<PointRequest*, TableReader::kMaxRequests> pointers;
  size_t count = 0;
  ForEach(asked, [&](size_t i) {
    reads[i].key = &batch[i].key;
    pointers[count++] = &reads[i];
  });
  (*reader)->MultiGet(std::span(pointers).first(count), options);
  Requests answered = 0;
  ForEach(asked, [&](size_t i) {
    if (reads[i].status.ok() && !reads[i].found) return;
    answered |= Requests{1} << i;
    batch[i].status = reads[i].status.ok()
                          ? Take(reads[i].result, &batch[i].result)
                          : std::move(reads[i].status);
  });
  return answered;
}

}  // namespace

absl::Status PointLookup(const View& view, const LookupKey& key,
                         const TableReadOptions& options,
                         LookupResult* result) {
  absl::Status status;
  for (const Ref<const Memtable>& memtable : view.memtables()) {
    if (LookupInMemtable(*memtable, key, result, &status)) return status;
  }
  const Version& version = view.version();
  for (const auto& table : version.level(0)) {
    if (Covers(version, table->meta(), key.user_key) &&
        LookupInTable(*table, key, options, result, &status)) {
      return status;
    }
  }
  for (int level = 1; level < Version::kLevels; ++level) {
    const Version::Level& tables = version.level(level);
    if (tables.empty()) continue;
    const size_t index = version.FindTable(level, key.user_key);
    if (index < tables.size() &&
        Covers(version, tables[index]->meta(), key.user_key) &&
        LookupInTable(*tables[index], key, options, result, &status)) {
      return status;
    }
  }
  return NotFound();
}

void PointLookups(const View& view, std::span<LookupRequest> requests,
                  const TableReadOptions& options) {
  LISSOM_DCHECK(requests.size() <= TableReader::kMaxRequests);
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
  // Those of `among` whose key lies in the table's range.
  const auto covered = [&](const TableFile& table, Requests among) {
    Requests set = 0;
    ForEach(among, [&](size_t i) {
      if (Covers(version, table.meta(), requests[i].key.user_key)) {
        set |= Requests{1} << i;
      }
    });
    return set;
  };
  for (const auto& table : version.level(0)) {
    const Requests asked = covered(*table, open);
    if (asked != 0) open &= ~AskTable(*table, requests, asked, options);
  }
  for (int level = 1; level < Version::kLevels && open != 0; ++level) {
    const Version::Level& tables = version.level(level);
    if (tables.empty()) continue;
    for (Requests rest = open; rest != 0;) {
      const auto i = static_cast<size_t>(__builtin_ctz(rest));
      rest &= rest - 1;
      const size_t at = version.FindTable(level, requests[i].key.user_key);
      if (at == tables.size()) continue;
      const TableFile& table = *tables[at];
      const Requests asked = covered(table, Requests{1} << i | rest);
      rest &= ~asked;
      if (asked != 0) open &= ~AskTable(table, requests, asked, options);
    }
  }
}

}  // namespace lissom
