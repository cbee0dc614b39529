// Comparator orders the keys of a database. Its name is stored with the data;
// opening with a comparator of another name is refused.
//
// Requires of an implementation: a total order that never changes; two keys
// compare equal exactly when their bytes are equal; thread-safe; Compare does
// not throw. Held by shared_ptr for as long as the database or anything read
// from it lives.
//
// Example, shorter keys first:
//
//   class ByLength final : public lissom::Comparator {
//    public:
//     int Compare(std::string_view a, std::string_view b) const override {
//       if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
//       return a.compare(b);
//     }
//     std::string_view Name() const override { return "example.ByLength"; }
//   };
#ifndef LISSOM_COMPARATOR_H_
#define LISSOM_COMPARATOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lissom/export.h"

namespace lissom {

class LISSOM_EXPORT Comparator {
 public:
  virtual ~Comparator() = default;

  // Negative, zero or positive as a comes before, is, or comes after b.
  virtual int Compare(std::string_view a, std::string_view b) const = 0;

  // Names the order, not the class. Change it when the order changes.
  virtual std::string_view Name() const = 0;

  // May replace *start by a shorter key k with *start <= k < limit, to make
  // indexes smaller. Requires: *start < limit. The default changes nothing.
  virtual void FindShortestSeparator(std::string* start,
                                     std::string_view limit) const;

  // May replace *key by a shorter key that does not come before it.
  virtual void FindShortSuccessor(std::string* key) const;

  // Heads let the engine compare most keys as integers. An order has heads if
  // for all keys p+x and p+y with any common prefix p,
  //   Head(x) < Head(y)  implies  Compare(p+x, p+y) < 0.
  // An order without heads works, slower.
  virtual bool HasHeads() const { return false; }
  virtual uint64_t Head(std::string_view /*suffix*/) const { return 0; }
};

// Unsigned bytes, shorter first: the default.
LISSOM_EXPORT std::shared_ptr<const Comparator> BytewiseComparator();

// The reverse of BytewiseComparator.
LISSOM_EXPORT std::shared_ptr<const Comparator> ReverseBytewiseComparator();

}  // namespace lissom

#endif  // LISSOM_COMPARATOR_H_
