#pragma once
// Pass@k: the probability that at least one of k samples of a problem is correct.

#include <cstdint>
#include <span>
#include <vector>

namespace wisk::stats {

/// Unbiased estimate of Pass@k from n samples of which c are correct: 1 - C(n-c, k) / C(n, k)
/// (Chen et al. 2021, arXiv 2107.03374, eq. 1), as a product of min(k, c) factors: no binomial is formed, and
/// the result is within 1e-12 of the exact rational for every n up to 10^4. Throws InputError when k < 1, k >
/// n, c < 0 or c > n.
double pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k);

/// Pass@k of each problem; NaN where the problem has fewer than k samples.
/// n, c: [P]; result: [P].
std::vector<double> pass_at_k_of_problems(std::span<const std::int64_t> n, std::span<const std::int64_t> c,
                                          std::int64_t k);

}  // namespace wisk::stats
