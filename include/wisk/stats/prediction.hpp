#pragma once
// Predictions from a fit of the problems' difficulty. Who shows them marks them as predictions.

#include <cstdint>
#include <span>
#include <vector>

namespace wisk::stats {

/// A zero-inflated beta distribution of a problem's true Pass@1: exactly 0 with probability zero_share, else
/// Beta(alpha, beta).
struct DifficultyFit {
  double zero_share, alpha, beta;
  double log_likelihood;  // of the counts of correct samples, in nats
  bool converged;
};

/// Maximum-likelihood fit to the problems' counts: zero-inflated beta-binomial (beta-binomial: Skellam 1948,
/// J. R. Stat. Soc. B 10, 257-261). alpha + beta stays within 1e-3..1e6 and alpha / (alpha + beta) within
/// 1e-6..1 - 1e-6. At the edges, where the likelihood has no maximum within: all samples wrong gives
/// zero_share 1 (alpha = beta = 1), all correct gives beta = 0 (alpha = 1): a point at 1; problems without
/// spread give alpha + beta near its limit. Problems with n = 0 say nothing and are left out; without any
/// problem, zero_share is NaN and `converged` false. n, c: [P]; weights: [P] or empty: how often each problem
/// counts. Throws InputError when c is outside 0..n or a weight is negative.
DifficultyFit fit_difficulty(std::span<const std::int64_t> n, std::span<const std::int64_t> c,
                             std::span<const double> weights = {});

/// Chances of 0..n correct samples of a problem under the fit. [n + 1]
std::vector<double> correct_chances(const DifficultyFit& fit, std::int64_t n);

/// Mean Pass@k over problems under the fit, for any k >= 1, also beyond the samples taken:
/// (1 - zero_share) (1 - prod_{i<k} (beta + i) / (alpha + beta + i)). Throws InputError when k < 1.
double predicted_pass_at_k(const DifficultyFit& fit, std::int64_t k);

/// Expected half width of the interval of mean Pass@k, `problems` problems with n samples each: normal
/// quantile of `level` times sqrt(variance / problems), with the variance over problems of the unbiased
/// estimate (draw of the problem and of its samples), exact under the fit. Throws InputError unless
/// problems >= 1, 1 <= k <= n and 0 < level < 1.
double expected_half_width(const DifficultyFit& fit, std::int64_t problems, std::int64_t n, std::int64_t k,
                           double level = 0.95);

}  // namespace wisk::stats
