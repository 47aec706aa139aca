#pragma once
// Pass@k of a mixture of two arms at equal budget: k1 samples of arm A and k2 of arm B.

#include <cstdint>

namespace wisk::stats {

/// How the two arms fared at the sample numbers of one problem that both have. Samples with the same number
/// in arms of one run share their random numbers, so they are not independent.
struct JointCounts {
  std::int64_t n;             // sample numbers that both arms have
  std::int64_t both_wrong;    // of these, wrong in A and in B
  std::int64_t only_a_wrong;  // wrong in A, correct in B
  std::int64_t only_b_wrong;  // correct in A, wrong in B
};

/// Probability that at least one of k1 samples of A and k2 samples of B with *different* numbers is correct,
/// averaged exactly over all disjoint sets of k1 and k2 of the n numbers:
///   1 - sum over j of C(w, j) C(a, k1-j) C(w-j+b, k2) / (C(n, k1) C(n-k1, k2))
/// with w = both_wrong, a = only_a_wrong, b = only_b_wrong, and j of A's numbers among the w. An unbiased
/// estimate of the mixture of independent samples, as pass_at_k is for one arm (k2 = 0 is Pass@k1 of A);
/// swapping the arms changes nothing. Throws InputError unless k1, k2 >= 0, 1 <= k1 + k2 <= n and the counts
/// are non-negative with a sum of at most n.
double mixture_pass_at_k(const JointCounts& counts, std::int64_t k1, std::int64_t k2);

/// The same for arms whose random numbers are independent (different seeds): 1 - C(n_a-c_a, k1) / C(n_a, k1)
/// * C(n_b-c_b, k2) / C(n_b, k2). Throws InputError unless 0 <= c <= n and 0 <= k <= n for each arm and k1 +
/// k2 >= 1.
double independent_mixture_pass_at_k(std::int64_t n_a, std::int64_t c_a, std::int64_t n_b, std::int64_t c_b,
                                     std::int64_t k1, std::int64_t k2);

}  // namespace wisk::stats
