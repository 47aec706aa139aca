#include <wisk/stats/interval.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/stats/pass_at_k.hpp>

namespace wisk::stats {
namespace {

TEST(Wilson, EqualsPublishedValues) {
  // Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 4: 81/263, 15/148, 0/20, 1/29.
  const auto check = [](int successes, int trials, double low, double high) {
    const Estimate estimate = wilson_interval(static_cast<double>(successes) / trials, trials);
    EXPECT_NEAR(estimate.low, low, 5e-5) << successes << "/" << trials;
    EXPECT_NEAR(estimate.high, high, 5e-5) << successes << "/" << trials;
  };
  check(81, 263, 0.2535, 0.3682);
  check(15, 148, 0.0598, 0.1644);
  check(0, 20, 0.0000, 0.2005);
  check(1, 29, 0.0018, 0.1963);
}

TEST(Wilson, HoldsItsMeanAndStaysInRange) {
  for (const int trials : {1, 2, 30, 1319}) {
    for (int i = 0; i <= 100; ++i) {
      const Estimate estimate = wilson_interval(i / 100.0, trials);
      EXPECT_LE(0.0, estimate.low);
      EXPECT_LE(estimate.low, estimate.mean);
      EXPECT_LE(estimate.mean, estimate.high);
      EXPECT_LE(estimate.high, 1.0);
      EXPECT_LT(estimate.low, estimate.high);
    }
  }
  EXPECT_EQ(wilson_interval(0.0, 10).low, 0.0);
  EXPECT_EQ(wilson_interval(1.0, 10).high, 1.0);
  EXPECT_THROW(wilson_interval(0.5, 0), InputError);
  EXPECT_THROW(wilson_interval(1.5, 3), InputError);
}

TEST(MeanWithInterval, AMissingProblemMakesItNaN) {
  const std::vector<double> values = {0.5, std::nan(""), 0.25};
  EXPECT_TRUE(std::isnan(mean_with_interval(values).mean));
  EXPECT_TRUE(std::isnan(mean_with_interval({}).low));
  EXPECT_EQ(mean_with_interval(std::vector<double>{0.25, 0.75}).mean, 0.5);
}

struct Difficulty {
  double a, b;  // of the Beta distribution that problems' success rates come from
};

class Coverage : public testing::TestWithParam<Difficulty> {};

/// The interval of wisk covers the true mean Pass@k of the population of problems in at least 94 % of
/// experiments with 30 problems of 16 samples.
TEST_P(Coverage, IsAtLeast94Percent) {
  constexpr int kProblems = 30;
  constexpr int kSamples = 16;
  constexpr int kExperiments = 4000;
  const auto [a, b] = GetParam();
  for (const int k : {1, 4, 16}) {
    // E[1 - (1-p)^k] for p ~ Beta(a, b) is 1 - B(a, b + k) / B(a, b).
    double all_wrong = 1.0;
    for (int i = 0; i < k; ++i) all_wrong *= (b + i) / (a + b + i);
    std::mt19937_64 random(static_cast<std::uint64_t>(k));
    std::gamma_distribution<double> gamma_a(a), gamma_b(b);
    int covered = 0;
    for (int experiment = 0; experiment < kExperiments; ++experiment) {
      std::vector<double> values(kProblems);
      for (double& value : values) {
        const double x = gamma_a(random);
        const double rate = x / (x + gamma_b(random));
        value = pass_at_k(kSamples, std::binomial_distribution<int>(kSamples, rate)(random), k);
      }
      const Estimate estimate = mean_with_interval(values);
      covered += estimate.low <= 1.0 - all_wrong && 1.0 - all_wrong <= estimate.high;
    }
    EXPECT_GE(covered / static_cast<double>(kExperiments), 0.94)
        << "Beta(" << a << ", " << b << "), k = " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Difficulties, Coverage,
                         testing::Values(Difficulty{1, 1}, Difficulty{0.05, 2}, Difficulty{4, 0.1},
                                         Difficulty{0.5, 0.5}, Difficulty{2, 5}, Difficulty{5, 2},
                                         Difficulty{0.3, 0.9}, Difficulty{0.1, 0.1}));

TEST(StudentT, EqualsClosedForms) {
  const double pi = std::acos(-1.0);
  for (const double p : {0.51, 0.6, 0.9, 0.975, 0.995, 0.9999}) {
    EXPECT_NEAR(student_t_quantile(p, 1) / std::tan(pi * (p - 0.5)), 1.0, 1e-10) << p;
    const double alpha = 4 * p * (1 - p);
    EXPECT_NEAR(student_t_quantile(p, 2) / (2 * (p - 0.5) * std::sqrt(2 / alpha)), 1.0, 1e-10) << p;
    const double q = std::cos(std::acos(std::sqrt(alpha)) / 3) / std::sqrt(alpha);
    EXPECT_NEAR(student_t_quantile(p, 4) / (2 * std::sqrt(q - 1)), 1.0, 1e-9) << p;
    EXPECT_DOUBLE_EQ(student_t_quantile(1 - p, 7), -student_t_quantile(1 - (1 - p), 7)) << p;
  }
}

TEST(StudentT, EqualsPublishedTable) {
  // Two-sided 95 % and 99 %: any table of the distribution.
  EXPECT_NEAR(student_t_quantile(0.975, 3), 3.182446, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.975, 10), 2.228139, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.975, 29), 2.045230, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.995, 30), 2.749996, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.975, 120), 1.979930, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.975, 1318), 1.961766, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.975, 1e7), 1.959964, 1e-6);
}

TEST(PairedDifference, EqualsTheTextbook) {
  // Differences 1, 2, 3 (tenths): mean 0.2, standard error 0.1/sqrt(3), t(2) = 4.302653.
  const std::vector<double> a = {0.2, 0.4, 0.6}, b = {0.1, 0.2, 0.3};
  const Estimate difference = paired_difference(a, b);
  EXPECT_NEAR(difference.mean, 0.2, 1e-15);
  EXPECT_NEAR(difference.low, 0.2 - 4.302653 * 0.1 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(difference.high, 0.2 + 4.302653 * 0.1 / std::sqrt(3.0), 1e-6);
}

TEST(PairedDifference, EqualArmsDifferByNothingAndFewProblemsSayNothing) {
  const std::vector<double> a = {0.2, 0.4, 0.6};
  EXPECT_EQ(paired_difference(a, a).low, 0.0);
  EXPECT_EQ(paired_difference(a, a).high, 0.0);
  const std::vector<double> one = {0.5};
  EXPECT_EQ(paired_difference(one, one).mean, 0.0);
  EXPECT_TRUE(std::isnan(paired_difference(one, one).low));
  const std::vector<double> missing = {0.5, std::nan("")};
  EXPECT_TRUE(std::isnan(paired_difference(missing, missing).mean));
}

}  // namespace
}  // namespace wisk::stats
