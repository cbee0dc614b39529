#include "db/read/point_lookup.h"

#include <utility>

namespace lissom {
namespace {

absl::Status NotFound() {
  return absl::Status(absl::StatusCode::kNotFound, "");
}

// True if `table` had an entry for the key, and *status is the answer.
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
  if (!found.ok()) {
    *status = found.status();
    return true;
  }
  if (!*found) return false;
  if (entry.kind == EntryKind::kPut) {
    *result = {entry.value, entry.owner, std::move(entry.pin)};
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

}  // namespace

absl::Status PointLookup(const View& view, const LookupKey& key,
                         const TableReadOptions& options,
                         LookupResult* result) {
  for (const Ref<const Memtable>& memtable : view.memtables()) {
    Memtable::Entry entry;
    if (!memtable->Get(key, &entry)) continue;
    if (entry.kind != EntryKind::kPut) return NotFound();
    result->value = entry.value;
    result->owner = memtable.get();
    return absl::OkStatus();
  }
  const Version& version = view.version();
  absl::Status status;
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

}  // namespace lissom
