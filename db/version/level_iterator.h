// The iterator over one level below 0: its tables, which do not overlap, one
// after the other, opened when they are reached; one is kept open at a time.
#ifndef LISSOM_DB_VERSION_LEVEL_ITERATOR_H_
#define LISSOM_DB_VERSION_LEVEL_ITERATOR_H_

#include <memory>

#include "db/version/version.h"
#include "table/internal_iterator.h"

namespace lissom {

// `tables`: sorted, not overlapping; they must outlive the iterator.
std::unique_ptr<InternalIterator> NewLevelIterator(
    KeyOrder order, Version::Tables tables, const TableReadOptions& options);

}  // namespace lissom

#endif  // LISSOM_DB_VERSION_LEVEL_ITERATOR_H_
