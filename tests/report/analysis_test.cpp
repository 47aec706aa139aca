#include <wisk/report/analysis.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include <wisk/core/error.hpp>
#include <wisk/stats/mixture.hpp>
#include <wisk/stats/pass_at_k.hpp>

#include "run_fixture.hpp"

namespace wisk::report {
namespace {

using test_data::analysis;
using test_data::kProblems;
using test_data::kSamples;

const Column& column(const Analysis& of, const std::string& id) {
  const auto found =
      std::find_if(of.columns.begin(), of.columns.end(), [&](const Column& each) { return each.id == id; });
  if (found == of.columns.end()) throw std::runtime_error("no column " + id);
  return *found;
}

template <class Do>
std::string usage_error(Do run) {
  try {
    run();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Analysis, PassAtKIsTheMeanOverProblems) {
  const Analysis found = analysis();
  for (std::size_t arm = 0; arm < 3; ++arm) {
    for (std::size_t i = 0; i < found.k.size(); ++i) {
      double mean = 0;
      for (std::size_t problem = 0; problem < kProblems; ++problem)
        mean += stats::pass_at_k(kSamples, test_data::correct_of(arm, problem), found.k[i]) / kProblems;
      const stats::Estimate& value = found.tables[0].values[arm * found.k.size() + i];
      EXPECT_NEAR(value.mean, mean, 1e-12);
      EXPECT_LE(value.low, value.mean);
      EXPECT_GE(value.high, value.mean);
    }
  }
}

TEST(Analysis, ArmsThatShareSamplesHaveTheSameNumbers) {
  const Analysis found = analysis();
  const std::size_t ks = found.k.size();
  for (const MetricTable& table : found.tables) {
    for (std::size_t i = 0; i < ks; ++i) EXPECT_EQ(table.values[3 * ks + i].mean, table.values[i].mean);
  }
  for (const Column& each : found.columns) EXPECT_EQ(each.values[3].mean, each.values[0].mean) << each.id;
  EXPECT_TRUE(std::isnan(found.differences[3 * ks].difference.mean)) << "the baseline's own samples";
}

TEST(Analysis, TheBaselineIsTheArmWithDelta0OrTheOneNamed) {
  EXPECT_EQ(analysis().baseline, 0u);
  AnalysisOptions options;
  options.baseline = "delta=1";
  EXPECT_EQ(analysis(options).baseline, 1u);
  options.baseline = "delta=0.51";
  EXPECT_NE(usage_error([&] { analysis(options); }).find("did you mean \"delta=0.5\""), std::string::npos);
  const stats::Samples samples = test_data::samples();
  store::ResultsPlan plan = test_data::plan();
  plan.arms[0].delta = 0.25;
  EXPECT_EQ(analyse(test_data::results(samples, plan), samples, {}).baseline, 3u)
      << "the checkpoint that is late";
  plan.arms[3].recipe_in_words = "1 x step-8";
  EXPECT_EQ(analyse(test_data::results(samples, plan), samples, {}).baseline, 3u) << "the last step";
  plan.arms[3].step = std::nan("");
  const Analysis none = analyse(test_data::results(samples, plan), samples, {});
  EXPECT_FALSE(none.baseline.has_value());
  EXPECT_TRUE(none.differences.empty());
}

TEST(Analysis, AnyKUpToTheSamplesCanBeAskedFor) {
  AnalysisOptions options;
  options.k = {8, 3, 3};
  EXPECT_EQ(analysis(options).k, (std::vector<std::int64_t>{3, 8}));
  for (const std::int64_t k : {0, 9}) {
    options.k = {k};
    EXPECT_NE(usage_error([&] { analysis(options); }).find("expected k from 1 to 8"), std::string::npos);
  }
}

TEST(Analysis, DifferencesArePairedOverProblems) {
  const Analysis found = analysis();
  const std::size_t ks = found.k.size();
  double mean = 0;
  for (std::size_t problem = 0; problem < kProblems; ++problem)
    mean += static_cast<double>(test_data::correct_of(1, problem) - test_data::correct_of(0, problem)) /
            (kSamples * kProblems);
  EXPECT_NEAR(found.differences[ks].difference.mean, mean, 1e-12);
  EXPECT_TRUE(std::isnan(found.differences[0].p_value)) << "the baseline is not compared with itself";
  // At k = 8 early solves three problems that late does not; the others are ties: 2 of 2^3 sign patterns.
  EXPECT_NEAR(found.differences[ks + 2].p_value, 0.25, 1e-12);
  EXPECT_NEAR(found.differences[ks + 2].holm, 0.5, 1e-12) << "of two comparisons";
  double best = 0;
  for (const std::size_t arm : {0, 1, 2}) best += found.differences[arm * ks].best;
  EXPECT_NEAR(best, 1, 1e-9);
}

TEST(Analysis, AMixtureTakesSamplesWithDifferentNumbersFromBothArms) {
  const Analysis found = analysis();
  ASSERT_EQ(found.mixtures.size(), 1u);
  EXPECT_EQ(found.mixtures[0].first, 1u);
  EXPECT_EQ(found.mixtures[0].second, 0u);
  const stats::Samples samples = test_data::samples();
  double mean = 0;
  for (std::size_t problem = 0; problem < kProblems; ++problem) {
    // Pairs (i of early, j of late) with i != j of which at least one is correct.
    const stats::Cell early(samples, 1, problem), late(samples, 0, problem);
    int pass = 0;
    for (std::size_t i = 0; i < kSamples; ++i) {
      for (std::size_t j = 0; j < kSamples; ++j) {
        pass += i != j && (early.of(samples.verdict)[i] == Verdict::kCorrect ||
                           late.of(samples.verdict)[j] == Verdict::kCorrect);
      }
    }
    mean += pass / (kSamples * (kSamples - 1.0)) / kProblems;
  }
  EXPECT_NEAR(found.mixtures[0].values[1].mean, mean, 1e-12) << "k = 2";
  const std::size_t ks = found.k.size();
  EXPECT_NEAR(found.mixtures[0].values[0].mean,
              (found.tables[0].values[0].mean + found.tables[0].values[ks].mean) / 2, 1e-12)
      << "k = 1: one sample of either";
  ASSERT_EQ(found.mixtures[0].blends.size(), 1u);
  EXPECT_NEAR(found.mixtures[0].blends[0].second[1].mean,
              found.tables[0].values[2 * ks + 1].mean - found.mixtures[0].values[1].mean, 1e-12);
}

TEST(Analysis, AMixtureOfOtherPartsTakesThatManyOfEach) {
  AnalysisOptions options;
  options.k = {2, 4};
  options.mixtures = {{"delta=1", "delta=0", 3, 1}};
  const Analysis found = analysis(options);
  ASSERT_EQ(found.mixtures.size(), 2u);
  const Mixture& mixture = found.mixtures[1];
  EXPECT_EQ(title_of(found, mixture), "3 x delta=1 + 1 x delta=0");
  EXPECT_TRUE(std::isnan(mixture.values[0].mean)) << "2 samples can't be 3 to 1";
  const stats::Samples samples = test_data::samples();
  double mean = 0;
  for (std::size_t problem = 0; problem < kProblems; ++problem) {
    const auto late = stats::Cell(samples, 0, problem).of(samples.verdict),
               early = stats::Cell(samples, 1, problem).of(samples.verdict);
    int pass = 0, all = 0;
    for (unsigned set = 0; set < 256; ++set) {  // three numbers of early, and one other of late
      if (std::popcount(set) != 3) continue;
      for (std::size_t j = 0; j < 8; ++j) {
        if ((set >> j & 1u) != 0) continue;
        bool any = late[j] == Verdict::kCorrect;
        for (std::size_t i = 0; i < 8; ++i)
          any = any || ((set >> i & 1u) != 0 && early[i] == Verdict::kCorrect);
        pass += any;
        ++all;
      }
    }
    mean += static_cast<double>(pass) / all / kProblems;
  }
  EXPECT_NEAR(mixture.values[1].mean, mean, 1e-12);
}

TEST(Analysis, EndsOfAMixtureMayBeCheckpointsOfATrajectory) {
  const stats::Samples samples = test_data::samples();
  store::ResultsPlan plan = test_data::plan();
  plan.arms[0].delta = plan.arms[1].delta = std::nan("");
  plan.arms[0].recipe_in_words = "1 x step-9";
  plan.arms[1].recipe_in_words = "1 x step-1";
  const Analysis found = analyse(test_data::results(samples, plan), samples, {});
  ASSERT_EQ(found.mixtures.size(), 1u);
  EXPECT_EQ(found.mixtures[0].first, 1u);
  EXPECT_EQ(found.mixtures[0].second, 0u);
  EXPECT_EQ(found.mixtures[0].blends.size(), 1u);
}

TEST(Analysis, ThePartsOfAFieldAreTheRunOfTheirProblems) {
  const stats::Samples samples = test_data::samples();
  const auto parts = analyse_by(test_data::results(samples), samples, {}, "level");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].first, "1");
  EXPECT_EQ(parts[1].second.results.plan.problems, (std::vector<std::string>{"d", "e", "f"}));
  EXPECT_NEAR(parts[0].second.tables[0].values[0].mean, 23.0 / 24, 1e-12);
  EXPECT_EQ(parts[1].second.tables[0].values[0].mean, 0);
  EXPECT_NE(usage_error([&] {
              analyse_by(test_data::results(samples), samples, {}, "levle");
            }).find("did you mean \"level\""),
            std::string::npos);
}

TEST(Analysis, TheChoiceIsMadeOnOneSideAndReportedOnTheOther) {
  const Analysis found = analysis();
  ASSERT_EQ(found.choices.size(), found.k.size());
  EXPECT_EQ(found.choices[0].k, 1);
  EXPECT_EQ(found.choices[0].choice.chosen, 0u) << "late is best at Pass@1 on a, c, e";
  EXPECT_NEAR(found.choices[0].choice.chosen_on_choose.mean, 15.0 / 24, 1e-12);
  EXPECT_NEAR(found.choices[0].choice.chosen_on_report.mean, 8.0 / 24, 1e-12);
  EXPECT_EQ(found.choices[0].choice.difference.mean, 0);
  // A trajectory that is listed first, and so stands for the samples of delta 0, changes nothing.
  store::ResultsPlan twins = test_data::plan();
  std::swap(twins.arms[0], twins.arms[3]);
  twins.arms[0].sampled_as = twins.arms[3].sampled_as = 0;
  const stats::Samples same = test_data::samples();
  const Analysis found_twin = analyse(test_data::results(same, twins), same, {});
  ASSERT_EQ(found_twin.choices.size(), found.choices.size());
  EXPECT_EQ(found_twin.choices[0].choice.chosen, 3u) << "by its name as a blend";
  EXPECT_EQ(found_twin.choices[0].choice.optimism, found.choices[0].choice.optimism);
  store::ResultsPlan plan = test_data::plan();
  plan.about.split.clear();
  const stats::Samples samples = test_data::samples();
  EXPECT_TRUE(analyse(test_data::results(samples, plan), samples, {}).choices.empty());
}

TEST(Analysis, APartWithOneSideOfTheSplitHasNoChoice) {
  const stats::Samples samples = test_data::samples();
  store::ResultsPlan plan = test_data::plan();
  plan.about.fields = {{"letter", {"x", "y", "x", "y", "x", "y"}}};
  const auto parts = analyse_by(test_data::results(samples, plan), samples, {}, "letter");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_TRUE(parts[0].second.choices.empty());
  EXPECT_FALSE(parts[0].second.differences.empty());
}

TEST(Analysis, TheComparedMetricIsAmongTheTables) {
  for (int i = 0; i < stats::kMetrics; ++i) {
    AnalysisOptions options;
    options.metric = static_cast<stats::Metric>(i);
    const Analysis found = analysis(options);
    const MetricTable* table = found.table(options.metric);
    ASSERT_NE(table, nullptr) << i;
    const std::size_t ks = found.k.size();
    for (std::size_t k = 0; k < ks; ++k) {
      EXPECT_NEAR(found.differences[ks + k].difference.mean,
                  table->values[ks + k].mean - table->values[k].mean, 1e-12)
          << i;
    }
  }
}

TEST(Analysis, TheBestArmMustBeSurelyBetterThanEachOther) {
  const stats::Samples samples = test_data::samples();
  for (const Difference& each : analysis().differences)
    EXPECT_FALSE(each.is_best) << "six problems prove little";
  // 60 problems of which one arm solves all and the others half: surely. With one sample missing: not known.
  stats::Samples many = samples;
  std::vector<std::size_t> problems;
  for (std::size_t i = 0; i < 60; ++i) problems.push_back(i % kProblems);
  many = stats::of_problems(many, problems);
  store::ResultsPlan plan = test_data::plan();
  plan.about = {};
  plan.problems.clear();
  for (std::size_t i = 0; i < 60; ++i) plan.problems.push_back(std::to_string(i));
  const Analysis sure = analyse(test_data::results(many, plan), many, {});
  const std::size_t ks = sure.k.size();
  EXPECT_TRUE(sure.differences[ks + 2].is_best) << "early at k = 8";
  EXPECT_GT(sure.differences[ks + 2].best, 0.99);
  EXPECT_FALSE(sure.differences[2].is_best);
  many.cell_end[0] -= 1;
  const Analysis gap = analyse(test_data::results(many, plan), many, {});
  EXPECT_FALSE(gap.differences[ks + 2].is_best);
  EXPECT_TRUE(std::isnan(gap.differences[ks + 2].best));
}

TEST(Analysis, ArmsThatWereNotSampledHaveNoNumbers) {
  stats::Samples samples = test_data::samples();
  for (std::size_t problem = 0; problem < kProblems; ++problem)
    samples.cell_end[2 * kProblems + problem] = samples.cell_begin[2 * kProblems + problem];
  const Analysis found = analyse(test_data::results(samples), samples, {});
  for (const Column& each : found.columns) EXPECT_TRUE(std::isnan(each.values[2].mean)) << each.id;
  for (const MetricTable& each : found.tables) EXPECT_TRUE(std::isnan(each.values[2 * found.k.size()].mean));
}

TEST(Analysis, HealthWarnsOfTruncationAndOfNumbersUsedTwice) {
  EXPECT_TRUE(analysis().warnings.empty());
  stats::Samples samples = test_data::samples();
  for (std::size_t row = 0; row < 3; ++row) samples.finish[row] = FinishReason::kLength;
  const Analysis cut = analyse(test_data::results(samples), samples, {});
  ASSERT_EQ(cut.warnings.size(), 1u);
  EXPECT_NE(cut.warnings[0].find("6.2 % of delta=0 (max_tokens 64)"), std::string::npos) << cut.warnings[0];
  EXPECT_NEAR(column(cut, "truncated_share").values[0].mean, 3.0 / 48, 1e-12);
}

/// `problems` problems of eight samples, whose token sequences repeat when `twice`.
std::vector<std::string> warnings_of_duplicates(std::size_t problems, bool twice, double logprob) {
  stats::Samples samples;
  store::ResultsPlan plan = test_data::plan();
  plan.arms.resize(1);
  plan.about = {};
  plan.problems.clear();
  samples.arms = 1;
  samples.problems = problems;
  for (std::size_t problem = 0; problem < problems; ++problem) {
    plan.problems.push_back(std::to_string(problem));
    test_data::add_cell(samples, 0, problem % kProblems);
  }
  for (std::size_t row = 0; row < samples.rows(); ++row) {
    samples.logprob[row] = logprob;
    if (twice) samples.tokens_hash[row] = row / 2;
  }
  return analyse(test_data::results(samples, plan), samples, {}).warnings;
}

TEST(Analysis, EqualCompletionsBeyondChanceAreNoticed) {
  EXPECT_TRUE(warnings_of_duplicates(60, false, -20).empty());
  const auto warnings = warnings_of_duplicates(60, true, -20);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("more equal completions than chance allows"), std::string::npos);
  EXPECT_TRUE(warnings_of_duplicates(60, true, -1).empty()) << "samples as likely as that repeat by chance";
}

TEST(Analysis, AnIncompleteRunHasGapsNotGuesses) {
  stats::Samples samples = test_data::samples();
  samples.cell_end[1] = samples.cell_begin[1] + 1;
  const Analysis found = analyse(test_data::results(samples), samples, {});
  EXPECT_FALSE(std::isnan(found.tables[0].values[0].mean)) << "k = 1";
  EXPECT_TRUE(std::isnan(found.tables[0].values[1].mean)) << "k = 2";
  EXPECT_NE(found.warnings[0].find("7 of 144 samples are missing"), std::string::npos) << found.warnings[0];
}

TEST(Analysis, TheBoundIsPassAt2AtK2AndHasAnInterval) {
  const Analysis found = analysis();
  const std::size_t ks = found.k.size();
  for (std::size_t arm = 0; arm < 3; ++arm) {
    EXPECT_TRUE(std::isnan(found.bound[arm * ks].mean)) << "k = 1";
    // The variance is of the population the problems are from, so equality at k = 2 is up to a factor P / (P
    // - 1).
    EXPECT_NEAR(found.bound[arm * ks + 1].mean, found.tables[0].values[arm * ks + 1].mean, 0.06);
    for (std::size_t k = 1; k < ks; ++k) {
      const stats::Estimate& bound = found.bound[arm * ks + k];
      EXPECT_LE(bound.low, bound.mean);
      EXPECT_GE(bound.high, bound.mean);
      EXPECT_GT(bound.high, bound.low);
      EXPECT_GT(bound.high, found.tables[0].values[arm * ks + k].mean - 0.06);
    }
  }
}

TEST(Analysis, UndecidedSamplesAreTakenBothWays) {
  stats::Samples samples = test_data::samples();
  const std::size_t row = samples.cell_begin[3];  // of a problem that late never solves
  samples.verdict[row] = Verdict::kUndecided;
  samples.answer[row] = -1;
  const Analysis found = analyse(test_data::results(samples), samples, {});
  const MetricTable* both = found.table(stats::Metric::kPassUndecidedCorrect);
  ASSERT_NE(both, nullptr);
  EXPECT_NEAR(both->values[0].mean, found.tables[0].values[0].mean + 1.0 / 48, 1e-12);
  EXPECT_EQ(analysis().table(stats::Metric::kPassUndecidedCorrect), nullptr);
}

}  // namespace
}  // namespace wisk::report
