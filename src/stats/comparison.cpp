#include <wisk/stats/comparison.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

#include "random_weights.hpp"

namespace wisk::stats {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kBootstrapDraws = 4000;
constexpr std::size_t kHalvings = 1000;

bool has_nan(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
}

/// Columns of 8 arms, so that the sums over problems of 8 arms run side by side in vector registers, each in
/// the order of the problems.
class ArmBlocks {
 public:
  static constexpr std::size_t kArms = 8;

  /// rows: the arms of values [A, P] to take.
  ArmBlocks(std::span<const double> values, std::size_t problems, std::span<const std::size_t> rows)
      : problems_(problems),
        arms_(rows.size()),
        columns_((rows.size() + kArms - 1) / kArms * kArms * problems) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t problem = 0; problem < problems; ++problem)
        columns_[(i / kArms * problems + problem) * kArms + i % kArms] = values[rows[i] * problems + problem];
    }
  }

  /// sums[i] = sum over problems of weights * values of the i-th arm. weights: [P]; sums: [arms].
  void weighted_sums(std::span<const double> weights, std::span<double> sums) const {
    for (std::size_t first = 0; first < arms_; first += kArms) {
      const double* column = columns_.data() + first * problems_;
      std::array<double, kArms> block{};
      for (std::size_t problem = 0; problem < problems_; ++problem, column += kArms) {
        for (std::size_t i = 0; i < kArms; ++i) block[i] += weights[problem] * column[i];
      }
      std::copy_n(block.begin(), std::min(kArms, arms_ - first), sums.begin() + static_cast<long>(first));
    }
  }

 private:
  std::size_t problems_, arms_;
  std::vector<double> columns_;  // [ceil(arms / 8), P, 8]
};

/// Mean over random halves of (largest mean on one half - the same arm's mean on the other), for the arms of
/// `rows`; ties go to the first. NaN with fewer than 2 problems.
double optimism_of_halves(std::span<const double> values, std::size_t problems,
                          std::span<const std::size_t> rows) {
  if (problems < 2 || rows.empty()) return kNaN;
  const ArmBlocks blocks(values, problems, rows);
  std::vector<double> all(rows.size()), half(rows.size()), weights(problems, 1.0);
  blocks.weighted_sums(weights, all);
  std::vector<std::uint32_t> bits(problems);
  std::vector<std::size_t> order(problems);
  const std::size_t count = problems / 2;
  const auto in = static_cast<double>(count), out = static_cast<double>(problems - count);
  double sum = 0;
  for (std::size_t draw = 0; draw < kHalvings; ++draw) {
    random_bits(Stream::kHalves, static_cast<std::uint32_t>(draw), bits);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::nth_element(
        order.begin(), order.begin() + static_cast<long>(count), order.end(),
        [&](std::size_t a, std::size_t b) { return bits[a] != bits[b] ? bits[a] < bits[b] : a < b; });
    std::fill(weights.begin(), weights.end(), 0.0);
    for (std::size_t i = 0; i < count; ++i) weights[order[i]] = 1.0;
    blocks.weighted_sums(weights, half);
    const auto best = static_cast<std::size_t>(std::max_element(half.begin(), half.end()) - half.begin());
    sum += half[best] / in - (all[best] - half[best]) / out;
  }
  return sum / static_cast<double>(kHalvings);
}

}  // namespace

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p_values.size(); ++i) {
    if (!std::isnan(p_values[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size(), kNaN);
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double scaled = static_cast<double>(order.size() - rank) * p_values[order[rank]];
    largest = std::max(largest, std::min(1.0, scaled));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

std::vector<double> best_probability(std::span<const double> values, std::size_t arms) {
  WISK_ASSERT(arms > 0 && values.size() % arms == 0);
  const std::size_t problems = values.size() / arms;
  std::vector<std::size_t> rows;
  for (std::size_t arm = 0; arm < arms; ++arm) {
    if (problems > 0 && !has_nan(values.subspan(arm * problems, problems))) rows.push_back(arm);
  }
  std::vector<double> probability(arms, 0.0);
  if (rows.empty()) return probability;
  const ArmBlocks blocks(values, problems, rows);
  std::vector<double> weights(problems), sums(rows.size());
  for (std::size_t draw = 0; draw < kBootstrapDraws; ++draw) {
    bootstrap_weights(static_cast<std::uint32_t>(draw), weights);
    blocks.weighted_sums(weights, sums);
    const double best = *std::max_element(sums.begin(), sums.end());
    const auto winners = std::count(sums.begin(), sums.end(), best);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (sums[i] == best) probability[rows[i]] += 1.0 / static_cast<double>(winners);
    }
  }
  for (double& share : probability) share /= static_cast<double>(kBootstrapDraws);
  return probability;
}

Choice choose_arm(std::span<const double> values, std::size_t arms, std::size_t reference,
                  std::span<const std::uint8_t> is_choose, std::span<const std::uint8_t> candidates,
                  double level, Range range) {
  const std::size_t problems = is_choose.size();
  WISK_ASSERT(values.size() == arms * problems && candidates.size() == arms && reference < arms);
  const auto side = [&](std::size_t arm, bool choosing) {
    std::vector<double> kept;
    for (std::size_t problem = 0; problem < problems; ++problem) {
      if ((is_choose[problem] != 0) == choosing) kept.push_back(values[arm * problems + problem]);
    }
    return kept;
  };
  const auto choosing =
      problems - static_cast<std::size_t>(std::count(is_choose.begin(), is_choose.end(), 0));
  if (choosing == 0 || choosing == problems) {
    throw InputError(
        "split of the problems", "problems on the choosing and on the reporting side",
        std::to_string(choosing) + " to choose on, " + std::to_string(problems - choosing) + " to report on");
  }
  if (std::all_of(candidates.begin(), candidates.end(), [](std::uint8_t marked) { return marked == 0; }))
    throw InputError("choice of an arm", "at least one candidate", "none");
  std::vector<std::size_t> rows;
  for (std::size_t arm = 0; arm < arms; ++arm) {
    if (candidates[arm] != 0 && !has_nan(values.subspan(arm * problems, problems))) rows.push_back(arm);
  }
  Choice choice{};
  choice.chosen = reference;
  double best = -std::numeric_limits<double>::infinity();
  for (const std::size_t arm : rows) {
    const std::vector<double> kept = side(arm, true);
    const double sum = std::accumulate(kept.begin(), kept.end(), 0.0);
    if (sum > best) {
      best = sum;
      choice.chosen = arm;
    }
  }
  if (rows.empty()) {
    const Estimate none = {kNaN, kNaN, kNaN};
    return {reference, none, none, none, none, kNaN};
  }
  const std::vector<double> chosen = side(choice.chosen, false), against = side(reference, false);
  choice.chosen_on_choose = mean_interval(side(choice.chosen, true), range, level);
  choice.chosen_on_report = mean_interval(chosen, range, level);
  choice.reference_on_report = mean_interval(against, range, level);
  choice.difference = paired_difference(chosen, against, range.high - range.low, level);
  choice.optimism = optimism_of_halves(values, problems, rows) / std::sqrt(2.0);
  return choice;
}

}  // namespace wisk::stats
