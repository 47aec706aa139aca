#pragma once
// Subsets of a problem's samples: checks and shares that the estimators have in common.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include <wisk/core/error.hpp>

namespace wisk::stats {

/// Throws InputError unless every k is in 1..n.
inline void check_subset_sizes(const std::string& where, std::int64_t n, std::span<const std::int64_t> k) {
  for (const std::int64_t size : k) {
    if (size < 1 || size > n) {
      throw InputError(where, "1 <= k <= n, n = " + std::to_string(n) + " samples",
                       "k = " + std::to_string(size));
    }
  }
}

/// C(m, k) / C(n, k), the share of the k-subsets of n samples that lie within m of them, as a product of
/// min(k, n - m) factors. 0 <= m <= n, 0 <= k <= n.
inline double share_within(std::int64_t m, std::int64_t n, std::int64_t k) {
  if (k > m) return 0.0;
  const std::int64_t fewer = std::min(k, n - m);  // the share is symmetric in k and n - m
  const std::int64_t more = std::max(k, n - m);
  double share = 1.0;
  for (std::int64_t i = 0; i < fewer; ++i) {
    share *= static_cast<double>(n - more - i) / static_cast<double>(n - i);
  }
  return share;
}

}  // namespace wisk::stats
