#include <wisk/stats/bias_variance.hpp>

#include <gtest/gtest.h>

#include <cmath>

#include <wisk/core/error.hpp>
#include <wisk/stats/pass_at_k.hpp>

#include "exact.hpp"

namespace wisk::stats {
namespace {

TEST(BiasVariance, IsUnbiasedOverEverySampleOfAllProblemSets) {
  // Difficulties 0, 1/3 and 3/4 equally often; 2 problems, 2 and 3 samples: all outcomes with their
  // probabilities, so the expectation is exact.
  const std::vector<double> difficulty = {0.0, 1.0 / 3.0, 0.75};
  const auto probability = [](std::int64_t n, std::int64_t c, double p) {
    const double ways = n == 3 && (c == 1 || c == 2) ? 3.0 : (n == 2 && c == 1 ? 2.0 : 1.0);
    return ways * std::pow(p, static_cast<double>(c)) * std::pow(1.0 - p, static_cast<double>(n - c));
  };
  double mean = 0.0, variance = 0.0;
  const std::vector<std::int64_t> n = {2, 3};
  for (const double first : difficulty) {
    for (const double second : difficulty) {
      for (std::int64_t c1 = 0; c1 <= 2; ++c1) {
        for (std::int64_t c2 = 0; c2 <= 3; ++c2) {
          const double chance = probability(2, c1, first) * probability(3, c2, second) / 9.0;
          const auto estimate = bias_variance(n, std::vector<std::int64_t>{c1, c2});
          mean += chance * estimate.mean;
          variance += chance * estimate.variance;
        }
      }
    }
  }
  const double true_mean = (1.0 / 3.0 + 0.75) / 3.0;
  EXPECT_NEAR(mean, true_mean, 1e-14);
  EXPECT_NEAR(variance, (1.0 / 9.0 + 0.75 * 0.75) / 3.0 - true_mean * true_mean, 1e-14);
}

TEST(BiasVariance, WeightsCountProblemsSeveralTimes) {
  const std::vector<std::int64_t> n = {8, 4, 16, 0}, c = {3, 4, 1, 0};
  const std::vector<double> weights = {2.0, 0.0, 3.0, 0.0};
  const auto weighted = bias_variance(n, c, weights);
  const std::vector<std::int64_t> n2 = {8, 8, 16, 16, 16}, c2 = {3, 3, 1, 1, 1};
  const auto repeated = bias_variance(n2, c2);
  EXPECT_NEAR(weighted.mean, repeated.mean, 1e-15);
  EXPECT_NEAR(weighted.variance, repeated.variance, 1e-15);
}

TEST(BiasVariance, EqualProblemsGiveANegativeVarianceAndFewSamplesNone) {
  EXPECT_LT(bias_variance(std::vector<std::int64_t>{4, 4}, std::vector<std::int64_t>{2, 2}).variance, -0.08);
  EXPECT_TRUE(
      std::isnan(bias_variance(std::vector<std::int64_t>{4, 1}, std::vector<std::int64_t>{2, 1}).variance));
  EXPECT_EQ(bias_variance(std::vector<std::int64_t>{4, 1}, std::vector<std::int64_t>{2, 1}).mean, 0.75);
  EXPECT_TRUE(
      std::isnan(bias_variance(std::vector<std::int64_t>{4, 0}, std::vector<std::int64_t>{2, 0}).mean));
  EXPECT_TRUE(std::isnan(bias_variance(std::vector<std::int64_t>{4}, std::vector<std::int64_t>{2}).variance));
  EXPECT_TRUE(std::isnan(bias_variance({}, {}).mean));
  EXPECT_THROW(bias_variance(std::vector<std::int64_t>{4}, std::vector<std::int64_t>{5}), InputError);
  EXPECT_THROW(
      bias_variance(std::vector<std::int64_t>{4}, std::vector<std::int64_t>{4}, std::vector<double>{-1}),
      InputError);
}

TEST(PassAtKBound, HoldsForEveryDistributionAndIsEqualAtTwo) {
  Random random(51);
  for (int trial = 0; trial < 2000; ++trial) {
    const auto problems = 1 + random.below(6);
    std::vector<double> difficulty;
    for (std::int64_t i = 0; i < problems; ++i)
      difficulty.push_back(std::pow(random.uniform(), 1.0 + trial % 5));
    double mean = 0.0, square = 0.0;
    for (const double p : difficulty) {
      mean += p / static_cast<double>(problems);
      square += p * p / static_cast<double>(problems);
    }
    for (const std::int64_t k : {2, 3, 8, 32}) {
      double truth = 0.0;
      for (const double p : difficulty) {
        truth += (1.0 - std::pow(1.0 - p, static_cast<double>(k))) / static_cast<double>(problems);
      }
      const double bound = pass_at_k_bound({mean, square - mean * mean}, k);
      ASSERT_LE(truth, bound + 1e-12);
      ASSERT_NEAR(k == 2 ? truth : bound, bound, 1e-12);
    }
  }
}

TEST(PassAtKBound, StaysWithin0And1AndNeedsTwoSamples) {
  EXPECT_EQ(pass_at_k_bound({1.0, -0.1}, 4), 1.0);
  EXPECT_EQ(pass_at_k_bound({0.0, 0.1}, 4), 0.0);
  EXPECT_NEAR(pass_at_k_bound({0.5, 0.25}, 32), 1.0 - std::pow(0.5, 16.0), 1e-15);
  EXPECT_THROW(pass_at_k_bound({0.5, 0.1}, 1), InputError);
}

}  // namespace
}  // namespace wisk::stats
