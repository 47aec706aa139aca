#include <wisk/stats/prediction_interval.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <wisk/core/assert.hpp>
#include <wisk/stats/pass_at_k.hpp>

#include "percentile.hpp"
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

}  // namespace

std::vector<Estimate> predicted_with_interval(std::span<const std::int64_t> n,
                                              std::span<const std::int64_t> c,
                                              std::span<const std::int64_t> k, double level) {
  WISK_ASSERT(n.size() == c.size() && level > 0 && level < 1);
  const auto values = predicted(fit_difficulty(n, c), k);
  std::vector<std::vector<double>> draws(k.size());  // [k][refits]
  std::vector<double> weights(n.size());
  for (std::uint32_t draw = 0; draw < kRefits && n.size() > 1; ++draw) {
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

std::vector<Estimate> expected_intervals(const DifficultyFit& fit, std::int64_t problems, std::int64_t n,
                                         std::span<const std::int64_t> k, double level) {
  WISK_ASSERT(problems > 0 && n > 0);
  std::vector<double> reached = correct_chances(fit, n);  // [n + 1] that at most so many are correct
  std::partial_sum(reached.begin(), reached.end(), reached.begin());
  std::vector<Estimate> sums(k.size(), {0, 0, 0});
  std::vector<std::uint32_t> bits(static_cast<std::size_t>(problems));
  std::vector<double> values(bits.size());
  for (std::uint32_t run = 0; run < kSupposedRuns; ++run) {
    random_bits(Stream::kSupposed, run, bits);
    for (std::size_t i = 0; i < k.size(); ++i) {
      for (std::size_t p = 0; p < bits.size(); ++p) {
        const double place = (static_cast<double>(bits[p]) + 0.5) * 0x1p-32 * reached.back();
        const auto correct = std::lower_bound(reached.begin(), reached.end() - 1, place) - reached.begin();
        values[p] = pass_at_k(n, correct, k[i]);
      }
      const Estimate one = mean_interval(values, {0, 1}, level);
      sums[i].mean += one.mean / kSupposedRuns;
      sums[i].low += one.low / kSupposedRuns;
      sums[i].high += one.high / kSupposedRuns;
    }
  }
  return sums;
}

}  // namespace wisk::stats
