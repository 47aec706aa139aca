#include <wisk/stats/bias_variance.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

#include "problem_counts.hpp"

namespace wisk::stats {

BiasVariance bias_variance(std::span<const std::int64_t> n, std::span<const std::int64_t> c,
                           std::span<const double> weights) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  check_problem_counts("bias and variance", n, c, weights);
  const auto weight = [&](std::size_t i) { return weights.empty() ? 1.0 : weights[i]; };
  const auto share = [&](std::size_t i) { return static_cast<double>(c[i]) / static_cast<double>(n[i]); };
  double total = 0.0;
  double sum = 0.0;
  for (std::size_t i = 0; i < n.size(); ++i) {
    if (weight(i) == 0.0) continue;
    if (n[i] == 0) return {kNaN, kNaN};
    total += weight(i);
    sum += weight(i) * share(i);
  }
  if (total == 0.0) return {kNaN, kNaN};
  const double mean = sum / total;
  double squares = 0.0;
  double noise = 0.0;
  for (std::size_t i = 0; i < n.size(); ++i) {
    if (weight(i) == 0.0) continue;
    const double p = share(i);
    squares += weight(i) * (p - mean) * (p - mean);
    noise += weight(i) * (n[i] > 1 ? p * (1.0 - p) / static_cast<double>(n[i] - 1) : kNaN);
  }
  return {mean, total > 1.0 ? squares / (total - 1.0) - noise / total : kNaN};
}

double pass_at_k_bound(const BiasVariance& moments, std::int64_t k) {
  if (k < 2) throw InputError("bound on Pass@k", "k >= 2", "k = " + std::to_string(k));
  const double miss = 1.0 - moments.mean;
  return 1.0 - std::pow(std::clamp(miss * miss + moments.variance, 0.0, 1.0), static_cast<double>(k) / 2.0);
}

}  // namespace wisk::stats
