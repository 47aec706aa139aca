#pragma once
// Mean and spread of Pass@1 over problems, and what they allow Pass@k to be.

#include <cstdint>
#include <span>

namespace wisk::stats {

/// Of a problem's true Pass@1 over the problems.
struct BiasVariance {
  double mean;
  double variance;  // without the noise of sampling; unbiased, so it may be negative
};

/// Mean of p = c / n, and the variance of the true Pass@1 over problems: the sample variance of p (divisor
/// P - 1) minus the mean over problems of p (1 - p) / (n - 1), which is the unbiased estimate of p's sampling
/// variance. Unbiased for the population that the problems are drawn from; negative when problems differ less
/// than the sampling noise does by chance.
/// n, c: [P]; weights: [P] or empty: how often each problem counts (a bootstrap's; their sum stands for P).
/// Both NaN when a problem that counts has no sample; the variance is NaN when one has a single sample, or
/// when the weights' sum is at most 1. Throws InputError when c is outside 0..n or a weight is negative.
BiasVariance bias_variance(std::span<const std::int64_t> n, std::span<const std::int64_t> c,
                           std::span<const double> weights = {});

/// Upper bound on the mean Pass@k: 1 - ((1 - mean)^2 + variance)^(k/2) (Dang et al., arXiv 2504.10478), by
/// Jensen's inequality on E (1 - p)^k; an equality at k = 2 in terms of the true moments, loose by up to 0.8
/// at k = 32: it explains, it never ranks. With estimated moments the sum in the bracket is kept within 0..1.
/// Throws InputError when k < 2, where it does not hold.
double pass_at_k_bound(const BiasVariance& moments, std::int64_t k);

}  // namespace wisk::stats
