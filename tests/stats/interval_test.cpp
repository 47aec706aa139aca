#include <wisk/stats/interval.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/stats/special.hpp>

#include "dirichlet_mean.hpp"

namespace wisk::stats {
namespace {

/// P(X <= successes) for X ~ Binomial(trials, rate), by summing.
double binomial_probability(int successes, int trials, double rate) {
  double sum = 0;
  for (int i = 0; i <= successes; ++i) {
    sum += std::exp(std::lgamma(trials + 1.0) - std::lgamma(i + 1.0) - std::lgamma(trials - i + 1.0) +
                    i * std::log(rate) + (trials - i) * std::log1p(-rate));
  }
  return sum;
}

std::vector<double> zeros_and_ones(int ones, int problems) {
  std::vector<double> values(static_cast<std::size_t>(problems), 0.0);
  std::fill_n(values.begin(), ones, 1.0);
  return values;
}

TEST(Normal, QuantilesInvertProbabilities) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-13);
  EXPECT_NEAR(normal_quantile(0.995), 2.575829303548901, 1e-13);
  EXPECT_NEAR(normal_quantile(1e-10), -6.361340902404056, 1e-11);
  EXPECT_NEAR(normal_quantile(0.5), 0.0, 1e-15);
  for (const double p : {1e-300, 1e-20, 0.001, 0.3, 0.7, 0.999})
    EXPECT_NEAR(normal_probability(normal_quantile(p)) / p, 1.0, 1e-11) << p;
}

TEST(Beta, QuantilesInvertTheIncompleteBetaFunction) {
  for (const double a : {0.5, 1.0, 3.0, 40.0, 900.0}) {
    for (const double b : {0.5, 1.0, 7.0, 300.0}) {
      for (const double p : {0.0005, 0.025, 0.5, 0.975, 0.9995})
        EXPECT_NEAR(incomplete_beta(a, b, beta_quantile(p, a, b)), p, 1e-10) << a << " " << b << " " << p;
    }
  }
  EXPECT_NEAR(beta_quantile(0.025, 1, 12), 1 - std::pow(0.975, 1.0 / 12), 1e-14);
  EXPECT_NEAR(beta_quantile(0.975, 12, 1), std::pow(0.975, 1.0 / 12), 1e-14);
}

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

TEST(DirichletMean, QuantilesAreThoseOfDraws) {
  const std::vector<Masses> cases = {{{0.0, 0.1, 0.4, 0.7, 1.0}, {8, 2, 1, 1, 1}},
                                     {{0.0, 0.5, 1.0}, {30, 1, 2}},
                                     {{0.2, 0.25, 0.3, 0.31}, {5, 9, 3, 13}},
                                     {{0.0, 0.01, 1.0}, {3, 8, 1}}};
  std::mt19937_64 random(7);
  for (const Masses& masses : cases) {
    std::vector<double> quantiles;
    for (const double p : {0.025, 0.5, 0.975}) quantiles.push_back(dirichlet_mean_quantile(masses, p));
    constexpr int kDraws = 200'000;
    std::vector<int> below(quantiles.size());
    for (int draw = 0; draw < kDraws; ++draw) {
      double sum = 0, total = 0;
      for (std::size_t i = 0; i < masses.values.size(); ++i) {
        const double weight = std::gamma_distribution<double>(masses.masses[i])(random);
        sum += weight * masses.values[i];
        total += weight;
      }
      for (std::size_t q = 0; q < quantiles.size(); ++q) below[q] += sum <= quantiles[q] * total;
    }
    // Three standard errors of the draws, and the saddlepoint's own error.
    EXPECT_NEAR(below[0] / static_cast<double>(kDraws), 0.025, 0.0011 + 0.001) << masses.values[1];
    EXPECT_NEAR(below[1] / static_cast<double>(kDraws), 0.5, 0.0034 + 0.008) << masses.values[1];
    EXPECT_NEAR(below[2] / static_cast<double>(kDraws), 0.975, 0.0011 + 0.001) << masses.values[1];
  }
}

TEST(MeanInterval, OfZerosAndOnesIsClopperAndPearsons) {
  for (const auto& [ones, problems] : std::vector<std::pair<int, int>>{
           {0, 1}, {1, 1}, {3, 12}, {0, 100}, {100, 100}, {1, 30}, {29, 30}, {7, 80}}) {
    const Estimate estimate = mean_interval(zeros_and_ones(ones, problems));
    EXPECT_DOUBLE_EQ(estimate.mean, static_cast<double>(ones) / problems);
    if (ones == 0) {
      EXPECT_EQ(estimate.low, 0.0);
    } else {
      EXPECT_NEAR(1 - binomial_probability(ones - 1, problems, estimate.low), 0.025, 1e-9) << ones;
    }
    if (ones == problems) {
      EXPECT_EQ(estimate.high, 1.0);
    } else {
      EXPECT_NEAR(binomial_probability(ones, problems, estimate.high), 0.025, 1e-9) << ones;
    }
  }
  // 0 of 100, in numbers: 1 - 0.025^(1/100).
  EXPECT_NEAR(mean_interval(zeros_and_ones(0, 100)).high, 0.036217, 1e-6);
}

TEST(MeanInterval, OfEqualValuesIsGaffkesBound) {
  // All mass at 0.5 and one more problem at the end: 0.5 + 0.5 B with B ~ Beta(1, P).
  const Estimate estimate = mean_interval(std::vector<double>(10, 0.5));
  EXPECT_NEAR(estimate.high, 0.5 + 0.5 * (1 - std::pow(0.025, 1.0 / 10)), 1e-12);
  EXPECT_NEAR(estimate.low, 0.5 - 0.5 * (1 - std::pow(0.025, 1.0 / 10)), 1e-12);
}

TEST(MeanInterval, ComesCloseToStudentsWithManyProblems) {
  std::mt19937_64 random(3);
  std::vector<double> values(2000);
  for (double& value : values) value = std::uniform_real_distribution<double>(0.2, 0.9)(random);
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / 2000;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = 1.961151 * std::sqrt(squares / 1999 / 2000);
  const Estimate estimate = mean_interval(values);
  EXPECT_NEAR(estimate.low, mean - half, 0.02 * half);
  EXPECT_NEAR(estimate.high, mean + half, 0.02 * half);
}

TEST(MeanInterval, IsTheSameSeenFromTheOtherEndAndInOtherUnits) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> values(1 + random() % 40), mirrored, tokens;
    for (double& value : values) value = static_cast<double>(random() % 5 * (random() % 2)) / 4;
    for (const double value : values) mirrored.push_back(1 - value);
    for (const double value : values) tokens.push_back(100 + 512 * value);
    const Estimate estimate = mean_interval(values), other = mean_interval(mirrored);
    EXPECT_NEAR(other.low, 1 - estimate.high, 1e-9);
    EXPECT_NEAR(other.high, 1 - estimate.low, 1e-9);
    const Estimate long_ones = mean_interval(tokens, {100, 612});
    EXPECT_NEAR(long_ones.low, 100 + 512 * estimate.low, 1e-5);
    EXPECT_NEAR(long_ones.high, 100 + 512 * estimate.high, 1e-5);
  }
}

TEST(MeanInterval, HoldsTheMeanStaysInRangeAndGrowsWithTheLevel) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> values(1 + random() % 50);
    const double power = std::exp2(static_cast<double>(random() % 13) - 6);
    for (double& value : values) value = std::pow(std::uniform_real_distribution<double>()(random), power);
    if (round % 3 == 0) values.assign(values.size(), values[0]);
    Estimate inner = mean_interval(values, {0, 1}, 0.5);
    for (const double level : {0.8, 0.95, 0.99, 0.9999}) {
      const Estimate outer = mean_interval(values, {0, 1}, level);
      EXPECT_LE(0.0, outer.low);
      EXPECT_LE(outer.low, inner.low);
      EXPECT_LE(inner.low, inner.mean);
      EXPECT_LE(inner.mean, inner.high);
      EXPECT_LE(inner.high, outer.high);
      EXPECT_LT(inner.high - inner.low, outer.high - outer.low);
      EXPECT_LE(outer.high, 1.0);
      inner = outer;
    }
  }
}

TEST(MeanInterval, IsFiniteForValuesThatDifferByAlmostNothing) {
  const double tiny = std::numeric_limits<double>::denorm_min();
  for (const std::vector<double>& values : {std::vector<double>{0, 0, tiny},
                                            {1, 1, 1 - 1e-16},
                                            {0.5, 0.5 + 1e-16, 0.5 - 1e-16},
                                            {0, 1e-200, 1e-100},
                                            {1 - 1e-9, 1, 1, 1, 1 - 1e-12}}) {
    const Estimate estimate = mean_interval(values);
    EXPECT_TRUE(estimate.low <= estimate.mean && estimate.mean <= estimate.high) << values[0];
    EXPECT_GT(estimate.high - estimate.low, 0.3) << "an unseen problem may be anywhere: " << values[0];
  }
}

TEST(MeanInterval, AMissingProblemMakesItNaNAndAWrongOneIsAnError) {
  EXPECT_TRUE(std::isnan(mean_interval(std::vector<double>{0.5, std::nan(""), 0.25}).mean));
  EXPECT_TRUE(std::isnan(mean_interval({}).low));
  EXPECT_THROW(mean_interval(std::vector<double>{0.5, 1.5}), InputError);
  EXPECT_THROW(mean_interval(std::vector<double>{-0.1}), InputError);
  EXPECT_THROW(mean_interval(std::vector<double>{std::numeric_limits<double>::infinity()}), InputError);
  EXPECT_NO_THROW(mean_interval(std::vector<double>{1 + 1e-13, -1e-13}));
}

TEST(PairedDifference, TurnsRoundWithTheArms) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 100; ++round) {
    std::vector<double> a(1 + random() % 40), b(a.size());
    for (double& value : a) value = static_cast<double>(random() % 5) / 4;
    for (std::size_t i = 0; i < b.size(); ++i)
      b[i] = random() % 2 ? a[i] : static_cast<double>(random() % 5) / 4;
    const Estimate ab = paired_difference(a, b), ba = paired_difference(b, a);
    EXPECT_NEAR(ab.mean, -ba.mean, 1e-15);
    EXPECT_NEAR(ab.low, -ba.high, 1e-12);
    EXPECT_LE(-1.0, ab.low);
    EXPECT_LE(ab.low, ab.mean);
    EXPECT_LE(ab.mean, ab.high);
    EXPECT_LE(ab.high, 1.0);
  }
}

TEST(PairedDifference, OfEqualArmsSaysWhatUnseenProblemsCouldDo) {
  // No gain and no loss in 100: each rate is at most 1 - 0.025^(1/100), and the two ends add in squares.
  const std::vector<double> a(100, 0.3);
  const Estimate none = paired_difference(a, a);
  EXPECT_EQ(none.mean, 0.0);
  EXPECT_NEAR(none.high, 1 - std::pow(0.025, 0.01), 1e-9);
  EXPECT_NEAR(none.low, -none.high, 1e-15);
  const Estimate wider = paired_difference(a, a, 4.0);
  EXPECT_NEAR(wider.high, 4 * none.high, 1e-9);
}

TEST(PairedDifference, OfGainsAndLossesIsMoverOfClopperAndPearsons) {
  // 9 gains, 2 losses, 19 ties: shares of Clopper and Pearson, correlation -sqrt(9 * 2 / (21 * 28)).
  std::vector<double> a(30, 0.0), b(30, 0.0);
  std::fill_n(a.begin(), 9, 1.0);
  std::fill_n(b.begin() + 9, 2, 1.0);
  const Estimate gain = mean_interval(a), loss = mean_interval(b), difference = paired_difference(a, b);
  const double x = gain.mean - gain.low, y = loss.high - loss.mean;
  const double correlation = -std::sqrt(9.0 * 2.0 / (21.0 * 28.0));
  EXPECT_NEAR(difference.low, 7.0 / 30 - std::sqrt(x * x + y * y - 2 * correlation * x * y), 1e-12);
}

TEST(PairedDifference, MissingProblemsMakeItNaN) {
  const std::vector<double> missing = {0.5, std::nan("")}, here = {0.5, 0.5};
  EXPECT_TRUE(std::isnan(paired_difference(missing, here).mean));
  EXPECT_TRUE(std::isnan(paired_difference(here, missing).low));
  EXPECT_TRUE(std::isnan(paired_difference({}, {}).low));
}

TEST(WeightedSum, EqualsNewcombesDifferenceOfShares) {
  // Newcombe 1998 (Statistics in Medicine 17, 873-890), table II, method 10, 56/70 - 48/80: squares add for
  // Wilson's intervals of the shares, each side with its own.
  const auto wilson = [](double successes, double trials) {
    const double z = 1.959963984540054, p = successes / trials;
    const double centre = (2 * successes + z * z) / (2 * (trials + z * z));
    const double half = z * std::sqrt(z * z + 4 * successes * (1 - p)) / (2 * (trials + z * z));
    return Estimate{p, centre - half, centre + half};
  };
  const std::vector<Estimate> shares = {wilson(56, 70), wilson(48, 80)};
  const Estimate difference = weighted_sum(shares, std::vector<double>{1, -1});
  EXPECT_NEAR(difference.mean, 0.2, 1e-15);
  EXPECT_NEAR(difference.low, 0.0524, 5e-5);
  EXPECT_NEAR(difference.high, 0.3339, 5e-5);
}

TEST(WeightedSum, OfOneIsItselfAndNaNStays) {
  const std::vector<Estimate> one = {{0.5, 0.4, 0.8}};
  const Estimate same = weighted_sum(one, std::vector<double>{1});
  EXPECT_DOUBLE_EQ(same.low, 0.4);
  EXPECT_DOUBLE_EQ(same.high, 0.8);
  const std::vector<Estimate> missing = {{0.5, 0.4, 0.8}, {std::nan(""), std::nan(""), std::nan("")}};
  EXPECT_TRUE(std::isnan(weighted_sum(missing, std::vector<double>{0.5, 0.5}).low));
}

TEST(FunctionalInterval, OfTheMeanIsNearTheMeansInterval) {
  std::mt19937_64 random(13);
  std::vector<double> values(100);
  for (double& value : values) value = std::pow(std::uniform_real_distribution<double>()(random), 8);
  const auto mean = [&](std::span<const double> weights) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += weights[i] * values[i] / 100;
    return sum;
  };
  const Estimate drawn = functional_interval(100, mean), exact = mean_interval(values);
  EXPECT_NEAR(drawn.mean, exact.mean, 1e-12);
  EXPECT_NEAR(drawn.low, exact.low, 0.025 * (exact.high - exact.low));
  EXPECT_NEAR(drawn.high, exact.high, 0.025 * (exact.high - exact.low));
  const Estimate again = functional_interval(100, mean);
  EXPECT_EQ(drawn.low, again.low);
  EXPECT_EQ(drawn.high, again.high);
}

TEST(FunctionalInterval, OfFewProblemsIsAsWideAsStudents) {
  const std::vector<double> values = {-1.42, -0.85, -0.47, -0.15, 0.15, 0.47, 0.85, 1.42};
  double squares = 0;
  for (const double value : values) squares += value * value;
  const Estimate estimate = functional_interval(8, [&](std::span<const double> weights) {
    double sum = 0;
    for (std::size_t i = 0; i < 8; ++i) sum += weights[i] * values[i] / 8;
    return sum;
  });
  const double half = student_t_quantile(0.975, 7) * std::sqrt(squares / 7 / 8);
  EXPECT_NEAR((estimate.high - estimate.low) / (2 * half), 1, 0.08) << "the normal's would be 0.83 of it";
}

TEST(FunctionalInterval, SeesTheEndsOfTheRangeWhenAsked) {
  const auto variance_with_ends = [](std::span<const double> weights) {
    const double one = weights[31];  // 30 problems of value 0; the last two weights are 0's and 1's
    return one / 30 * (1 - one / 30);
  };
  const Estimate estimate = functional_interval(30, variance_with_ends, 0.95, Unseen::kBothEnds);
  EXPECT_EQ(estimate.mean, 0.0);
  EXPECT_GT(estimate.high, 0.05);
  EXPECT_LT(estimate.high, 0.25);
}

TEST(FunctionalInterval, ConstantsHaveNoWidthAndNaNStays) {
  const Estimate constant = functional_interval(10, [](std::span<const double>) { return 2.0; });
  EXPECT_EQ(constant.low, 2.0);
  EXPECT_EQ(constant.high, 2.0);
  EXPECT_TRUE(std::isnan(functional_interval(10, [](std::span<const double>) { return std::nan(""); }).mean));
  EXPECT_TRUE(std::isnan(functional_interval(0, [](std::span<const double>) { return 1.0; }).mean));
}

}  // namespace
}  // namespace wisk::stats
