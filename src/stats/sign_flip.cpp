#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <wisk/core/assert.hpp>
#include <wisk/stats/comparison.hpp>

#include "random_weights.hpp"

namespace wisk::stats {
namespace {

/// The 256 signed sums of up to 8 differences; bit j of the index set: difference j counts as negative.
std::array<double, 256> signed_sums(std::span<const double> differences) {
  std::array<double, 256> sums;
  sums[0] = 0;
  for (const double difference : differences) sums[0] += difference;
  for (std::size_t index = 1; index < sums.size(); ++index) {
    std::size_t bit = 0;
    while (!(index >> bit & 1)) ++bit;
    const double flipped = bit < differences.size() ? differences[bit] : 0.0;
    sums[index] = sums[index & (index - 1)] - 2.0 * flipped;
  }
  return sums;
}

/// Share of all 2^D signs whose sum is at least `observed` in size. differences: [D], D <= 16.
double exact_p_value(std::span<const double> differences, double observed) {
  const std::size_t low_count = std::min<std::size_t>(8, differences.size());
  const auto low = signed_sums(differences.first(low_count));
  const auto high = signed_sums(differences.subspan(low_count));
  const std::size_t low_signs = std::size_t{1} << low_count;
  const std::size_t high_signs = std::size_t{1} << (differences.size() - low_count);
  std::size_t as_large = 0;
  for (std::size_t i = 0; i < high_signs; ++i) {
    for (std::size_t j = 0; j < low_signs; ++j) as_large += std::abs(high[i] + low[j]) >= observed;
  }
  return static_cast<double>(as_large) / static_cast<double>(low_signs * high_signs);
}

}  // namespace

SignFlipTest::SignFlipTest(std::size_t problems) : problems_(problems), signs_((problems + 7) / 8 * kFlips) {
  std::vector<std::uint32_t> bits(kFlips);
  for (std::size_t four = 0; four < (problems + 31) / 32; ++four) {
    random_bits(Stream::kSignFlips, static_cast<std::uint32_t>(four), bits);
    for (std::size_t byte = 0; byte < 4 && 4 * four + byte < (problems + 7) / 8; ++byte) {
      std::uint8_t* signs = signs_.data() + (4 * four + byte) * kFlips;
      for (std::size_t flip = 0; flip < kFlips; ++flip)
        signs[flip] = static_cast<std::uint8_t>(bits[flip] >> (8 * byte));
    }
  }
}

double SignFlipTest::p_value(std::span<const double> differences) const {
  WISK_ASSERT(differences.size() == problems_);
  if (differences.empty()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0, size = 0;
  std::vector<double> nonzero;
  for (const double difference : differences) {
    sum += difference;
    size += std::abs(difference);
    if (difference != 0) nonzero.push_back(difference);
  }
  if (std::isnan(sum)) return std::numeric_limits<double>::quiet_NaN();
  if (nonzero.empty()) return 1.0;
  const double observed = std::abs(sum) - 1e-12 * size;  // sums that are equal but for rounding count
  if (nonzero.size() <= kExact) return exact_p_value(nonzero, observed);
  std::vector<double> sums(kFlips, 0.0);
  for (std::size_t first = 0; first < problems_; first += 8) {
    const auto table = signed_sums(differences.subspan(first, std::min<std::size_t>(8, problems_ - first)));
    const std::uint8_t* signs = signs_.data() + first / 8 * kFlips;
    for (std::size_t flip = 0; flip < kFlips; ++flip) sums[flip] += table[signs[flip]];
  }
  const auto as_large =
      std::count_if(sums.begin(), sums.end(), [&](double flipped) { return std::abs(flipped) >= observed; });
  return static_cast<double>(as_large + 1) / static_cast<double>(kFlips + 1);
}

double sign_flip_p_value(std::span<const double> differences) {
  return SignFlipTest(differences.size()).p_value(differences);
}

}  // namespace wisk::stats
