#include <wisk/stats/prediction_interval.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <wisk/core/assert.hpp>
#include <wisk/stats/prediction.hpp>

#include "random_weights.hpp"

namespace wisk::stats {
namespace {

/// [k]; NaN where there is no fit.
std::vector<double> predicted(const DifficultyFit& fit, std::span<const std::int64_t> k) {
  std::vector<double> values;
  for (const std::int64_t each : k) {
    values.push_back(std::isnan(fit.zero_share) ? std::numeric_limits<double>::quiet_NaN()
                                                : predicted_pass_at_k(fit, each));
  }
  return values;
}

double percentile(const std::vector<double>& sorted, double probability) {
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

std::vector<Estimate> predicted_with_interval(std::span<const std::int64_t> n,
                                              std::span<const std::int64_t> c,
                                              std::span<const std::int64_t> k, double level) {
  WISK_ASSERT(n.size() == c.size() && level > 0 && level < 1);
  const auto values = predicted(fit_difficulty(n, c), k);
  std::vector<std::vector<double>> draws(k.size());  // [k][refits]
  std::vector<double> weights(n.size());
  for (std::uint32_t draw = 0; draw < kRefits && !n.empty(); ++draw) {
    bootstrap_weights(draw, weights);
    const auto refitted = predicted(fit_difficulty(n, c, weights), k);
    for (std::size_t i = 0; i < k.size(); ++i) {
      if (!std::isnan(refitted[i])) draws[i].push_back(refitted[i]);
    }
  }
  std::vector<Estimate> result;
  for (std::size_t i = 0; i < k.size(); ++i) {
    std::sort(draws[i].begin(), draws[i].end());
    if (draws[i].empty()) {
      result.push_back(
          {values[i], std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()});
      continue;
    }
    result.push_back({values[i], std::min(values[i], percentile(draws[i], (1 - level) / 2)),
                      std::max(values[i], percentile(draws[i], (1 + level) / 2))});
  }
  return result;
}

}  // namespace wisk::stats
