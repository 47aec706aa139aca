#pragma once
// Is one arm better than another, and which is the best: paired over problems.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <wisk/stats/interval.hpp>

namespace wisk::stats {

/// Tests whether differences over the same problems have mean 0, by flipping their signs: if swapping the two
/// arms on any problem changes nothing, each sign is as likely as the other (Fisher 1935, The Design of
/// Experiments, section 21). Holds for any number of problems, with ties and any distribution of differences.
/// Holds the signs of all flips (1.2 kB a problem); const calls are thread-safe.
class SignFlipTest {
 public:
  explicit SignFlipTest(std::size_t problems);

  /// Two-sided p-value of "the mean difference is 0". Every flip is counted when at most 16 differences are
  /// not 0; else kFlips flips, the same for every call, and (b + 1) / (kFlips + 1), which is a valid p-value
  /// too (Phipson and Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9, 39). 1 when
  /// all differences are 0, NaN when one is NaN or there is none. differences: [P].
  [[nodiscard]] double p_value(std::span<const double> differences) const;

  [[nodiscard]] std::size_t problems() const { return problems_; }

  static constexpr std::size_t kFlips = 9999;
  static constexpr std::size_t kExact = 16;

 private:
  std::size_t problems_;
  std::vector<std::uint8_t> signs_;  // [ceil(P / 8), kFlips], bit j: the sign of problem 8 i + j
};

/// SignFlipTest for one list of differences.
double sign_flip_p_value(std::span<const double> differences);

/// p-values adjusted for their number by Holm's method (1979, Scandinavian Journal of Statistics 6, 65-70):
/// rejecting those below a level errs anywhere at most with that probability, however they depend on each
/// other. NaN stays NaN and does not count. [T] to [T], in the same order.
std::vector<double> holm(std::span<const double> p_values);

/// Probability of each arm to have the largest mean over the population of problems: its share of 4,000 draws
/// of the Bayesian bootstrap over problems (Rubin 1981) with the same weights for every arm, so paired; equal
/// arms share. Sums to 1. An arm with a NaN has 0 and is left out. values: [A, P], result: [A].
std::vector<double> best_probability(std::span<const double> values, std::size_t arms);

/// An arm chosen on some problems and reported on the others.
struct Choice {
  std::size_t chosen;
  /// On the choosing problems its number flatters it; on the others it is honest.
  Estimate chosen_on_choose, chosen_on_report, reference_on_report;
  Estimate difference;  // chosen - reference on the reporting problems, paired
  /// Expected excess of the best arm's mean over the true mean of that arm, when it is chosen and reported on
  /// all problems (the naive choice).
  double optimism;
};

/// The candidate with the largest mean over the problems marked in `is_choose` (the first of equals), and its
/// numbers on the rest. The optimism is found by splitting all problems into random halves 1,000 times: mean
/// of the best candidate on one half less its mean on the other, over the square root of 2 as there are twice
/// the problems. Throws InputError when a side has no problem or no candidate is marked. Candidates with a
/// NaN are never chosen; when all have one, everything is NaN and the reference chosen. values: [A, P] in
/// `range`; is_choose: [P]; candidates: [A].
Choice choose_arm(std::span<const double> values, std::size_t arms, std::size_t reference,
                  std::span<const std::uint8_t> is_choose, std::span<const std::uint8_t> candidates,
                  double level = kIntervalLevel, Range range = {0.0, 1.0});

}  // namespace wisk::stats
