#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <wisk/core/assert.hpp>
#include <wisk/stats/interval.hpp>
#include <wisk/stats/special.hpp>

#include "percentile.hpp"
#include "random_weights.hpp"

namespace wisk::stats {
namespace {

using Functional = std::function<double(std::span<const double>)>;

constexpr std::size_t kDraws = 2000;

/// The functional's values under random weights, ascending; NaN left out. `weights` is for scratch.
std::vector<double> draws_of(const Functional& functional, std::size_t problems, bool with_unseen,
                             std::vector<double>& weights) {
  const double two_pi = 2.0 * std::acos(-1.0);
  std::vector<double> draws;
  for (std::size_t draw = 0; draw < kDraws; ++draw) {
    bootstrap_weights(static_cast<std::uint32_t>(draw), weights);
    if (with_unseen) {
      // An exponential weight times a squared cosine and sine of a uniform angle: two gammas of shape 1/2.
      const double cosine = std::cos(two_pi * std::exp(-weights[problems + 1]));
      weights[problems + 1] = weights[problems] * (1.0 - cosine * cosine);
      weights[problems] *= cosine * cosine;
    } else {
      std::fill(weights.begin() + static_cast<long>(problems), weights.end(), 0.0);
    }
    double sum = 0;
    for (const double weight : weights) sum += weight;
    for (double& weight : weights) weight *= static_cast<double>(problems) / sum;
    const double value = functional(weights);
    if (!std::isnan(value)) draws.push_back(value);
  }
  std::sort(draws.begin(), draws.end());
  return draws;
}

/// Acceleration: a sixth of the skewness of the problems' influences, by leaving out one at a time.
double acceleration(const Functional& functional, std::size_t problems, double estimate,
                    std::vector<double>& weights) {
  double squares = 0, cubes = 0;
  const double kept = problems > 1 ? static_cast<double>(problems) / static_cast<double>(problems - 1) : 1.0;
  std::fill(weights.begin(), weights.end(), 0.0);
  std::fill_n(weights.begin(), problems, kept);
  for (std::size_t problem = 0; problem < problems; ++problem) {
    weights[problem] = 0.0;
    const double influence = estimate - functional(weights);
    weights[problem] = kept;
    if (std::isnan(influence)) continue;
    squares += influence * influence;
    cubes += influence * influence * influence;
  }
  return squares > 0 ? cubes / (6.0 * std::pow(squares, 1.5)) : 0.0;
}

struct Ends {
  double low, high;
};

/// The ends from draws that weigh the seen problems alone, or two more of mass 1/2 as well. weights: [P or P
/// + 2]
Ends ends_of(const Functional& functional, std::size_t problems, double estimate, double level,
             bool with_unseen, std::size_t weights_count) {
  std::vector<double> weights(weights_count, 0.0);
  const auto count = static_cast<double>(problems);
  const std::vector<double> draws = draws_of(functional, problems, with_unseen, weights);
  if (draws.empty())
    return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
  // The middle of the draws' weights: where their median lies beside it shows their bias.
  const double middle = with_unseen ? count / (count + 1.0) : 1.0;
  std::fill(weights.begin(), weights.end(), with_unseen ? middle / 2 : 0.0);
  std::fill_n(weights.begin(), problems, middle);
  const auto [below, not_above] = std::equal_range(draws.begin(), draws.end(), functional(weights));
  const auto size = static_cast<double>(draws.size());
  const double share =
      (static_cast<double>(below - draws.begin()) + static_cast<double>(not_above - draws.begin())) / 2 /
      size;
  const double bias = normal_quantile(std::clamp(share, 0.5 / size, 1.0 - 0.5 / size));
  const double moved = 2.0 * bias - acceleration(functional, problems, estimate, weights);
  const double z = problems > 1 ? student_t_quantile(0.5 + level / 2, count - 1.0) *
                                      std::sqrt((count + 1.0) / (count - 1.0))
                                : std::numeric_limits<double>::infinity();
  return {percentile(draws, normal_probability(moved - z)), percentile(draws, normal_probability(moved + z))};
}

}  // namespace

Estimate functional_interval(std::size_t problems, const Functional& functional, double level,
                             Unseen unseen) {
  WISK_ASSERT(level > 0 && level < 1);
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  if (problems == 0) return {kNaN, kNaN, kNaN};
  const std::size_t weights_count = problems + (unseen == Unseen::kBothEnds ? 2 : 0);
  std::vector<double> weights(weights_count, 0.0);
  std::fill_n(weights.begin(), problems, 1.0);
  const double estimate = functional(weights);
  if (std::isnan(estimate)) return {kNaN, kNaN, kNaN};
  if (problems == 1) return {estimate, kNaN, kNaN};  // one problem says nothing of how others differ
  Ends ends = ends_of(functional, problems, estimate, level, false, weights_count);
  if (unseen == Unseen::kBothEnds) {
    const Ends wider = ends_of(functional, problems, estimate, level, true, weights_count);
    ends = {std::min(ends.low, wider.low), std::max(ends.high, wider.high)};
  }
  return {estimate, std::min(estimate, ends.low), std::max(estimate, ends.high)};
}

}  // namespace wisk::stats
