#include <wisk/stats/pass_at_k.hpp>

#include <algorithm>
#include <limits>
#include <string>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

namespace wisk::stats {

double pass_at_k(std::int64_t n, std::int64_t c, std::int64_t k) {
  if (k < 1 || k > n) {
    throw InputError("Pass@k", "1 <= k <= n, n = " + std::to_string(n) + " samples",
                     "k = " + std::to_string(k));
  }
  if (c < 0 || c > n) {
    throw InputError("Pass@k", "0 <= c <= n, n = " + std::to_string(n) + " samples",
                     "c = " + std::to_string(c) + " correct");
  }
  const auto total = static_cast<double>(n);
  // C(n-c, k) / C(n, k) is symmetric in c and k, so the shorter product will do; with one factor the division
  // is the exact quotient rounded once.
  const std::int64_t fewer = std::min(c, k);
  const std::int64_t more = std::max(c, k);
  if (fewer == 0) return 0.0;
  if (n - c < k) return 1.0;
  if (fewer == 1) return static_cast<double>(more) / total;
  double all_wrong = 1.0;
  for (std::int64_t i = 0; i < fewer; ++i) {
    all_wrong *= static_cast<double>(n - more - i) / static_cast<double>(n - i);
  }
  return 1.0 - all_wrong;
}

std::vector<double> pass_at_k_of_problems(std::span<const std::int64_t> n, std::span<const std::int64_t> c,
                                          std::int64_t k) {
  WISK_ASSERT(n.size() == c.size());
  std::vector<double> values(n.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < n.size(); ++i) {
    if (n[i] >= k) values[i] = pass_at_k(n[i], c[i], k);
  }
  return values;
}

}  // namespace wisk::stats
