// Arms against each other, with what was asked for: baselines, levels, scores, sides of a split, fields.
#include <wisk/report/analysis.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <wisk/stats/prediction_interval.hpp>

#include "run_fixture.hpp"

namespace wisk::report {
namespace {

using stats::Metric;
using test_data::analysis;
using test_data::kProblems;
using test_data::kSamples;

/// Distinct arms of the fixture's cells, in this order.
stats::Samples samples_of(const std::vector<std::size_t>& arms) {
  stats::Samples samples;
  samples.arms = arms.size();
  samples.problems = kProblems;
  for (const std::size_t arm : arms) {
    for (std::size_t problem = 0; problem < samples.problems; ++problem)
      test_data::add_cell(samples, arm, problem);
  }
  return samples;
}

double width(const stats::Estimate& estimate) {
  return estimate.high - estimate.low;
}

TEST(Compare, ABaselineThatSharesSamplesIsTheArmThatDrewThem) {
  AnalysisOptions options;
  options.baseline = "step-9, \"final\"";
  const Analysis found = analysis(options), usual = analysis();
  EXPECT_EQ(found.baseline, 3u);
  EXPECT_TRUE(std::isnan(found.differences[0].difference.mean));
  for (std::size_t i = 0; i < found.k.size(); ++i) {
    EXPECT_EQ(found.differences[2 * found.k.size() + i].holm, usual.differences[2 * found.k.size() + i].holm);
  }
}

TEST(Compare, DifferencesAreOfTheMetricInItsRange) {
  AnalysisOptions options;
  options.metric = Metric::kDistinct;
  const stats::Samples samples = test_data::samples();
  store::ResultsPlan plan = test_data::plan();
  plan.about.split.clear();
  const Analysis found = analyse(test_data::results(samples, plan), samples, options);
  for (std::size_t i = 0; i < found.k.size(); ++i) {
    const auto mine = stats::values_of(samples, 1, Metric::kDistinct, found.k).of_problem[i];
    const auto theirs = stats::values_of(samples, 0, Metric::kDistinct, found.k).of_problem[i];
    const auto expected = stats::paired_difference(mine, theirs, static_cast<double>(found.k[i]));
    const stats::Estimate& difference = found.differences[found.k.size() + i].difference;
    EXPECT_NEAR(difference.mean, expected.mean, 1e-12);
    EXPECT_NEAR(difference.low, expected.low, 1e-12);
    EXPECT_NEAR(difference.high, expected.high, 1e-12);
  }
}

TEST(Compare, EveryIntervalHasTheLevelThatWasAskedFor) {
  AnalysisOptions options;
  options.level = 0.6;
  const Analysis narrow = analysis(options), usual = analysis();
  EXPECT_LT(width(narrow.tables[0].values[0]), width(usual.tables[0].values[0]));
  EXPECT_LT(width(narrow.differences[3].difference), width(usual.differences[3].difference));
  EXPECT_LT(width(narrow.mixtures[0].values[0]), width(usual.mixtures[0].values[0]));
  EXPECT_LT(width(narrow.mixtures[0].blends[0].second[0]), width(usual.mixtures[0].blends[0].second[0]));
  EXPECT_LT(width(narrow.choices[0].choice.chosen_on_report),
            width(usual.choices[0].choice.chosen_on_report));
  EXPECT_LT(width(narrow.choices[0].choice.difference), width(usual.choices[0].choice.difference));
  for (std::size_t arm = 0; arm < 3; ++arm) {
    const stats::Estimate &inner = narrow.predictions[arm].values[0],
                          &outer = usual.predictions[arm].values[0];
    EXPECT_GT(inner.low, outer.low) << arm;
    EXPECT_LT(inner.high, outer.high) << arm;
  }
  for (std::size_t i = 1; i < usual.k.size(); ++i) EXPECT_LT(width(narrow.bound[i]), width(usual.bound[i]));
}

TEST(Compare, BestAtKIsByTheScoreThatWasAskedFor) {
  AnalysisOptions options;
  options.score = stats::Score::kLongest;
  const Analysis found = analysis(options);
  const stats::Samples samples = test_data::samples();
  const auto scores = stats::scores_of(samples, options.score);
  for (std::size_t i = 0; i < found.k.size(); ++i) {
    const auto values = stats::values_of(samples, 0, Metric::kBest, found.k, scores).of_problem;
    double mean = 0;
    for (const double value : values[i]) mean += value / kProblems;
    EXPECT_NEAR(found.table(Metric::kBest)->values[i].mean, mean, 1e-12) << i;
  }
}

TEST(Compare, ImportedScoresAreWeightsAsTheyAreAndLogProbabilitiesAreNot) {
  const stats::Samples samples = test_data::samples();
  AnalysisOptions options;
  options.weighted_majority = true;
  for (const bool imported : {false, true}) {
    options.score = imported ? stats::Score::kImported : stats::Score::kMeanLogprob;
    options.imported_score.clear();
    for (std::size_t row = 0; imported && row < samples.rows(); ++row)
      options.imported_score.push_back(static_cast<double>(row * 7 % 5));
    const Analysis found = analysis(options);
    const auto scores = stats::scores_of(samples, options.score, options.imported_score);
    const std::size_t all = found.k.size() - 1;
    for (std::size_t arm = 0; arm < 3; ++arm) {
      const auto values =
          stats::values_of(samples, arm, Metric::kWeightedMajority, found.k, scores).of_problem;
      double mean = 0;
      for (const double value : values[all]) mean += value / kProblems;
      EXPECT_NEAR(found.table(Metric::kWeightedMajority)->values[arm * found.k.size() + all].mean, mean,
                  1e-12);
    }
  }
}

TEST(Choice, ProblemsOnNeitherSideCountOnNone) {
  const stats::Samples samples = test_data::samples();
  store::ResultsPlan plan = test_data::plan();
  plan.about.split = {"choose", "report", "", "choose", "report", ""};
  const Analysis found = analyse(test_data::results(samples, plan), samples, {});
  EXPECT_NEAR(found.choices[0].choice.chosen_on_choose.mean, 8.0 / 16, 1e-12) << "a and d";
  EXPECT_NEAR(found.choices[0].choice.chosen_on_report.mean, 8.0 / 16, 1e-12) << "b and e";
}

TEST(Choice, IsAmongBlendsAndNamesTheArmOfTheRun) {
  // A checkpoint, which would win; a second name of it; and two blends, compared with the first of them.
  stats::Samples samples = samples_of({0, 0, 1, 2});
  store::ResultsPlan plan = test_data::plan();
  plan.arms = {plan.arms[3], plan.arms[3], plan.arms[1], plan.arms[2]};
  plan.arms[1].name = "again";
  plan.arms[2].sampled_as = 2;
  plan.arms[3].sampled_as = 3;
  AnalysisOptions options;
  options.baseline = "delta=1";
  const auto choice = analyse(test_data::results(samples, plan), samples, options).choices[0].choice;
  EXPECT_EQ(choice.chosen, 3u) << "delta=0.5";
  EXPECT_NEAR(choice.chosen_on_choose.mean, 14.0 / 24, 1e-12);
  EXPECT_NEAR(choice.chosen_on_report.mean, 7.0 / 24, 1e-12);
  EXPECT_NEAR(choice.reference_on_report.mean, 5.0 / 24, 1e-12);
  EXPECT_NEAR(choice.difference.mean, 2.0 / 24, 1e-12);
}

TEST(Mixtures, PairSamplesByTheirNumbers) {
  stats::Samples samples = test_data::samples();
  ++samples.cell_begin[2];  // late has no sample 0 of c
  const Analysis found = analyse(test_data::results(samples), samples, {});
  double mean = 0;
  for (std::size_t problem = 0; problem < kProblems; ++problem) {
    const stats::Cell early(samples, 1, problem), late(samples, 0, problem);
    int pass = 0, pairs = 0;
    for (std::size_t i = early.begin(); i < early.end(); ++i) {
      for (std::size_t j = late.begin(); j < late.end(); ++j) {
        if (samples.number[i] == samples.number[j] || samples.number[i] < samples.number[late.begin()])
          continue;
        ++pairs;
        pass += samples.verdict[i] == Verdict::kCorrect || samples.verdict[j] == Verdict::kCorrect;
      }
    }
    mean += static_cast<double>(pass) / pairs / kProblems;
  }
  EXPECT_NEAR(found.mixtures[0].values[1].mean, mean, 1e-12) << "k = 2";
}

TEST(Mixtures, AreOfEndsUnderOneDecodingAndOfOneEarly) {
  const stats::Samples samples = samples_of({0, 1, 2, 1});
  const auto ends = [&](const auto& change) {
    store::ResultsPlan plan = test_data::plan();
    plan.arms = {plan.arms[0], plan.arms[1], plan.arms[0], plan.arms[1]};
    for (std::uint32_t arm = 0; arm < 4; ++arm) {
      plan.arms[arm].sampled_as = arm;
      plan.arms[arm].name = std::to_string(arm);
      if (arm > 1) change(plan.arms[arm]);
    }
    std::vector<std::pair<std::size_t, std::size_t>> found;
    for (const Mixture& each : analyse(test_data::results(samples, plan), samples, {}).mixtures)
      found.emplace_back(each.first, each.second);
    return found;
  };
  const std::vector<std::pair<std::size_t, std::size_t>> both = {{1, 0}, {3, 2}};
  EXPECT_EQ(ends([](store::ArmColumns& arm) { arm.temperature = 0.7; }), both);
  EXPECT_EQ(ends([](store::ArmColumns& arm) { arm.min_p = 0.1; }), both);
  EXPECT_EQ(ends([](store::ArmColumns& arm) { arm.early = "step-3"; }), both);
  EXPECT_EQ(ends([](store::ArmColumns& arm) { arm.late = "step-7"; }), both);
}

TEST(Mixtures, CanBeAskedFor) {
  AnalysisOptions options;
  options.mixtures = {{"delta=0.5", "delta=1"}};
  const Analysis found = analysis(options);
  ASSERT_EQ(found.mixtures.size(), 2u);
  EXPECT_EQ(found.mixtures[1].first, 2u);
  EXPECT_EQ(found.mixtures[1].second, 1u);
}

TEST(Predictions, AreOfEachArmsOwnCounts) {
  const Analysis found = analysis();
  ASSERT_EQ(found.predictions.size(), 3u) << "an arm that shares samples has none of its own";
  const std::vector<std::int64_t> n(kProblems, kSamples), k = {16, 32};
  for (const Prediction& each : found.predictions) {
    EXPECT_EQ(each.k, k);
    std::vector<std::int64_t> c;
    for (std::size_t problem = 0; problem < kProblems; ++problem)
      c.push_back(test_data::correct_of(each.arm, problem));
    const auto expected = stats::predicted_with_interval(n, c, k, found.level);
    for (std::size_t i = 0; i < k.size(); ++i) {
      EXPECT_EQ(each.values[i].mean, expected[i].mean);
      EXPECT_EQ(each.values[i].low, expected[i].low);
    }
  }
}

TEST(Parts, HaveTheCountsSidesAndGapsOfTheirProblems) {
  stats::Samples samples = test_data::samples();
  samples.cell_end[2 * kProblems + 1] -= 3;  // of b, in the second part
  store::ResultsPlan plan = test_data::plan();
  plan.about.fields = {{"level", {"1", "2", "2", "1", "1", "2"}}};
  const auto parts = analyse_by(test_data::results(samples, plan), samples, {}, "level");
  ASSERT_EQ(parts.size(), 2u);
  const store::Results &first = parts[0].second.results, &second = parts[1].second.results;
  EXPECT_EQ(second.plan.problems, (std::vector<std::string>{"b", "c", "f"}));
  EXPECT_EQ(second.plan.about.split, (std::vector<std::string>{"report", "choose", "report"}));
  EXPECT_EQ(std::vector<std::int64_t>(second.c.begin(), second.c.begin() + 6),
            (std::vector<std::int64_t>{8, 7, 0, 3, 2, 1}));
  EXPECT_EQ(first.missing_samples, 0);
  EXPECT_EQ(second.missing_samples, 3);
}

}  // namespace
}  // namespace wisk::report
