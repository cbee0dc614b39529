// EntryFilter decides, entry by entry, what of a sorted stream somebody may
// still want to read. It is a pure rule: no I/O, no table is known to it.
//
// Idea: the sequences that somebody reads at cut the history into stripes. All
//   readers between two of them see the same version of a key, the newest of
//   the stripe; the others of the stripe are shadowed.
//
//   snapshots   20            30            now
//   stripe       0 |           1 |           2 |
//   versions  7  15 |     21  28 |    33    35 |    kept: 15, 28, 35
//
//   A tombstone that is the newest of stripe 0 hides nothing but what lies
//   deeper in the tree; it goes once no table there can hold its key. A
//   tombstone of a younger stripe stays: an older version may stand below it in
//   this very stream, kept for a snapshot.
// Sequences are never changed: an entry's place in the history stays known.
// Entries above the last snapshot ("now") are all kept.
// Threads: thread-compatible.
#ifndef LISSOM_DB_OUTPUT_ENTRY_FILTER_H_
#define LISSOM_DB_OUTPUT_ENTRY_FILTER_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "table/internal_key.h"

namespace lissom {

class EntryFilter {
 public:
  enum class Verdict {
    kKeep,
    kShadowed,  // A newer version hides it from everybody.
    kObsolete,  // A tombstone with nothing left to hide.
  };

  // May a table below the output hold an entry of this user key? Called with
  // ascending keys.
  using MayLieDeeper = std::function<bool(std::string_view user_key)>;

  // `snapshots`: ascending; the last element stands for now. Null
  // `may_lie_deeper`: no tombstone is obsolete.
  EntryFilter(std::vector<SequenceNumber> snapshots,
              MayLieDeeper may_lie_deeper);

  // The fate of the next entry of the stream. Requires: internal-key order.
  Verdict Judge(const InternalKeyView& key);

  // Was the last entry judged the first of its user key?
  bool at_new_key() const { return at_new_key_; }

 private:
  // The stripe a sequence lies in: the number of snapshots before it.
  size_t StripeOf(SequenceNumber sequence) const;

  const std::vector<SequenceNumber> snapshots_;
  const MayLieDeeper may_lie_deeper_;
  std::string user_key_;  // Of the last entry, if any_.
  bool any_ = false;
  bool at_new_key_ = false;
  size_t stripe_ = 0;  // Of the last entry.
};

}  // namespace lissom

#endif  // LISSOM_DB_OUTPUT_ENTRY_FILTER_H_
