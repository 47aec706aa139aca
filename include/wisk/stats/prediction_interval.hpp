#pragma once
// How far a prediction may be off, as long as the form of its fit is right.

#include <cstdint>
#include <span>
#include <vector>

#include <wisk/stats/interval.hpp>
#include <wisk/stats/prediction.hpp>

namespace wisk::stats {

/// Random refits that an interval is made of.
inline constexpr std::uint32_t kRefits = 200;

/// predicted_pass_at_k of the fit to the problems' counts, with the percentiles of kRefits fits under weights
/// of the Bayesian bootstrap over problems (Rubin 1981). It says how sure the fit is, not whether problems
/// are distributed as it supposes. Deterministic. n, c: [P]; k: any; result: one a k, NaN without problems,
/// no interval of a single one.
std::vector<Estimate> predicted_with_interval(std::span<const std::int64_t> n,
                                              std::span<const std::int64_t> c,
                                              std::span<const std::int64_t> k, double level);

/// What mean_interval of Pass@k will be like: the means of its mean and its ends over kSupposedRuns random
/// problem sets of `problems` problems under the fit, n samples each. Unlike expected_half_width it holds for
/// few problems and near 0 and 1. k: [K], none above n; result: [K]. Deterministic.
std::vector<Estimate> expected_intervals(const DifficultyFit& fit, std::int64_t problems, std::int64_t n,
                                         std::span<const std::int64_t> k, double level = kIntervalLevel);
inline constexpr std::uint32_t kSupposedRuns = 200;

}  // namespace wisk::stats
