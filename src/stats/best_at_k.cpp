#include <wisk/stats/best_at_k.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

#include "subsets.hpp"

namespace wisk::stats {
namespace {

/// Correctness of the samples in falling order of score; tied ones have the mean of theirs. [n]
std::vector<double> correctness_by_rank(std::span<const double> score,
                                        std::span<const std::uint8_t> correct) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return score[a] > score[b]; });
  std::vector<double> by_rank(score.size());
  for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
    std::int64_t tied_correct = 0;
    for (; end < order.size() && score[order[end]] == score[order[first]]; ++end) {
      tied_correct += correct[order[end]] != 0;
    }
    std::fill(by_rank.begin() + static_cast<std::ptrdiff_t>(first),
              by_rank.begin() + static_cast<std::ptrdiff_t>(end),
              static_cast<double>(tied_correct) / static_cast<double>(end - first));
  }
  return by_rank;
}

}  // namespace

std::vector<double> best_at_k(std::span<const double> score, std::span<const std::uint8_t> correct,
                              std::span<const std::int64_t> k) {
  WISK_ASSERT(score.size() == correct.size());
  const auto n = static_cast<std::int64_t>(score.size());
  check_subset_sizes("Best@k", n, k);
  const auto gap = std::find_if(score.begin(), score.end(), [](double value) { return std::isnan(value); });
  if (gap != score.end()) {
    throw InputError(
        "Best@k", "a score for each of the " + std::to_string(n) + " samples",
        "none for sample " + std::to_string(gap - score.begin()) + " (a score column with gaps)");
  }
  const std::vector<double> by_rank = correctness_by_rank(score, correct);
  std::vector<double> values;
  for (const std::int64_t size : k) {
    double value = 0.0;
    double none_better = 1.0;  // probability that none of the samples before this rank is drawn
    for (std::int64_t rank = 0; rank <= n - size; ++rank) {
      const double drawn = static_cast<double>(size) / static_cast<double>(n - rank);
      value += none_better * drawn * by_rank[static_cast<std::size_t>(rank)];
      none_better *= static_cast<double>(n - rank - size) / static_cast<double>(n - rank);
    }
    values.push_back(std::min(value, 1.0));
  }
  return values;
}

}  // namespace wisk::stats
