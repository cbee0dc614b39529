// ValueSource hands out values: views of one random text that was made before
// the clock starts (Prepare), or, by who did not know that there would be
// values, when the first is asked for; cut so that compression makes of them
// what was asked for.
// Thread-compatible.
#ifndef LISSOM_BENCHMARKS_VALUE_SOURCE_H_
#define LISSOM_BENCHMARKS_VALUE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lissom::bench {

class ValueSource {
 public:
  // `compression_ratio`: about what part of a value is left when it is
  // compressed, above 0 to 1.
  ValueSource(uint64_t seed, size_t value_size, double compression_ratio = 0.5);

  // Makes the text, some milliseconds' work. Idempotent.
  void Prepare();
  // The next value, a view that lives as long as this.
  std::string_view Next();

 private:
  const uint64_t seed_;
  const size_t value_size_;
  const double compression_ratio_;
  std::string text_;
  size_t at_ = 0;
};

}  // namespace lissom::bench

#endif  // LISSOM_BENCHMARKS_VALUE_SOURCE_H_
