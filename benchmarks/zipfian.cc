#include "benchmarks/zipfian.h"

#include <algorithm>
#include <cmath>

namespace lissom::bench {
namespace {

// Terms that are added one by one: enough that the rest of the formula, whose
// first left-out term is about 1e-3 * kExact^(-3.99), is right to 12 digits.
constexpr uint64_t kExact = 10'000;

// In [0, 1).
double Fraction(Random& random) {
  return static_cast<double>(random.Next() >> 11) * 0x1p-53;
}

}  // namespace

double Zeta(uint64_t items, double theta) {
  double sum = 0;
  for (uint64_t i = 1; i <= std::min(items, kExact); ++i) {
    sum += std::pow(static_cast<double>(i), -theta);
  }
  if (items <= kExact) return sum;
  const auto a = static_cast<double>(kExact);
  const auto b = static_cast<double>(items);
  // The sum over (a, b] of x^-theta: integral, half of the ends, and the first
  // correction by the derivative.
  const double integral =
      (std::pow(b, 1 - theta) - std::pow(a, 1 - theta)) / (1 - theta);
  const double ends = (std::pow(b, -theta) - std::pow(a, -theta)) / 2;
  const double slopes =
      theta * (std::pow(a, -theta - 1) - std::pow(b, -theta - 1)) / 12;
  return sum + integral + ends + slopes;
}

Zipfian::Zipfian(uint64_t items) : items_(items), zeta_(Zeta(items)) {
  Derive();
}

void Zipfian::Derive() {
  static const double zeta_of_two = Zeta(2);
  eta_ = (1 - std::pow(2.0 / static_cast<double>(items_), 1 - kZipfianTheta)) /
         (1 - zeta_of_two / zeta_);
}

uint64_t Zipfian::Next(Random& random) const {
  static const double half_to_theta = std::pow(0.5, kZipfianTheta);
  const double u = Fraction(random);
  const double uz = u * zeta_;
  if (uz < 1) return 0;
  if (uz < 1 + half_to_theta) return std::min<uint64_t>(1, items_ - 1);
  const double rank = static_cast<double>(items_) *
                      std::pow(eta_ * u - eta_ + 1, 1 / (1 - kZipfianTheta));
  return std::min(static_cast<uint64_t>(rank), items_ - 1);
}

void Zipfian::Grow(uint64_t items) {
  if (items <= items_) return;
  if (items - items_ > kExact) {
    zeta_ = Zeta(items);
  } else {
    for (uint64_t i = items_ + 1; i <= items; ++i) {
      zeta_ += std::pow(static_cast<double>(i), -kZipfianTheta);
    }
  }
  items_ = items;
  Derive();
}

uint64_t Scatter(uint64_t number) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (int i = 0; i < 8; ++i, number >>= 8) {
    hash = (hash ^ (number & 0xff)) * 0x100000001b3u;
  }
  return hash;
}

}  // namespace lissom::bench
