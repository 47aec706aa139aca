#pragma once
// Rational arithmetic over all subsets, to judge the estimators by.

#include <gmpxx.h>

#include <bit>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

namespace wisk::stats {

/// Mean of value(subset) over all k-subsets of n samples; a subset is a mask of n bits.
inline double mean_over_subsets(int n, int k, const std::function<mpq_class(unsigned)>& value) {
  mpq_class sum = 0;
  int subsets = 0;
  for (unsigned subset = 0; subset < (1u << n); ++subset) {
    if (std::popcount(subset) != k) continue;
    sum += value(subset);
    ++subsets;
  }
  return mpq_class(sum / subsets).get_d();
}

/// Random integers of a test.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  /// 0..limit-1.
  std::int64_t below(std::int64_t limit) {
    return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(limit));
  }
  double uniform() { return std::uniform_real_distribution<double>()(engine_); }
  std::mt19937_64& engine() { return engine_; }

 private:
  std::mt19937_64 engine_;
};

/// 1..n.
inline std::vector<std::int64_t> all_sizes(std::int64_t n) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t k = 1; k <= n; ++k) sizes.push_back(k);
  return sizes;
}

}  // namespace wisk::stats
