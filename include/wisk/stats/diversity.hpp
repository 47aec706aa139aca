#pragma once
// How many different answers a problem's samples give.

#include <cstdint>
#include <span>
#include <vector>

namespace wisk::stats {

/// Expected number of distinct classes among k of the n samples, drawn without replacement: rarefaction,
/// Hurlbert 1971 (Ecology 52, 577-586), sum over classes of 1 - C(n-m, k) / C(n, k). Samples outside every
/// class (n - sum of sizes: those without an answer) count as none. Exact to 1e-12 for the sum.
/// class_sizes: any order, zeros allowed; result: one value per entry of k. Throws InputError when a k < 1 or
/// > n, a size is negative, or the sizes exceed n.
std::vector<double> distinct_at_k(std::span<const std::int64_t> class_sizes, std::int64_t n,
                                  std::span<const std::int64_t> k);

/// Entropy of the answers' distribution in nats, corrected for classes not yet seen: Chao, Wang and Jost 2013
/// (Methods in Ecology and Evolution 4, 1091-1100), with n the sum of the sizes m, f1 and f2 the numbers of
/// classes seen once and twice, A = 2 f2 / ((n-1) f1 + 2 f2), or 2 / ((n-1) (f1-1) + 2) where f2 = 0:
///   sum m/n (1/m + ... + 1/(n-1)) + f1/n (1-A)^(1-n) (-ln A - sum_{r<n} (1-A)^r / r)
/// The plain estimate, -sum p log p, is too low by about (classes - 1) / (2 n). 0 when there is no answer or
/// one class only. class_sizes: any order, zeros allowed. Throws InputError when a size is negative.
double answer_entropy(std::span<const std::int64_t> class_sizes);

}  // namespace wisk::stats
