// NewMergingIterator shows several sorted sources as one, in internal-key
// order, forwards and backwards.
//
// Idea: a heap of the sources by their present keys, compared by cached heads
//   first, taken behind a prefix that all of them share. While one source
//   leads, a step compares its new key with that of the runner-up and leaves
//   the heap alone, so a run of keys from one source (the usual case of a
//   compaction into a larger level) costs one comparison a key.
// Ties: if two sources hold the same internal key, both entries are shown, that
//   of the source with the smaller index first when going forwards.
// Errors: a source that ends with an error ends the merge with that error. No
//   source is ever skipped: a shorter merge with status OK would be a wrong
//   answer. Seeking forgets the error and asks all sources again.
#ifndef LISSOM_TABLE_MERGING_ITERATOR_H_
#define LISSOM_TABLE_MERGING_ITERATOR_H_

#include <memory>
#include <vector>

#include "table/internal_iterator.h"
#include "table/internal_key.h"

namespace lissom {

// A merge of `sources` (none of them null). Of one source: that source itself.
// Of none: an empty iterator.
std::unique_ptr<InternalIterator> NewMergingIterator(
    KeyOrder order, std::vector<std::unique_ptr<InternalIterator>> sources);

}  // namespace lissom

#endif  // LISSOM_TABLE_MERGING_ITERATOR_H_
