#include "lissom/comparator.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace lissom {
namespace {

// The first eight bytes as a big-endian integer, zeros behind the end: an
// order-preserving head ("a" and "a\0" share one, which heads may).
uint64_t BigEndianHead(std::string_view bytes) {
  uint64_t head = 0;
  std::memcpy(&head, bytes.data(), std::min(bytes.size(), sizeof head));
  return __builtin_bswap64(head);
}

class Bytewise final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    return a.compare(b);
  }
  std::string_view Name() const override { return "lissom.BytewiseComparator"; }

  void FindShortestSeparator(std::string* start,
                             std::string_view limit) const override {
    const size_t shared = static_cast<size_t>(
        std::mismatch(start->begin(),
                      start->begin() + static_cast<ptrdiff_t>(std::min(
                                           start->size(), limit.size())),
                      limit.begin())
            .first -
        start->begin());
    if (shared >= std::min(start->size(), limit.size())) return;  // A prefix.
    const uint8_t byte = static_cast<uint8_t>((*start)[shared]);
    if (byte < 0xff && byte + 1 < static_cast<uint8_t>(limit[shared])) {
      (*start)[shared] = static_cast<char>(byte + 1);
      start->resize(shared + 1);
    }
  }

  void FindShortSuccessor(std::string* key) const override {
    for (size_t i = 0; i < key->size(); ++i) {
      const uint8_t byte = static_cast<uint8_t>((*key)[i]);
      if (byte != 0xff) {
        (*key)[i] = static_cast<char>(byte + 1);
        key->resize(i + 1);
        return;
      }
    }
  }

  bool HasHeads() const override { return true; }
  uint64_t Head(std::string_view suffix) const override {
    return BigEndianHead(suffix);
  }
};

class ReverseBytewise final : public Comparator {
 public:
  int Compare(std::string_view a, std::string_view b) const override {
    return b.compare(a);
  }
  std::string_view Name() const override {
    return "lissom.ReverseBytewiseComparator";
  }
  bool HasHeads() const override { return true; }
  uint64_t Head(std::string_view suffix) const override {
    return ~BigEndianHead(suffix);
  }
};

}  // namespace

void Comparator::FindShortestSeparator(std::string*, std::string_view) const {}
void Comparator::FindShortSuccessor(std::string*) const {}

std::shared_ptr<const Comparator> BytewiseComparator() {
  // Leaked: databases in static storage may outlive a static of ours.
  static const auto* comparator =
      new std::shared_ptr<const Comparator>(std::make_shared<Bytewise>());
  return *comparator;
}

std::shared_ptr<const Comparator> ReverseBytewiseComparator() {
  static const auto* comparator = new std::shared_ptr<const Comparator>(
      std::make_shared<ReverseBytewise>());
  return *comparator;
}

}  // namespace lissom
