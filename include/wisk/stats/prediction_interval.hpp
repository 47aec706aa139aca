#pragma once
// How far a prediction may be off, as long as the form of its fit is right.

#include <cstdint>
#include <span>
#include <vector>

#include <wisk/stats/interval.hpp>

namespace wisk::stats {

/// Random refits that an interval is made of.
inline constexpr std::uint32_t kRefits = 200;

/// predicted_pass_at_k of the fit to the problems' counts, with the percentiles of kRefits fits under weights
/// of the Bayesian bootstrap over problems (Rubin 1981). It says how sure the fit is, not whether problems
/// are distributed as it supposes. Deterministic. n, c: [P]; k: any; result: one a k, NaN without problems.
std::vector<Estimate> predicted_with_interval(std::span<const std::int64_t> n,
                                              std::span<const std::int64_t> c,
                                              std::span<const std::int64_t> k, double level);

}  // namespace wisk::stats
