#include <wisk/stats/best_at_k.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <wisk/core/error.hpp>
#include <wisk/stats/pass_at_k.hpp>

#include "exact.hpp"

namespace wisk::stats {
namespace {

TEST(BestAtK, EqualsRationalEnumerationOfAllSubsets) {
  Random random(21);
  for (int trial = 0; trial < 2000; ++trial) {
    const int n = 1 + static_cast<int>(random.below(trial % 50 == 0 ? 12 : 8));
    std::vector<double> score;
    std::vector<std::uint8_t> correct;
    for (int i = 0; i < n; ++i) {
      score.push_back(-0.1 * static_cast<double>(random.below(1 + n / 2 * (1 + trial % 3))));
      correct.push_back(static_cast<std::uint8_t>(random.below(2)));
    }
    const auto values = best_at_k(score, correct, all_sizes(n));
    for (int k = 1; k <= n; ++k) {
      const double exact = mean_over_subsets(n, k, [&](unsigned subset) {
        double highest = -1e300;
        int tied = 0, right = 0;
        for (std::size_t i = 0; i < score.size(); ++i) {
          if ((subset >> i & 1u) != 0) highest = std::max(highest, score[i]);
        }
        for (std::size_t i = 0; i < score.size(); ++i) {
          if ((subset >> i & 1u) == 0 || score[i] != highest) continue;
          ++tied;
          right += correct[i];
        }
        return mpq_class(right, tied);
      });
      ASSERT_NEAR(values[static_cast<std::size_t>(k - 1)], exact, 1e-14) << "n=" << n << " k=" << k;
    }
  }
}

TEST(BestAtK, LargeIdentities) {
  Random random(22);
  for (const std::int64_t n : {64, 1024, 10'000}) {
    std::vector<double> score, equal;
    std::vector<std::uint8_t> correct;
    for (std::int64_t i = 0; i < n; ++i) {
      score.push_back(random.uniform());
      correct.push_back(random.below(3) == 0);
      equal.push_back(-7.0);
    }
    const std::int64_t right = std::count(correct.begin(), correct.end(), 1);
    const double mean = static_cast<double>(right) / static_cast<double>(n);
    const std::vector<std::int64_t> sizes = {1, n, n / 3, 7};
    const auto values = best_at_k(score, correct, sizes);
    EXPECT_NEAR(values[0], mean, 1e-12);
    const auto best = std::max_element(score.begin(), score.end()) - score.begin();
    EXPECT_NEAR(values[1], correct[static_cast<std::size_t>(best)], 1e-12);
    // A score that tells nothing is a random choice; one that tells correctness finds what Pass@k finds.
    for (const double value : best_at_k(equal, correct, sizes)) EXPECT_NEAR(value, mean, 1e-12);
    const auto oracle = best_at_k(std::vector<double>(correct.begin(), correct.end()), correct, sizes);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      EXPECT_NEAR(oracle[i], pass_at_k(n, right, sizes[i]), 1e-12);
    }
  }
}

TEST(BestAtK, GapsAndImpossibleSizesAreInputErrors) {
  const std::vector<std::uint8_t> correct = {1, 0, 1};
  const std::vector<std::int64_t> two = {2};
  try {
    best_at_k(std::vector<double>{1.0, 2.0, std::nan("")}, correct, two);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("sample 2"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("a score column with gaps"), std::string::npos);
  }
  EXPECT_THROW(best_at_k(std::vector<double>{1, 2, 3}, correct, std::vector<std::int64_t>{4}), InputError);
  EXPECT_THROW(best_at_k(std::vector<double>{1, 2, 3}, correct, std::vector<std::int64_t>{0}), InputError);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(
      best_at_k(std::vector<double>{-infinity, -infinity, 0.0}, correct, std::vector<std::int64_t>{3})[0],
      1.0);
}

}  // namespace
}  // namespace wisk::stats
