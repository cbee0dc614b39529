#include "db/output/entry_filter.h"

#include <algorithm>
#include <utility>

#include "util/check.h"

namespace lissom {

EntryFilter::EntryFilter(std::vector<SequenceNumber> snapshots,
                         MayLieDeeper may_lie_deeper)
    : snapshots_(std::move(snapshots)),
      may_lie_deeper_(std::move(may_lie_deeper)) {
  LISSOM_DCHECK(!snapshots_.empty());
  LISSOM_DCHECK(std::is_sorted(snapshots_.begin(), snapshots_.end()));
}

size_t EntryFilter::StripeOf(SequenceNumber sequence) const {
  if (snapshots_.size() == 1) return sequence > snapshots_[0] ? 1 : 0;
  return static_cast<size_t>(
      std::lower_bound(snapshots_.begin(), snapshots_.end(), sequence) -
      snapshots_.begin());
}

EntryFilter::Verdict EntryFilter::Judge(const InternalKeyView& key) {
  const size_t stripe = StripeOf(key.sequence());
  const bool is_past = stripe < snapshots_.size();
  // Bytes decide: a comparator calls equal only what has equal bytes.
  at_new_key_ = !any_ || user_key_ != key.user_key;
  if (at_new_key_) {
    any_ = true;
    user_key_.assign(key.user_key);
  } else if (stripe == stripe_ && is_past) {
    return Verdict::kShadowed;
  }
  stripe_ = stripe;
  const bool hides_only_deeper =
      key.kind() == EntryKind::kDelete && stripe == 0 && is_past;
  if (hides_only_deeper && may_lie_deeper_ != nullptr &&
      !may_lie_deeper_(key.user_key)) {
    return Verdict::kObsolete;
  }
  return Verdict::kKeep;
}

}  // namespace lissom
