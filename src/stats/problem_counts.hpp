#pragma once
// Checks of the counts of several problems.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

namespace wisk::stats {

/// Throws InputError unless 0 <= c <= n and every weight is at least 0. n, c: [P]; weights: [P] or empty.
inline void check_problem_counts(const std::string& where, std::span<const std::int64_t> n,
                                 std::span<const std::int64_t> c, std::span<const double> weights) {
  WISK_ASSERT(n.size() == c.size() && (weights.empty() || weights.size() == n.size()));
  for (std::size_t i = 0; i < n.size(); ++i) {
    if (c[i] < 0 || c[i] > n[i]) {
      throw InputError(where, "0 <= c <= n, n = " + std::to_string(n[i]) + " samples",
                       "c = " + std::to_string(c[i]) + " correct");
    }
    if (!weights.empty() && !(weights[i] >= 0.0)) {
      throw InputError(where, "weights of at least 0", std::to_string(weights[i]));
    }
  }
}

}  // namespace wisk::stats
