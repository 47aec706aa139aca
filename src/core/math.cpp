#include <wisk/core/math.hpp>

#include <wisk/core/assert.hpp>

namespace wisk::math {
namespace {

/// x = quarter * pi/2 + rest, |rest| <= pi/4 and a little.
struct Reduced {
  double rest;
  std::uint64_t quarter;  // modulo 4 is what matters
};

/// Cody and Waite's reduction. pi/2 in three parts: the first two have 29 bits each, so that their products
/// with a quarter count below 2^23 are exact; together they hold it to 2^-112.
Reduced reduce(double x) {
  WISK_ASSERT(x >= -1e7 && x <= 1e7);
  constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
  constexpr double kHalfPi1 = 0x1.921fb54000000p+0, kHalfPi2 = 0x1.10b4611000000p-30,
                   kHalfPi3 = 0x1.4c4c6628b80dcp-59;
  const double shifted = x * kTwoOverPi + detail::kRounder;
  const double n = shifted - detail::kRounder;
  return {((x - n * kHalfPi1) - n * kHalfPi2) - n * kHalfPi3, std::bit_cast<std::uint64_t>(shifted)};
}

/// Taylor's series to r^17: |r| <= pi/4.
double sine_of_rest(double r) {
  const double z = r * r;
  double series = 1.0 / 355687428096000.0;
  series = series * z - 1.0 / 1307674368000.0;
  series = series * z + 1.0 / 6227020800.0;
  series = series * z - 1.0 / 39916800.0;
  series = series * z + 1.0 / 362880.0;
  series = series * z - 1.0 / 5040.0;
  series = series * z + 1.0 / 120.0;
  series = series * z - 1.0 / 6.0;
  return r + r * z * series;
}

/// Taylor's series to r^18: |r| <= pi/4.
double cosine_of_rest(double r) {
  const double z = r * r;
  double series = -1.0 / 6402373705728000.0;
  series = series * z + 1.0 / 20922789888000.0;
  series = series * z - 1.0 / 87178291200.0;
  series = series * z + 1.0 / 479001600.0;
  series = series * z - 1.0 / 3628800.0;
  series = series * z + 1.0 / 40320.0;
  series = series * z - 1.0 / 720.0;
  series = series * z + 1.0 / 24.0;
  return 1.0 - (0.5 * z - z * z * series);
}

}  // namespace

double sin(double x) {
  const Reduced reduced = reduce(x);
  const double value =
      (reduced.quarter & 1u) != 0 ? cosine_of_rest(reduced.rest) : sine_of_rest(reduced.rest);
  return (reduced.quarter & 2u) != 0 ? -value : value;
}

double cos(double x) {
  const Reduced reduced = reduce(x);
  const double value =
      (reduced.quarter & 1u) != 0 ? sine_of_rest(reduced.rest) : cosine_of_rest(reduced.rest);
  return ((reduced.quarter + 1u) & 2u) != 0 ? -value : value;
}

}  // namespace wisk::math
