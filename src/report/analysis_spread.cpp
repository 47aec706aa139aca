// How the problems' Pass@1 spread, and the bound that it sets.

#include <wisk/stats/bias_variance.hpp>

#include "columns.hpp"

namespace wisk::report {
namespace {

using stats::Cell;
using stats::Estimate;
using stats::Samples;

std::vector<std::int64_t> counts_of(const std::vector<std::int64_t>& table, std::size_t arm,
                                    std::size_t problems) {
  const auto begin = table.begin() + static_cast<std::ptrdiff_t>(arm * problems);
  return {begin, begin + static_cast<std::ptrdiff_t>(problems)};
}

/// A number of the mean and variance of Pass@1, with an interval that allows for problems that nobody has
/// seen: one never and one always solved, of half a problem's weight each. n, c: [P], n at least 2.
template <class Of>
Estimate moments_interval(std::vector<std::int64_t> n, std::vector<std::int64_t> c, double level, Of of) {
  const std::size_t problems = n.size();
  const std::int64_t most = *std::max_element(n.begin(), n.end());
  n.insert(n.end(), {most, most});
  c.insert(c.end(), {0, most});
  return stats::functional_interval(
      problems, [&](std::span<const double> weights) { return of(stats::bias_variance(n, c, weights)); },
      level, stats::Unseen::kBothEnds);
}

}  // namespace

void add_spread(Columns& columns, const Analysis& analysis, const Samples& samples) {
  const std::size_t problems = samples.problems;
  columns.add_share("mean_pass_at_1", "mean Pass@1", "spread", "mean over problems; 1 minus it is the bias",
                    [&](const Cell& cell) { return stats::count(samples, cell, Verdict::kCorrect); });
  columns.add("variance_pass_at_1", "variance of Pass@1", "", "spread",
              "over problems, without the sampling noise of n samples (unbiased, so it can fall below 0)",
              [&](std::size_t arm) {
                const auto n = counts_of(analysis.results.n, arm, problems),
                           c = counts_of(analysis.results.c, arm, problems);
                if (std::any_of(n.begin(), n.end(), [](std::int64_t each) { return each < 2; }))
                  return Estimate{kNaN, kNaN, kNaN};
                return moments_interval(n, c, analysis.level,
                                        [](const auto& moments) { return moments.variance; });
              });
}

std::vector<Estimate> bounds_of(const Analysis& analysis, const Samples& samples) {
  std::vector<Estimate> bounds;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const auto n = counts_of(analysis.results.n, arm, samples.problems),
               c = counts_of(analysis.results.c, arm, samples.problems);
    if (std::any_of(n.begin(), n.end(), [](std::int64_t each) { return each < 2; })) {
      bounds.insert(bounds.end(), analysis.k.size(), {kNaN, kNaN, kNaN});
      continue;
    }
    // The bound falls in (1 - mean)^2 + variance, whatever k: one interval of that is one of every bound.
    const Estimate bracket = moments_interval(n, c, analysis.level, [](const auto& moments) {
      return (1 - moments.mean) * (1 - moments.mean) + moments.variance;
    });
    for (const std::int64_t k : analysis.k) {
      const auto bound = [k](double of) {
        return k < 2 || std::isnan(of) ? kNaN : stats::pass_at_k_bound({1, of}, k);
      };
      bounds.push_back({bound(bracket.mean), bound(bracket.high), bound(bracket.low)});
    }
  }
  return bounds;
}

}  // namespace wisk::report
