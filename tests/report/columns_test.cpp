// The columns of each arm against numbers counted by hand.
#include <wisk/report/analysis.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <wisk/stats/bias_variance.hpp>
#include <wisk/stats/diversity.hpp>

#include "run_fixture.hpp"

namespace wisk::report {
namespace {

const Column* column(const Analysis& of, const std::string& id) {
  for (const Column& each : of.columns) {
    if (each.id == id) return &each;
  }
  return nullptr;
}

stats::Estimate value(const Analysis& of, const std::string& id, std::size_t arm = 0) {
  const Column* found = column(of, id);
  EXPECT_NE(found, nullptr) << id;
  const double none = std::nan("");
  return found == nullptr ? stats::Estimate{none, none, none} : found->values[arm];
}

bool warned(const Analysis& of, const std::string& words) {
  return std::any_of(of.warnings.begin(), of.warnings.end(),
                     [&](const std::string& line) { return line.find(words) != std::string::npos; });
}

struct Row {
  Verdict verdict;
  int answer, tokens;
  double logprob;
  std::uint64_t hash, path;
};

/// One arm, without a split.
struct OneArm {
  stats::Samples samples;
  store::ResultsPlan plan = test_data::plan();

  OneArm() {
    samples.arms = 1;
    plan.arms.resize(1);
    plan.arms[0].samples = 4;
    plan.k = {1};
    plan.about = {};
    plan.problems.clear();
  }
  void add(const std::vector<Row>& rows) {
    samples.cell_begin.push_back(samples.rows());
    for (const Row& row : rows) {
      samples.number.push_back(static_cast<std::int32_t>(samples.rows() - samples.cell_begin.back()));
      samples.verdict.push_back(row.verdict);
      samples.finish.push_back(FinishReason::kEndOfSequence);
      samples.answer.push_back(row.answer);
      samples.tokens.push_back(row.tokens);
      samples.logprob.push_back(row.logprob);
      samples.tokens_hash.push_back(row.hash);
      samples.path.push_back(row.path);
      samples.thinks.push_back(0);
    }
    samples.cell_end.push_back(samples.rows());
    plan.problems.push_back("p" + std::to_string(samples.problems++));
  }
  [[nodiscard]] Analysis analysis(double level = stats::kIntervalLevel) const {
    AnalysisOptions options;
    options.level = level;
    options.predictions = false;
    return analyse(test_data::results(samples, plan), samples, options);
  }
};

/// Two problems of four samples: one of each verdict, and four that are the same.
OneArm two_problems() {
  OneArm one;
  one.add({{Verdict::kCorrect, 0, 10, -1, 1, 0},
           {Verdict::kWrong, 1, 20, -2, 1, 5},
           {Verdict::kWrong, 1, 30, -3, 2, 5},
           {Verdict::kNoAnswer, -1, 40, -6, 3, 7}});
  one.add({{Verdict::kCorrect, 0, 2, -1, 9, 3},
           {Verdict::kCorrect, 0, 4, -1, 9, 3},
           {Verdict::kCorrect, 0, 6, -1, 9, 0},
           {Verdict::kCorrect, 0, 8, -1, 9, 0}});
  one.samples.finish[3] = FinishReason::kLength;
  one.samples.thinks[0] = 1;
  return one;
}

TEST(Columns, AreMeansOverProblemsCountedByHand) {
  const Analysis found = two_problems().analysis();
  EXPECT_NEAR(value(found, "mean_pass_at_1").mean, (0.25 + 1) / 2, 1e-12);
  EXPECT_NEAR(value(found, "distinct_completions").mean, (3 + 1) / 2.0, 1e-12);
  EXPECT_NEAR(value(found, "distinct_correct_completions").mean, 1, 1e-12);
  EXPECT_NEAR(value(found, "distinct_paths").mean, (2 + 1) / 2.0, 1e-12) << "a path of 0 is none";
  EXPECT_NEAR(value(found, "distinct_correct_paths").mean, (0 + 1) / 2.0, 1e-12);
  EXPECT_NEAR(value(found, "token_surprisal").mean, (12 + 4) / 120.0, 1e-12) << "of all tokens alike";
  EXPECT_NEAR(value(found, "mean_tokens").mean, (25 + 5) / 2.0, 1e-12);
  EXPECT_EQ(value(found, "p95_tokens").mean, 40);
  EXPECT_NEAR(value(found, "truncated_share").mean, 0.125, 1e-12);
  EXPECT_NEAR(value(found, "wrong_share").mean, 0.25, 1e-12);
  EXPECT_NEAR(value(found, "no_answer_share").mean, 0.125, 1e-12);
  EXPECT_EQ(value(found, "truncated_verdict_share").mean, 0);
  EXPECT_EQ(value(found, "undecided_share").mean, 0);
  EXPECT_NEAR(value(found, "think_share").mean, 0.125, 1e-12);
  EXPECT_NEAR(value(found, "duplicate_pairs").mean, (2 / 12.0 + 1) / 2, 1e-12);
  const double likely = ((std::exp(-1) + std::exp(-2) + std::exp(-3) + std::exp(-6)) / 4 + std::exp(-1)) / 2;
  EXPECT_NEAR(value(found, "expected_duplicate_pairs").mean, likely, 1e-12);
  EXPECT_NEAR(value(found, "duplicate_excess").mean, 7 / 12.0 - likely, 1e-12);
}

TEST(Columns, SpreadAndEntropyAreWhatTheirFunctionsSay) {
  const Analysis found = two_problems().analysis();
  const std::vector<std::int64_t> n = {4, 4}, c = {1, 4}, mixed = {1, 2}, one = {4};
  EXPECT_NEAR(value(found, "variance_pass_at_1").mean, stats::bias_variance(n, c).variance, 1e-12);
  EXPECT_NEAR(value(found, "answer_entropy").mean,
              (stats::answer_entropy(mixed) + stats::answer_entropy(one)) / 2, 1e-12);
}

TEST(Columns, HaveTheLevelThatWasAskedFor) {
  const OneArm one = two_problems();
  const Analysis half = one.analysis(0.5), usual = one.analysis(0.95);
  for (const char* id : {"mean_pass_at_1", "distinct_completions", "mean_tokens", "wrong_share"}) {
    EXPECT_GT(value(half, id).low, value(usual, id).low) << id;
    EXPECT_LT(value(half, id).high, value(usual, id).high) << id;
  }
}

TEST(Columns, LeaveProblemsWithoutSamplesOut) {
  OneArm one = two_problems();
  one.add({});
  const Analysis found = one.analysis();
  EXPECT_NEAR(value(found, "mean_pass_at_1").mean, (0.25 + 1) / 2, 1e-12) << "not a third of 1.25";
  EXPECT_TRUE(std::isnan(value(found, "mean_pass_at_1").low));
  EXPECT_NEAR(value(found, "mean_tokens").mean, 15, 1e-12);
  EXPECT_EQ(column(found, "variance_pass_at_1"), nullptr) << "not known below two samples";
}

TEST(Columns, TheQuantileOfTokensIsThatOfAllSamplesEachProblemAlike) {
  OneArm many;
  many.plan.arms[0].samples = 20;
  many.plan.arms[0].max_tokens = 1200;
  for (int problem = 0; problem < 60; ++problem) {  // tokens 1 to 1200, mixed over the problems
    std::vector<Row> rows;
    for (int i = 0; i < 20; ++i) rows.push_back({Verdict::kWrong, 1, 1 + i * 60 + problem, -9, 0, 0});
    many.add(rows);
  }
  EXPECT_EQ(value(many.analysis(), "p95_tokens").mean, 1140);
  OneArm uneven;
  uneven.plan.arms[0].samples = 39;
  std::vector<Row> rows;
  for (int i = 1; i <= 39; ++i) rows.push_back({Verdict::kWrong, 1, i, -9, 0, 0});
  uneven.add(rows);
  uneven.add({{Verdict::kWrong, 1, 60, -9, 0, 0}});  // one sample, but half of the problems
  EXPECT_EQ(value(uneven.analysis(), "p95_tokens").mean, 60);
}

TEST(Columns, ChanceOfEqualPairsIsKnownWithoutFiltersOnly) {
  OneArm one = two_problems();
  one.plan.arms[0].top_p = 0.9;
  EXPECT_EQ(column(one.analysis(), "expected_duplicate_pairs"), nullptr);
  EXPECT_EQ(column(one.analysis(), "duplicate_excess"), nullptr);
  EXPECT_NE(column(one.analysis(), "duplicate_pairs"), nullptr);
}

/// 60 problems of eight samples, each of probability 0.01; `repeated` of them have four pairs of equal ones.
Analysis with_repeats(int repeated) {
  OneArm one;
  one.plan.arms[0].samples = 8;
  for (int problem = 0; problem < 60; ++problem) {
    std::vector<Row> rows;
    for (std::uint64_t i = 0; i < 8; ++i)
      rows.push_back({Verdict::kWrong, 1, 5, std::log(0.01), problem < repeated ? i / 2 : i, 0});
    one.add(rows);
  }
  return one.analysis();
}

TEST(Columns, OnlyRepeatsThatAreNoAccidentAreAlarming) {
  const std::string words = "more equal completions than chance allows";
  EXPECT_FALSE(warned(with_repeats(8), words)) << "more than chance allows, but not surely";
  EXPECT_TRUE(warned(with_repeats(40), words));
  EXPECT_TRUE(std::isnan(value(with_repeats(4), "duplicate_excess").low)) << "in fewer than five problems";
  EXPECT_FALSE(std::isnan(value(with_repeats(5), "duplicate_excess").low));
}

TEST(Warnings, OfTruncationBeginAboveOnePercentAndNameArmsOnce) {
  OneArm one;
  one.plan.arms[0].samples = 100;
  one.add(std::vector<Row>(100, {Verdict::kWrong, 1, 5, -9, 0, 0}));
  one.samples.finish[7] = FinishReason::kLength;
  EXPECT_FALSE(warned(one.analysis(), "max_tokens")) << "1 of 100";
  one.samples.finish[8] = FinishReason::kLength;
  EXPECT_TRUE(warned(one.analysis(), "2.0 % of delta=0 (max_tokens 64)"));
  stats::Samples shared = test_data::samples();
  for (std::size_t row = 0; row < 3; ++row) shared.finish[row] = FinishReason::kLength;
  EXPECT_FALSE(warned(analyse(test_data::results(shared), shared, {}), "step-9"))
      << "the samples are delta=0's";
}

TEST(Warnings, OfUndecidedSamplesSayHowMany) {
  OneArm one = two_problems();
  EXPECT_FALSE(warned(one.analysis(), "undecided"));
  one.samples.verdict[1] = Verdict::kUndecided;
  one.samples.answer[1] = -1;
  EXPECT_TRUE(warned(one.analysis(), "12.50 % of delta=0"));
}

TEST(Bounds, AreOfEachArmAndK) {
  const Analysis found = test_data::analysis();
  const std::vector<std::int64_t> n(test_data::kProblems, test_data::kSamples);
  for (std::size_t arm = 0; arm < 3; ++arm) {
    std::vector<std::int64_t> c;
    for (std::size_t problem = 0; problem < test_data::kProblems; ++problem)
      c.push_back(test_data::correct_of(arm, problem));
    for (std::size_t k = 1; k < found.k.size(); ++k)
      EXPECT_NEAR(found.bound[arm * found.k.size() + k].mean,
                  stats::pass_at_k_bound(stats::bias_variance(n, c), found.k[k]), 1e-12);
  }
}

}  // namespace
}  // namespace wisk::report
