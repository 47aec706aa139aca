#pragma once
// Majority@k: how often the answer that most of k samples give is correct.

#include <cstdint>
#include <span>
#include <vector>

namespace wisk::stats {

/// Samples of one problem whose answers are equivalent (`1/2` and `0.5` are one class).
struct AnswerClass {
  std::int64_t votes;
  bool correct;
};

/// Majority@k: the expectation, over all k-subsets of a problem's n samples, of the share of the winning vote
/// that is correct. Classes tied for the most votes share the vote equally; samples without an answer
/// (n - sum of votes) don't vote; a subset without votes counts 0. Exact to about 1e-13 for n up to 16,000,
/// no random draws. Formula and cost: docs/statistics.md, Majority@k.
/// classes: any order, classes without votes allowed; several may be correct; k: any order; result: one value
/// per entry of k. Throws InputError when a k < 1 or > n, a class has negative votes, or the votes exceed n.
std::vector<double> majority_at_k(std::span<const AnswerClass> classes, std::int64_t n,
                                  std::span<const std::int64_t> k);

/// One sample with its answer's class (any numbers; below 0: no answer, no vote), the weight of its vote (a
/// score; may be negative) and whether the answer is correct (an answer is taken as its first vote says).
struct Vote {
  std::int32_t answer;
  double weight;
  bool correct;
};

struct WeightedValue {
  double value;
  double error;  // standard error of the Monte Carlo; 0 where the value is exact
};

/// Random orders of the samples that the Monte Carlo of weighted_majority_at_k averages over.
inline constexpr int kWeightedDraws = 512;
/// Up to this many subsets of size k are enumerated instead.
inline constexpr double kWeightedSubsets = 20'000;

/// Majority@k with weights: as majority_at_k, but an answer's vote in a subset is the sum of its samples'
/// weights, and answers with at least one sample in the subset compete. Sums closer than 1e-12 of the sum of
/// all |weights| are tied. Exact where no answer or every answer is correct, where all weights are equal and
/// positive, and where there are at most kWeightedSubsets subsets; else the mean over kWeightedDraws random
/// orders, the first k of each, drawn by Philox from `seed` alone, with its standard error (at least
/// 1 / kWeightedDraws, as equal draws don't prove that all are).
/// votes: [n]; result: one per entry of k. Throws InputError when a k < 1 or > n, or a weight is not finite.
std::vector<WeightedValue> weighted_majority_at_k(std::span<const Vote> votes,
                                                  std::span<const std::int64_t> k, std::uint64_t seed);

}  // namespace wisk::stats
