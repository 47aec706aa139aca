#pragma once
// How sure a number is: intervals over problems.

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

namespace wisk::stats {

/// The level of an interval where none is asked for.
inline constexpr double kIntervalLevel = 0.95;

/// A number over problems and its interval; all NaN when there is none.
struct Estimate {
  double mean, low, high;
};

/// The least and the largest value that one problem can have, seen or not: {0, 1}, {-1, 1}, {0, max_tokens}.
struct Range {
  double low, high;
};

/// What mean_interval computes, in words; stored beside the numbers.
extern const std::string_view kIntervalMethod;

/// Mean of values, one a problem, and its two-sided interval at `level` for the mean over the population that
/// the problems were drawn from. It covers the draw of the problems and, as long as a problem's value is an
/// unbiased estimate from its samples, the draw of the samples: both are in the spread of the values.
///
/// Each end is a quantile of the mean under Dirichlet weights of 1 a problem (Rubin 1981, Annals of
/// Statistics 9, 130-134) plus a mass of at most 1 at one end of the range, so that the interval is
/// second-order correct where much was seen and exact where little was: zeros and ones, and values that are
/// all equal, give Clopper and Pearson's interval or a little less; mass 1 is Gaffke's bound (2005;
/// Learned-Miller and Thomas 2019, arXiv 1905.06208), which is the widest that it gets. docs/statistics.md
/// derives the mass and shows the coverage. NaN when `values` is empty or holds a NaN: a mean over the
/// problems that happen to be finished would be biased. Throws InputError when a value is outside `range`.
/// values: [P], summed in their order with compensation.
Estimate mean_interval(std::span<const double> values, Range range = {0.0, 1.0},
                       double level = kIntervalLevel);

extern const std::string_view kDifferenceMethod;

/// Mean of a[i] - b[i] over the problems and its interval, paired over problems; a difference can reach from
/// -width to width. Gains (the positive part of a difference) and losses have each an interval as
/// mean_interval has, with less weight on unseen problems; their ends add in squares with the correlation of
/// gains and losses (MOVER: Zou and Donner 2008). So it holds when nearly all differences are 0, where
/// Student's t fails. NaN when a problem is NaN in either. a, b: [P].
Estimate paired_difference(std::span<const double> a, std::span<const double> b, double width = 1.0,
                           double level = kIntervalLevel);

/// sum_i weights[i] * mean[i] of independent estimates, with an interval at the level of theirs (MOVER: Zou
/// and Donner 2008, Statistics in Medicine 27, 1693-1702, eq. 3): the distances from the means to the ends
/// that count add in squares, side by side, so that it stays as skewed as its parts. For pooling tasks.
/// estimates, weights: [E].
Estimate weighted_sum(std::span<const Estimate> estimates, std::span<const double> weights);

/// Which problems the draws of functional_interval weigh.
enum class Unseen {
  kNone,      // those seen
  kBothEnds,  // those, and again with two more: the caller lets the last two weights belong to the least and
              // the largest value that a problem can have. The interval is the hull of both
};

/// Any functional of the distribution of problems (a variance, a quantile, a bound) and its interval:
/// percentiles over 2,000 draws of the Bayesian bootstrap (Rubin 1981), the levels moved for the bias and the
/// skewness of the draws as BCa does (Efron 1987, JASA 82, 171-185; by 2 z0 - a, as exponential weights have
/// twice the skewness of multinomial ones) and widened as Student's t is. With kBothEnds the two added
/// problems have mass 1/2 each in half of the draws and weight 0 in the estimate: for few problems that are
/// much alike, where those alone would undercover (docs/statistics.md). `functional` gets one weight a
/// problem ([P], or [P + 2] with kBothEnds), 0 or more, that sum to P; all 1 for the estimate itself. It is
/// called about 2,000 + P times, twice with kBothEnds. Deterministic. All NaN when there is no problem or the
/// estimate is NaN; draws that give NaN are left out.
Estimate functional_interval(std::size_t problems,
                             const std::function<double(std::span<const double> weights)>& functional,
                             double level = kIntervalLevel, Unseen unseen = Unseen::kNone);

}  // namespace wisk::stats
