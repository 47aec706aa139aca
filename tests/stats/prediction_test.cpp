#include <wisk/stats/prediction.hpp>

#include <gtest/gtest.h>

#include <cmath>

#include <wisk/core/error.hpp>
#include <wisk/stats/pass_at_k.hpp>
#include <wisk/stats/prediction_interval.hpp>

#include "exact.hpp"

namespace wisk::stats {
namespace {

struct Simulated {
  std::vector<std::int64_t> n, c;
};

Simulated simulate(Random& random, const DifficultyFit& truth, int problems, std::int64_t n,
                   bool mixed_n = false) {
  std::gamma_distribution<double> first(truth.alpha), second(truth.beta);
  Simulated counts;
  for (int i = 0; i < problems; ++i) {
    const double a = first(random.engine()), b = second(random.engine());
    const double p = random.uniform() < truth.zero_share ? 0.0 : a / (a + b);
    counts.n.push_back(mixed_n && i % 3 == 0 ? n / 2 : n);
    std::int64_t correct = 0;
    for (std::int64_t s = 0; s < counts.n.back(); ++s) correct += random.uniform() < p;
    counts.c.push_back(correct);
  }
  return counts;
}

/// Log-likelihood from lgamma, problem by problem.
double log_likelihood(const Simulated& counts, double zero_share, double alpha, double beta) {
  const auto log_beta = [](double a, double b) {
    return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  };
  double sum = 0.0;
  for (std::size_t i = 0; i < counts.n.size(); ++i) {
    const auto n = static_cast<double>(counts.n[i]), c = static_cast<double>(counts.c[i]);
    const double ways = -std::log(n + 1) - log_beta(c + 1, n - c + 1);
    const double chance =
        (1 - zero_share) * std::exp(ways + log_beta(c + alpha, n - c + beta) - log_beta(alpha, beta));
    sum += std::log(chance + (counts.c[i] == 0 ? zero_share : 0.0));
  }
  return sum;
}

TEST(FitDifficulty, RecoversWhatMadeTheCounts) {
  Random random(61);
  for (const bool mixed_n : {false, true}) {
    const DifficultyFit truth{0.2, 0.8, 1.7, 0.0, true};
    const auto fit = [&] {
      const Simulated counts = simulate(random, truth, 20'000, 32, mixed_n);
      return fit_difficulty(counts.n, counts.c);
    }();
    EXPECT_TRUE(fit.converged);
    EXPECT_NEAR(fit.zero_share, 0.2, 0.03);
    EXPECT_NEAR(fit.alpha, 0.8, 0.07);
    EXPECT_NEAR(fit.beta, 1.7, 0.12);
    EXPECT_NEAR(predicted_pass_at_k(fit, 256), predicted_pass_at_k(truth, 256), 0.02);
  }
}

TEST(FitDifficulty, IsTheMaximumOfTheLikelihood) {
  Random random(62);
  for (int trial = 0; trial < 30; ++trial) {
    const DifficultyFit truth{trial % 3 * 0.2, 0.3 + 2 * random.uniform(), 0.3 + 3 * random.uniform(), 0,
                              true};
    const Simulated counts = simulate(random, truth, 30 + trial * 5, 4 + trial, trial % 2 == 0);
    const auto fit = fit_difficulty(counts.n, counts.c);
    ASSERT_TRUE(fit.converged);
    const double best = log_likelihood(counts, fit.zero_share, fit.alpha, fit.beta);
    ASSERT_NEAR(fit.log_likelihood, best, 1e-7);
    ASSERT_GE(best, log_likelihood(counts, truth.zero_share, truth.alpha, truth.beta) - 1e-9);
    for (const double zero_share : {fit.zero_share - 0.01, fit.zero_share, fit.zero_share + 0.01}) {
      if (zero_share < 0.0 || zero_share > 1.0) continue;
      for (const double a : {0.9, 0.97, 1.0, 1.03, 1.1}) {
        for (const double b : {0.9, 0.97, 1.0, 1.03, 1.1}) {
          if (fit.alpha + fit.beta > 1e5) continue;
          ASSERT_LE(log_likelihood(counts, zero_share, a * fit.alpha, b * fit.beta), best + 1e-6) << trial;
        }
      }
    }
  }
}

TEST(FitDifficulty, EqualProblemsAndWeightsAreGroups) {
  const std::vector<std::int64_t> n = {8, 8, 8, 4, 8}, c = {0, 3, 8, 1, 5};
  const std::vector<double> weights = {2, 1, 3, 0, 1};
  const auto weighted = fit_difficulty(n, c, weights);
  const std::vector<std::int64_t> n2(7, 8), c2 = {0, 0, 3, 8, 8, 8, 5};
  const auto repeated = fit_difficulty(n2, c2);
  EXPECT_NEAR(weighted.log_likelihood, repeated.log_likelihood, 1e-9);
  EXPECT_NEAR(weighted.alpha, repeated.alpha, 1e-9);
}

TEST(FitDifficulty, HoldsAtTheEdges) {
  const std::vector<std::int64_t> n(12, 16);
  const auto fit = [&](std::vector<std::int64_t> c) {
    c.resize(12, c.back());
    const auto found = fit_difficulty(n, c);
    EXPECT_TRUE(found.converged);
    EXPECT_TRUE(std::isfinite(found.log_likelihood) && std::isfinite(found.alpha) &&
                std::isfinite(found.beta));
    for (const std::int64_t k : {1, 16, 1000, 1'000'000}) {
      const double value = predicted_pass_at_k(found, k);
      EXPECT_TRUE(value >= 0.0 && value <= 1.0) << value;
    }
    EXPECT_TRUE(std::isfinite(expected_half_width(found, 12, 16, 4)));
    return found;
  };
  EXPECT_EQ(predicted_pass_at_k(fit({0}), 100), 0.0);
  EXPECT_EQ(predicted_pass_at_k(fit({16}), 1), 1.0);
  EXPECT_EQ(expected_half_width(fit({16}), 12, 16, 1), 0.0);
  EXPECT_NEAR(predicted_pass_at_k(fit({8}), 1), 0.5, 1e-3);  // no spread
  EXPECT_GT(fit({8}).alpha, 1e3);
  const auto bimodal = fit({0, 0, 0, 16});
  EXPECT_NEAR(predicted_pass_at_k(bimodal, 1), 0.75, 1e-3);
  EXPECT_NEAR(predicted_pass_at_k(bimodal, 16), 0.75, 1e-2);
  fit({1, 0});
  fit({15, 16});
  fit({0, 16, 8});
  const auto one = fit_difficulty(std::vector<std::int64_t>{1}, std::vector<std::int64_t>{1});
  EXPECT_EQ(predicted_pass_at_k(one, 1), 1.0);
  const auto none = fit_difficulty(std::vector<std::int64_t>{0, 0}, std::vector<std::int64_t>{0, 0});
  EXPECT_FALSE(none.converged);
  EXPECT_TRUE(std::isnan(predicted_pass_at_k(none, 1)));
  EXPECT_THROW(fit_difficulty(std::vector<std::int64_t>{3}, std::vector<std::int64_t>{4}), InputError);
}

TEST(PredictedPassAtK, EqualsTheProductAndItsIntegral) {
  const DifficultyFit fit{0.1, 0.5, 1.5, 0.0, true};
  for (const std::int64_t k : {1, 2, 7, 4096, 4097, 5000, 300'000}) {
    long double wrong = 1.0L;
    for (std::int64_t i = 0; i < k; ++i) wrong *= (1.5L + i) / (2.0L + i);
    EXPECT_NEAR(predicted_pass_at_k(fit, k), static_cast<double>(0.9L * (1.0L - wrong)), 1e-13) << k;
  }
  // Gamma(b+k)/Gamma(a+b+k) falls as k^-a.
  const double far = 0.9 - predicted_pass_at_k(fit, 1'000'000'000'000);
  EXPECT_NEAR(far, 0.9 * std::tgamma(2.0) / std::tgamma(1.5) * 1e-6, 1e-15);
  EXPECT_THROW(predicted_pass_at_k(fit, 0), InputError);
}

TEST(ExpectedHalfWidth, EqualsTheSpreadOfSimulatedRuns) {
  Random random(64);
  for (const DifficultyFit& truth :
       {DifficultyFit{0.2, 0.8, 1.7, 0, true}, DifficultyFit{0.0, 6.0, 18.0, 0, true}}) {
    for (const std::int64_t k : {1, 4, 8}) {
      constexpr int kRuns = 3000;
      double sum = 0.0, square = 0.0;
      for (int run = 0; run < kRuns; ++run) {
        const Simulated counts = simulate(random, truth, 20, 8);
        double mean = 0.0;
        for (const double value : pass_at_k_of_problems(counts.n, counts.c, k)) mean += value / 20.0;
        sum += mean;
        square += mean * mean;
      }
      const double deviation = std::sqrt(square / kRuns - sum / kRuns * (sum / kRuns));
      EXPECT_NEAR(expected_half_width(truth, 20, 8, k) / (1.959963984540054 * deviation), 1.0, 0.05) << k;
    }
  }
}

TEST(ExpectedHalfWidth, HasALevelAndFallsWithProblemsAndSamples) {
  const DifficultyFit fit{0.2, 0.8, 1.7, 0, true};
  const double width = expected_half_width(fit, 100, 16, 4);
  EXPECT_NEAR(expected_half_width(fit, 400, 16, 4), width / 2, 1e-12);
  EXPECT_NEAR(expected_half_width(fit, 100, 16, 4, 0.99) / width, 2.5758293035489004 / 1.959963984540054,
              1e-12);
  EXPECT_LT(expected_half_width(fit, 100, 64, 4), width);
  EXPECT_THROW(expected_half_width(fit, 0, 16, 4), InputError);
  EXPECT_THROW(expected_half_width(fit, 10, 3, 4), InputError);
  EXPECT_THROW(expected_half_width(fit, 10, 16, 4, 1.0), InputError);
  EXPECT_THROW(expected_half_width(fit, 10, -1, 4), InputError);
}

TEST(PredictedWithInterval, HasTheShareOfRefitsThatItsLevelSays) {
  Random random(65);
  const Simulated counts = simulate(random, {0.2, 0.8, 1.7, 0, true}, 60, 16);
  const std::vector<std::int64_t> k = {32, 64};
  const auto usual = predicted_with_interval(counts.n, counts.c, k, 0.95),
             half = predicted_with_interval(counts.n, counts.c, k, 0.5);
  const auto fit = fit_difficulty(counts.n, counts.c);
  for (std::size_t i = 0; i < k.size(); ++i) {
    EXPECT_EQ(usual[i].mean, predicted_pass_at_k(fit, k[i]));
    // Of refits that are about normal a half lies within 0.674 deviations, 95 % within 1.96.
    EXPECT_NEAR((half[i].mean - half[i].low) / (usual[i].mean - usual[i].low), 0.344, 0.12) << i;
    EXPECT_NEAR((half[i].high - half[i].mean) / (usual[i].high - usual[i].mean), 0.344, 0.12) << i;
    EXPECT_GT(usual[i].high - usual[i].low, 0.05) << i;
    EXPECT_LT(usual[i].high - usual[i].low, 0.4) << i;
  }
}

TEST(ExpectedIntervals, AreAsWideAsExpectedHalfWidthSaysForManyProblems) {
  const DifficultyFit fit{0.2, 0.8, 1.7, 0, true};
  const std::vector<std::int64_t> k = {1, 8};
  const auto usual = expected_intervals(fit, 400, 16, k), half = expected_intervals(fit, 400, 16, k, 0.5);
  const auto fewer = expected_intervals(fit, 100, 16, k), more = expected_intervals(fit, 400, 256, k);
  for (std::size_t i = 0; i < k.size(); ++i) {
    EXPECT_NEAR(usual[i].mean, predicted_pass_at_k(fit, k[i]), 0.005) << i;
    const double width = usual[i].high - usual[i].low;
    EXPECT_NEAR(width / 2 / expected_half_width(fit, 400, 16, k[i]), 1, 0.05) << i;
    EXPECT_NEAR((half[i].high - half[i].low) / width, 0.344, 0.02) << i;
    EXPECT_NEAR((fewer[i].high - fewer[i].low) / width, 2, 0.1) << i;
    EXPECT_LT(more[i].high - more[i].low, width) << i;
  }
}

}  // namespace
}  // namespace wisk::stats
