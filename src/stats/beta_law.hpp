#pragma once
// Samples of a problem whose chance of a correct one is drawn from a beta distribution.

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace wisk::stats {

/// log of prod_{i<k} (beta + i) / (alpha + beta + i): of the chance that k samples are all wrong. -infinity
/// when beta = 0 < k. From kSummed terms on by Euler and Maclaurin's formula, whose remainder is below
/// 1e-14 there.
inline double log_all_wrong(double alpha, double beta, std::int64_t k) {
  constexpr std::int64_t kSummed = 4096;
  const auto factor = [=](double i) { return std::log1p(-alpha / (alpha + beta + i)); };
  double sum = 0.0;
  for (std::int64_t i = 0; i < std::min(k, kSummed); ++i) sum += factor(static_cast<double>(i));
  if (k <= kSummed) return sum;
  const auto integral = [=](double i) { return (beta + i) * factor(i) - alpha * std::log(alpha + beta + i); };
  const auto slope = [=](double i) { return 1.0 / (beta + i) - 1.0 / (alpha + beta + i); };
  const auto first = static_cast<double>(kSummed);
  const auto last = static_cast<double>(k);
  return sum + integral(last) - integral(first) + (factor(first) - factor(last)) / 2.0 +
         (slope(last) - slope(first)) / 12.0;
}

}  // namespace wisk::stats
