// FilterPolicy says which filter a table carries to answer "this key is not
// here" without reading a block. A value; copy it freely.
#ifndef LISSOM_FILTER_POLICY_H_
#define LISSOM_FILTER_POLICY_H_

namespace lissom {

class FilterPolicy {
 public:
  // No filter: for databases that are only scanned.
  static constexpr FilterPolicy None() { return FilterPolicy(0); }

  // A cache-local Bloom filter. 10 bits a key: about 1 miss in 100 reads a
  // block in vain; each further bit makes it about 1.6 times rarer. 1 to 64.
  static constexpr FilterPolicy Bloom(double bits_per_key) {
    return FilterPolicy(bits_per_key);
  }

  constexpr double bits_per_key() const { return bits_per_key_; }
  friend constexpr bool operator==(FilterPolicy, FilterPolicy) = default;

 private:
  explicit constexpr FilterPolicy(double bits) : bits_per_key_(bits) {}
  double bits_per_key_;  // 0: none.
};

}  // namespace lissom

#endif  // LISSOM_FILTER_POLICY_H_
