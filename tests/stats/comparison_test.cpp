#include <wisk/stats/comparison.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/stats/special.hpp>

namespace wisk::stats {
namespace {

/// Share of all signs whose sum is at least as large, over whole numbers.
double brute_force(const std::vector<double>& differences) {
  const double observed = std::abs(std::accumulate(differences.begin(), differences.end(), 0.0));
  int as_large = 0;
  for (unsigned signs = 0; signs < 1u << differences.size(); ++signs) {
    double sum = 0;
    for (std::size_t i = 0; i < differences.size(); ++i)
      sum += signs >> i & 1 ? -differences[i] : differences[i];
    as_large += std::abs(sum) >= observed;
  }
  return as_large / std::exp2(static_cast<double>(differences.size()));
}

TEST(SignFlip, EqualsEnumeration) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<double> differences(1 + random() % 11);
    for (double& difference : differences) difference = static_cast<double>(random() % 9) - 3;
    EXPECT_DOUBLE_EQ(sign_flip_p_value(differences), brute_force(differences)) << round;
  }
  EXPECT_EQ(sign_flip_p_value(std::vector<double>{1, 2, 3}), 0.25);
}

TEST(SignFlip, SumsThatAreEqualButForRoundingCount) {
  // 0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ in the last bit: both have all signs alike, so 2 of 8.
  EXPECT_EQ(sign_flip_p_value(std::vector<double>{0.1, 0.2, 0.3}), 0.25);
  EXPECT_EQ(sign_flip_p_value(std::vector<double>{0.3, 0.2, 0.1}), 0.25);
}

TEST(SignFlip, TiesSayNothing) {
  std::vector<double> differences(300, 0.0);
  EXPECT_EQ(sign_flip_p_value(differences), 1.0);
  for (const std::size_t problem : {3u, 70u, 71u, 200u, 298u, 299u}) differences[problem] = 0.25;
  EXPECT_EQ(sign_flip_p_value(differences), 2.0 / 64);
  differences[5] = std::nan("");
  EXPECT_TRUE(std::isnan(sign_flip_p_value(differences)));
  EXPECT_TRUE(std::isnan(sign_flip_p_value({})));
}

TEST(SignFlip, OfManyProblemsIsNearTheExactSignTest) {
  // 60 differences of one size, 39 up and 21 down: two-sided binomial probability of 39 or more of 60.
  for (const std::size_t problems : {60u, 61u, 333u}) {
    std::vector<double> differences(problems, 0.0);
    for (std::size_t i = 0; i < 60; ++i) differences[i * problems / 60] = i < 39 ? 0.5 : -0.5;
    const double exact = 2 * incomplete_beta(39, 22, 0.5);
    const double error = std::sqrt(exact * (1 - exact) / SignFlipTest::kFlips);
    EXPECT_NEAR(sign_flip_p_value(differences), exact, 3.5 * error) << problems;
  }
}

TEST(SignFlip, NeverGivesNothing) {
  const std::vector<double> differences(200, 1.0);
  EXPECT_EQ(sign_flip_p_value(differences), 1.0 / (SignFlipTest::kFlips + 1));
}

/// Share of experiments with p <= 0.05, differences of `problems` problems drawn by `draw`.
template <typename Draw>
double rejections(std::size_t problems, Draw&& draw) {
  const SignFlipTest test(problems);
  constexpr int kExperiments = 2000;
  int rejected = 0;
  std::vector<double> differences(problems);
  for (int experiment = 0; experiment < kExperiments; ++experiment) {
    for (double& difference : differences) difference = draw();
    rejected += test.p_value(differences) <= 0.05;
  }
  return rejected / static_cast<double>(kExperiments);
}

TEST(SignFlip, ErrsAsOftenAsItSaysAndFindsWhatIsThere) {
  std::mt19937_64 random(17);
  std::uniform_real_distribution<double> uniform;
  const auto ternary = [&](double up, double down) {
    const double u = uniform(random);
    return u < up ? 1.0 : u < up + down ? -1.0 : 0.0;
  };
  std::normal_distribution<double> normal;
  const double limit = 0.05 + 3 * std::sqrt(0.05 * 0.95 / 2000);
  for (const std::size_t problems : {6u, 12u, 30u, 100u}) {
    EXPECT_LE(rejections(problems, [&] { return ternary(0.05, 0.05); }), limit) << problems;
    EXPECT_LE(rejections(problems, [&] { return ternary(0.3, 0.3); }), limit) << problems;
    EXPECT_LE(rejections(problems, [&] { return normal(random) * std::exp(normal(random)); }), limit)
        << problems;
  }
  EXPECT_GE(rejections(100, [&] { return normal(random); }), 0.035);
  // Power of the t test for a shift of 0.3 standard deviations over 100 problems is 0.844.
  EXPECT_NEAR(rejections(100, [&] { return normal(random) + 0.3; }), 0.844, 0.035);
}

TEST(Holm, EqualsTheTextbook) {
  const std::vector<double> adjusted = holm(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  const std::vector<double> expected = {0.03, 0.06, 0.06, 0.02};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_DOUBLE_EQ(adjusted[i], expected[i]) << i;
}

TEST(Holm, LeavesOutWhatIsMissingAndStopsAtOne) {
  const std::vector<double> adjusted = holm(std::vector<double>{0.4, std::nan(""), 0.03, 0.6});
  EXPECT_DOUBLE_EQ(adjusted[2], 0.09);
  EXPECT_DOUBLE_EQ(adjusted[0], 0.8);
  EXPECT_DOUBLE_EQ(adjusted[3], 0.8);
  EXPECT_TRUE(std::isnan(adjusted[1]));
  EXPECT_TRUE(holm({}).empty());
  EXPECT_EQ(holm(std::vector<double>{0.9, 0.95})[0], 1.0);
}

TEST(BestProbability, OfTwoArmsIsABetaProbability) {
  // The first arm gains on 7 problems and loses on 3: P(G7 > G3) for gammas, whatever the 20 ties do.
  std::vector<double> values(60, 0.5);
  for (std::size_t i = 0; i < 7; ++i) values[i] = 1.0;
  for (std::size_t i = 7; i < 10; ++i) values[i] = 0.0;
  const std::vector<double> best = best_probability(values, 2);
  EXPECT_NEAR(best[0], incomplete_beta(3, 7, 0.5), 3.5 * std::sqrt(0.09 * 0.91 / 4000));
  EXPECT_NEAR(best[0] + best[1], 1.0, 1e-12);
}

TEST(BestProbability, EqualArmsShareAndMissingOnesAreLeftOut) {
  constexpr std::size_t kArms = 19, kProblems = 30;
  std::vector<double> values(kArms * kProblems, 0.25);
  for (const std::size_t arm : {2u, 9u, 18u}) {
    for (std::size_t problem = 0; problem < kProblems; ++problem)
      values[arm * kProblems + problem] = 0.3 + 0.01 * static_cast<double>(problem);
  }
  values[4 * kProblems + 7] = std::nan("");
  const std::vector<double> best = best_probability(values, kArms);
  for (std::size_t arm = 0; arm < kArms; ++arm)
    EXPECT_NEAR(best[arm], arm == 2 || arm == 9 || arm == 18 ? 1.0 / 3 : 0.0, 1e-12) << arm;
}

TEST(ChooseArm, ChoosesOnOneSideAndReportsTheOther) {
  // Arm 1 is best on the first four problems, arm 2 on the last four; arm 3 would win but is no candidate.
  const std::vector<double> values = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5,  //
                                      1.0, 1.0, 0.5, 0.5, 0.0, 0.5, 0.5, 0.5,  //
                                      0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0,  //
                                      1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0};
  const std::vector<std::uint8_t> is_choose = {1, 1, 1, 1, 0, 0, 0, 0}, candidates = {1, 1, 1, 0};
  const Choice choice = choose_arm(values, 4, 0, is_choose, candidates);
  EXPECT_EQ(choice.chosen, 1u);
  EXPECT_DOUBLE_EQ(choice.chosen_on_choose.mean, 0.75);
  EXPECT_DOUBLE_EQ(choice.chosen_on_report.mean, 0.375);
  EXPECT_DOUBLE_EQ(choice.reference_on_report.mean, 0.5);
  EXPECT_DOUBLE_EQ(choice.difference.mean, -0.125);
  EXPECT_GT(choice.optimism, 0.0);
}

TEST(ChooseArm, ASideWithoutProblemsAndNoCandidateAreErrors) {
  const std::vector<double> values = {0, 1, 1, 1};
  const std::vector<std::uint8_t> both = {1, 1}, none = {0, 0}, half = {1, 0};
  EXPECT_THROW(choose_arm(values, 2, 0, both, both), InputError);
  EXPECT_THROW(choose_arm(values, 2, 0, none, both), InputError);
  EXPECT_THROW(choose_arm(values, 2, 0, half, none), InputError);
}

TEST(ChooseArm, NeverChoosesAnArmWithMissingProblems) {
  const std::vector<double> values = {0, 0, 1, std::nan("")};
  const std::vector<std::uint8_t> half = {1, 0}, both = {1, 1}, second = {0, 1};
  EXPECT_EQ(choose_arm(values, 2, 0, half, both).chosen, 0u);
  const Choice nothing = choose_arm(values, 2, 0, half, second);
  EXPECT_EQ(nothing.chosen, 0u);
  EXPECT_TRUE(std::isnan(nothing.chosen_on_report.mean));
}

TEST(ChooseArm, OptimismIsWhatChoosingGains) {
  // 12 arms of one true mean over 100 problems: the best of them exceeds it by what 12 draws of noise give,
  // the expected largest of 12 normals (1.629) times the standard error 0.05.
  constexpr std::size_t kArms = 12, kProblems = 100;
  std::mt19937_64 random(23);
  std::vector<std::uint8_t> is_choose(kProblems, 0);
  const std::vector<std::uint8_t> candidates(kArms, 1);
  std::fill_n(is_choose.begin(), kProblems / 2, std::uint8_t{1});
  double sum = 0;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> values(kArms * kProblems);
    for (double& value : values) value = static_cast<double>(random() % 2);
    sum += choose_arm(values, kArms, 0, is_choose, candidates).optimism / kRounds;
  }
  EXPECT_NEAR(sum, 1.629 * 0.05, 0.012);
  // One candidate is not chosen: nothing is gained.
  std::vector<std::uint8_t> one(kArms, 0);
  one[3] = 1;
  std::vector<double> values(kArms * kProblems);
  for (double& value : values) value = static_cast<double>(random() % 2);
  EXPECT_NEAR(choose_arm(values, kArms, 0, is_choose, one).optimism, 0.0, 0.01);
}

}  // namespace
}  // namespace wisk::stats
