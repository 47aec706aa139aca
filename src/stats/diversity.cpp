#include <wisk/stats/diversity.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <wisk/core/error.hpp>

#include "subsets.hpp"

namespace wisk::stats {
namespace {

/// Sum of the sizes; throws InputError when one is negative.
std::int64_t total_of(const std::string& where, std::span<const std::int64_t> class_sizes) {
  std::int64_t total = 0;
  for (const std::int64_t size : class_sizes) {
    if (size < 0) throw InputError(where, "class sizes of at least 0", std::to_string(size));
    total += size;
  }
  return total;
}

/// sum over j >= 0 of q^(j+1) / (n + j) = q^(1-n) (-ln(1-q) - sum over r < n of q^r / r) with q = 1 - share,
/// 0 < share < 1.
double tail_of_logarithm(double share, std::int64_t n) {
  const double q = 1.0 - share;
  double sum = 0.0;
  if (static_cast<double>(n) * share < 1.0) {  // the series is long, but the difference loses no digits
    double power = 1.0;
    for (std::int64_t r = 1; r < n; ++r) {
      power *= q;
      sum += power / static_cast<double>(r);
    }
    return (-std::log(share) - sum) / power;
  }
  double power = q;
  for (std::int64_t j = 0; power > 1e-17 * sum * share; ++j, power *= q) {
    sum += power / static_cast<double>(n + j);
  }
  return sum;
}

/// What the classes not seen add: the second part of the formula.
double unseen_entropy(std::int64_t n, std::int64_t once, std::int64_t twice) {
  if (once == 0 || n < 2) return 0.0;
  const auto total = static_cast<double>(n);
  const auto f1 = static_cast<double>(once);
  const auto f2 = static_cast<double>(twice);
  // The paper's A: the estimated mean share of the samples that a class seen once has, from Good and Turing.
  const double share =
      twice > 0 ? 2.0 * f2 / ((total - 1.0) * f1 + 2.0 * f2) : 2.0 / ((total - 1.0) * (f1 - 1.0) + 2.0);
  return share < 1.0 ? f1 / total * tail_of_logarithm(share, n) : 0.0;
}

}  // namespace

std::vector<double> distinct_at_k(std::span<const std::int64_t> class_sizes, std::int64_t n,
                                  std::span<const std::int64_t> k) {
  check_subset_sizes("distinct answers", n, k);
  const std::int64_t total = total_of("distinct answers", class_sizes);
  if (total > n) {
    throw InputError("distinct answers", "classes of at most n = " + std::to_string(n) + " samples together",
                     std::to_string(total));
  }
  std::vector<double> values;
  for (const std::int64_t subset : k) {
    double value = 0.0;
    for (const std::int64_t size : class_sizes) value += 1.0 - share_within(n - size, n, subset);
    values.push_back(value);
  }
  return values;
}

double answer_entropy(std::span<const std::int64_t> class_sizes) {
  const std::int64_t n = total_of("entropy of answers", class_sizes);
  std::vector<std::int64_t> sizes(class_sizes.begin(), class_sizes.end());
  std::sort(sizes.rbegin(), sizes.rend());
  double entropy = 0.0;
  double harmonic = 0.0;  // 1/m + ... + 1/(n-1) for the size m at hand
  std::int64_t reached = n;
  for (const std::int64_t size : sizes) {
    if (size == 0) break;
    while (reached > size) harmonic += 1.0 / static_cast<double>(--reached);
    entropy += static_cast<double>(size) / static_cast<double>(n) * harmonic;
  }
  return entropy + unseen_entropy(n, std::count(sizes.begin(), sizes.end(), 1),
                                  std::count(sizes.begin(), sizes.end(), 2));
}

}  // namespace wisk::stats
