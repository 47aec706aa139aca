// A short version of tests/bench/coverage: bounds that a wrong method does not keep.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <wisk/stats/comparison.hpp>
#include <wisk/stats/interval.hpp>

#include "coverage_model.hpp"

namespace wisk::test {
namespace {

struct Population {
  Mix mix;
  std::size_t problems;
  int n, k;
  double least, most;  // bounds of the coverage
};

void PrintTo(const Population& population, std::ostream* out) {
  *out << population.mix.name << ", P = " << population.problems << ", n = " << population.n
       << ", k = " << population.k;
}

constexpr int kExperiments = 2000;
/// Three standard errors of a coverage of 0.95 over kExperiments.
const double kSlack = 3 * std::sqrt(0.95 * 0.05 / kExperiments);

double coverage_of(const Population& population, const Method& method, int experiments = kExperiments) {
  const Cell cell(population.mix, population.problems, population.n, population.k);
  return tally(cell, std::vector<Method>{method}, experiments, 29)[0].coverage();
}

class Coverage : public testing::TestWithParam<Population> {};

TEST_P(Coverage, IsWithinItsBounds) {
  const double coverage =
      coverage_of(GetParam(), [](std::span<const double> values) { return stats::mean_interval(values); });
  EXPECT_GE(coverage, GetParam().least - kSlack);
  EXPECT_LE(coverage, GetParam().most + kSlack);
}

/// 94 to 96 % where that can be reached; never below, and no limit above, where values hug an end of the
/// range, where all problems are alike, or where zeros and ones are few.
INSTANTIATE_TEST_SUITE_P(
    Populations, Coverage,
    testing::Values(Population{{"uniform", {{1, 1, 1}}}, 30, 16, 1, 0.945, 0.96},
                    Population{{"U-shaped", {{1, 0.5, 0.5}}}, 30, 64, 1, 0.945, 0.96},
                    Population{{"U-shaped", {{1, 0.5, 0.5}}}, 300, 16, 4, 0.945, 0.96},
                    Population{{"skewed", {{1, 2, 5}}}, 100, 16, 1, 0.945, 0.965},
                    Population{{"nearly all zero", {{1, 0.1, 2}}}, 300, 64, 1, 0.945, 0.97},
                    Population{{"bimodal", {{0.5, 0.05, 0}, {0.5, 0.95, 0}}}, 100, 4, 1, 0.945, 0.965},
                    Population{{"middling", {{1, 8, 8}}}, 300, 16, 4, 0.945, 0.97},
                    Population{{"all alike", {{1, 0.5, 0}}}, 300, 16, 1, 0.945, 0.975},
                    Population{{"zeros and ones", {{1, 1, 1}}}, 300, 1, 1, 0.945, 0.965},
                    Population{{"uniform", {{1, 1, 1}}}, 12, 16, 1, 0.945, 1},
                    Population{{"nearly all zero", {{1, 0.05, 2}}}, 12, 16, 1, 0.945, 1},
                    Population{{"nearly all zero", {{1, 0.05, 2}}}, 30, 64, 1, 0.945, 1},
                    Population{{"nearly all one", {{1, 4, 0.1}}}, 30, 16, 4, 0.945, 1},
                    Population{{"a few of another kind", {{0.9, 0.01, 0}, {0.1, 1, 0}}}, 30, 16, 1, 0.945, 1},
                    Population{
                        {"a few of another kind", {{0.99, 0.99, 0}, {0.01, 0, 0}}}, 100, 64, 1, 0.945, 1}));

/// The bounds above can be missed: by these methods, they are.
TEST(Coverage, CatchesNormalStudentsAndBootstrapIntervals) {
  const Population few_right = {{"nearly all zero", {{1, 0.05, 2}}}, 30, 64, 1, 0.945, 1};
  EXPECT_LT(coverage_of(few_right, normal_interval), 0.9);
  EXPECT_LT(coverage_of(few_right, student_interval), 0.9);
  EXPECT_LT(coverage_of(few_right, bootstrap_method(200, 1), 400), 0.9);
  const Population small = {{"U-shaped", {{1, 0.5, 0.5}}}, 12, 16, 1, 0.945, 1};
  EXPECT_LT(coverage_of(small, normal_interval), 0.945 - kSlack);
  EXPECT_LT(coverage_of(small, bootstrap_method(200, 1), 400), 0.94);
  // Taking each sample for a trial of its own is wrong where problems differ.
  const Population differing = {{"U-shaped", {{1, 0.5, 0.5}}}, 100, 16, 1, 0.945, 0.96};
  const Method pooled = [](std::span<const double> values) {
    const stats::Estimate wide = normal_interval(values);
    const double half =
        1.96 * std::sqrt(wide.mean * (1 - wide.mean) / 16 / static_cast<double>(values.size()));
    return stats::Estimate{wide.mean, wide.mean - half, wide.mean + half};
  };
  EXPECT_LT(coverage_of(differing, pooled), 0.6);
}

TEST(Coverage, OfPairedDifferencesHoldsWithTiesAndFewProblems) {
  for (const ArmPair& pair : arm_pairs()) {
    for (const std::size_t problems : {12u, 100u}) {
      std::mt19937_64 random(problems);
      std::vector<double> a(problems), b(problems), difference(problems);
      Tally tally;
      int rejected = 0;
      constexpr int kRounds = 250;
      const stats::SignFlipTest test(problems);
      for (int round = 0; round < kRounds; ++round) {
        for (std::size_t i = 0; i < problems; ++i) {
          pair.draw(random, a[i], b[i]);
          difference[i] = a[i] - b[i];
        }
        tally.add(stats::paired_difference(a, b), pair.truth);
        rejected += test.p_value(difference) <= 0.05;
      }
      EXPECT_GE(tally.coverage(), 0.94 - 3 * std::sqrt(0.94 * 0.06 / kRounds))
          << pair.name << " " << problems;
      if (pair.truth == 0) {
        EXPECT_LE(rejected, kRounds * 0.05 + 3 * std::sqrt(kRounds * 0.05 * 0.95))
            << pair.name << " " << problems;
      }
    }
  }
}

TEST(Coverage, OfAVarianceHolds) {
  const Mix mix = {"U-shaped", {{1, 0.5, 0.5}}};
  const Cell cell(mix, 60, 16, 1);
  std::mt19937_64 random(31);
  std::vector<double> rates(60);
  Tally tally;
  constexpr int kRounds = 300;
  for (int round = 0; round < kRounds; ++round) {
    cell.draw(random, rates);
    const auto variance = [&](std::span<const double> weights) {
      double mean = 0, square = 0, noise = 0;
      for (std::size_t i = 0; i < rates.size(); ++i) {
        mean += weights[i] * rates[i] / 60;
        square += weights[i] * rates[i] * rates[i] / 60;
        noise += weights[i] * rates[i] * (1 - rates[i]) / 15 / 60;
      }
      return (square - mean * mean) * 60 / 59 - noise;
    };
    tally.add(stats::functional_interval(60, variance), rate_variance(mix));
  }
  EXPECT_NEAR(tally.coverage(), 0.95, 3 * std::sqrt(0.95 * 0.05 / kRounds));
}

}  // namespace
}  // namespace wisk::test
