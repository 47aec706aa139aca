#include <wisk/stats/mixture.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <wisk/core/error.hpp>

#include "subsets.hpp"

namespace wisk::stats {
namespace {

constexpr const char* kWhere = "Pass@k of a mixture";

void check(const JointCounts& counts, std::int64_t k1, std::int64_t k2) {
  const auto [n, both, only_a, only_b] = counts;
  if (std::min({n, both, only_a, only_b}) < 0 || both + only_a + only_b > n) {
    throw InputError(kWhere, "counts of at least 0 that add up to at most n = " + std::to_string(n),
                     std::to_string(both) + " + " + std::to_string(only_a) + " + " + std::to_string(only_b));
  }
  if (k1 < 0 || k2 < 0 || k1 + k2 < 1 || k1 + k2 > n) {
    throw InputError(kWhere, "1 <= k1 + k2 <= n, n = " + std::to_string(n) + " samples",
                     "k1 = " + std::to_string(k1) + ", k2 = " + std::to_string(k2));
  }
}

/// Expectation of C(w + b - j, k2) / C(n - k1, k2) over j, hypergeometric: how many of k1 samples drawn from
/// w + a are among the w.
double all_of_b_wrong(const JointCounts& counts, std::int64_t k1, std::int64_t k2) {
  const auto [n, w, a, b] = counts;
  const std::int64_t least = std::max<std::int64_t>(0, k1 - a);
  const std::int64_t most = std::min(k1, w);
  const auto step = [=](std::int64_t j) {  // probability of j + 1 over that of j
    return static_cast<double>(w - j) * static_cast<double>(k1 - j) /
           (static_cast<double>(j + 1) * static_cast<double>(a - k1 + j + 1));
  };
  // From the mode outwards: relative to it, probabilities only fall, and none that matters underflows.
  const auto mode =
      std::clamp(static_cast<std::int64_t>(static_cast<double>(k1 + 1) * static_cast<double>(w + 1) /
                                           static_cast<double>(w + a + 2)),
                 least, most);
  std::vector<double> b_wrong = {share_within(w + b - least, n - k1, k2)};  // for j = least, ...
  for (std::int64_t j = least; j < most; ++j) {
    const auto left = static_cast<double>(w + b - j);
    b_wrong.push_back(b_wrong.back() * std::max(0.0, left - static_cast<double>(k2)) / left);
  }
  double weights = 0.0;
  double sum = 0.0;
  const auto add = [&](std::int64_t j, double weight) {
    weights += weight;
    sum += weight * b_wrong[static_cast<std::size_t>(j - least)];
  };
  constexpr double kNegligible = 1e-25;
  add(mode, 1.0);
  double weight = 1.0;
  for (std::int64_t j = mode; j < most && weight > kNegligible; ++j) add(j + 1, weight *= step(j));
  weight = 1.0;
  for (std::int64_t j = mode; j > least && weight > kNegligible; --j) add(j - 1, weight /= step(j - 1));
  return sum / weights;
}

double all_wrong(std::int64_t n, std::int64_t c, std::int64_t k) {
  if (c < 0 || c > n || k < 0 || k > n) {
    throw InputError(kWhere, "0 <= c <= n and 0 <= k <= n, n = " + std::to_string(n) + " samples",
                     "c = " + std::to_string(c) + ", k = " + std::to_string(k));
  }
  return share_within(n - c, n, k);
}

}  // namespace

double mixture_pass_at_k(const JointCounts& counts, std::int64_t k1, std::int64_t k2) {
  check(counts, k1, k2);
  const std::int64_t wrong_a = counts.both_wrong + counts.only_a_wrong;
  const std::int64_t wrong_b = counts.both_wrong + counts.only_b_wrong;
  if (k1 > wrong_a || k2 > wrong_b) return 1.0;
  return 1.0 - share_within(wrong_a, counts.n, k1) * all_of_b_wrong(counts, k1, k2);
}

double independent_mixture_pass_at_k(std::int64_t n_a, std::int64_t c_a, std::int64_t n_b, std::int64_t c_b,
                                     std::int64_t k1, std::int64_t k2) {
  const double value = 1.0 - all_wrong(n_a, c_a, k1) * all_wrong(n_b, c_b, k2);
  if (k1 + k2 < 1) throw InputError(kWhere, "k1 + k2 >= 1", "k1 = k2 = 0");
  return value;
}

}  // namespace wisk::stats
