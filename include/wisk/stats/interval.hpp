#pragma once
// How sure a number is: 95 % intervals over problems.

#include <cstdint>
#include <span>
#include <string_view>

namespace wisk::stats {

inline constexpr double kIntervalLevel = 0.95;

/// What mean_with_interval computes, in words; stored beside the numbers.
inline constexpr std::string_view kIntervalMethod =
    "Wilson score interval with continuity correction, 95 %, over problems: P problems as trials, their mean "
    "as the "
    "share of successes";

/// A mean over problems and its 95 % interval; all NaN when there is none.
struct Estimate {
  double mean, low, high;
};

/// Wilson score interval with continuity correction (Newcombe 1998, Statistics in Medicine 17, 857-872,
/// method 4) of a share `mean` in 0..1 seen in `trials` trials, 95 % two-sided. Without the correction the
/// coverage falls to 0.85 for some shares near 0 and 1, and below 0.94 elsewhere; with it, it is at least
/// 0.945 for every share and every number of trials, at the price of about 1 / (2 trials) on each side.
/// Throws InputError when trials < 1 or mean is outside 0..1.
Estimate wilson_interval(double mean, std::int64_t trials);

/// Mean of values in 0..1, one a problem, with the Wilson interval for that many trials. Values in 0..1 with
/// mean p vary at most as much as zeros and ones do (variance <= p (1 - p), Bhatia and Davis 2000), so the
/// interval is the usual one for zeros and ones and too wide, never too narrow, for values between. NaN when
/// `values` is empty or holds a NaN: a mean over the problems that happen to be finished would be biased.
/// values: [P], summed in their order with compensation.
Estimate mean_with_interval(std::span<const double> values);

/// The t with P(T <= t) = probability for Student's t with `degrees` degrees of freedom, by inverting the
/// regularised incomplete beta function; relative error below 1e-9 up to 10^5 degrees. Needs 0 < probability
/// < 1, degrees > 0.
double student_t_quantile(double probability, double degrees);

/// Regularised incomplete beta function I_x(a, b) by its continued fraction (Numerical Recipes, section 6.4;
/// modified Lentz method). a, b > 0; 0 <= x <= 1.
double incomplete_beta(double a, double b, double x);

inline constexpr std::string_view kDifferenceMethod =
    "paired over problems: mean of the problems' differences, 95 % interval by Student's t";

/// Mean of (a[i] - b[i]) over the problems, with a 95 % interval by Student's t (P - 1 degrees of freedom).
/// Problems where either is NaN make it NaN. With fewer than two problems the interval is NaN.
/// a, b: [P].
Estimate paired_difference(std::span<const double> a, std::span<const double> b);

}  // namespace wisk::stats
