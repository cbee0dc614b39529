#include "src/tools/cli/walk.h"

#include <memory>

#include "util/status_macros.h"

namespace lissom::tools {

absl::Status Walk(DB& db, const WalkOptions& options,
                  absl::FunctionRef<absl::Status(
                      std::string_view key, std::string_view value, bool* more)>
                      visit) {
  const std::unique_ptr<Iterator> it = db.NewIterator(options.read);
  bool more = true;
  uint64_t count = 0;
  if (options.limit > 0) {
    options.reverse ? it->SeekToLast() : it->SeekToFirst();
  }
  while (count < options.limit && more && it->Valid()) {
    std::string_view value;
    if (options.needs_value) {
      LISSOM_RETURN_IF_ERROR(it->PrepareValue());
      value = it->value();
    }
    LISSOM_RETURN_IF_ERROR(visit(it->key(), value, &more));
    ++count;
    if (count == options.limit || !more) break;
    options.reverse ? it->Prev() : it->Next();
  }
  return it->status();
}

}  // namespace lissom::tools
