#pragma once
// Pearson's test of counts against exact probabilities.

#include <cmath>
#include <cstdint>
#include <vector>

namespace wisk::test {

struct ChiSquare {
  double statistic = 0;
  double bound = 0;  ///< exceeded with probability 1e-4 when the probabilities are right
};

/// Cells that expect fewer than 5 are joined into one. Wilson and Hilferty's approximation of the quantile,
/// within a percent there for any degrees of freedom that occur here.
inline ChiSquare chi_square(const std::vector<std::int64_t>& counts,
                            const std::vector<double>& probabilities) {
  double draws = 0;
  for (const std::int64_t count : counts) draws += static_cast<double>(count);
  ChiSquare result;
  double small_expected = 0, small_count = 0;
  int cells = 0;
  const auto add = [&](double count, double expected) {
    result.statistic += (count - expected) * (count - expected) / expected;
    ++cells;
  };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = draws * probabilities[i];
    if (expected >= 5) {
      add(static_cast<double>(counts[i]), expected);
    } else {
      small_expected += expected;
      small_count += static_cast<double>(counts[i]);
    }
  }
  if (small_expected >= 1) add(small_count, small_expected);
  const double degrees = cells - 1, spread = 2 / (9 * degrees), z = 3.719;
  result.bound = degrees * std::pow(1 - spread + z * std::sqrt(spread), 3);
  return result;
}

}  // namespace wisk::test
