#pragma once
// Best@k: how often the sample that a score prefers among k is correct.

#include <cstdint>
#include <span>
#include <vector>

namespace wisk::stats {

/// Best@k: the expected correctness of the sample with the highest score among k of the n samples drawn
/// without replacement; samples with tied scores are averaged. With the samples in falling order of score,
/// the b-th (from 0) is the best of the k with probability C(n-b-1, k-1) / C(n, k); tied samples share
/// theirs. score, correct: [n], correct 0 or 1; result: one value per entry of k. Throws InputError when a
/// score is NaN (infinite ones are ordered), or a k < 1 or > n.
std::vector<double> best_at_k(std::span<const double> score, std::span<const std::uint8_t> correct,
                              std::span<const std::int64_t> k);

}  // namespace wisk::stats
