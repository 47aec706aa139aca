#include <wisk/stats/samples.hpp>

#include <gtest/gtest.h>

#include <cmath>

#include <wisk/stats/best_at_k.hpp>
#include <wisk/stats/metric.hpp>
#include <wisk/stats/pass_at_k.hpp>

namespace wisk::stats {
namespace {

/// Two arms of two problems; cells of 4, 4, 4 and 1 samples.
Samples some() {
  Samples samples;
  samples.arms = samples.problems = 2;
  samples.cell_begin = {0, 4, 8, 12};
  samples.cell_end = {4, 8, 12, 13};
  using enum Verdict;
  samples.verdict = {kCorrect, kWrong, kCorrect, kNoAnswer, kWrong, kWrong,    kWrong,
                     kCorrect, kWrong, kWrong,   kWrong,    kWrong, kUndecided};
  samples.answer = {0, 1, 0, -1, 1, 1, 2, 0, 1, 2, 3, 4, -1};
  samples.tokens = {5, 9, 6, 7, 8, 8, 8, 2, 1, 1, 1, 1, 3};
  for (std::size_t row = 0; row < 13; ++row) {
    samples.number.push_back(static_cast<std::int32_t>(row % 4));
    samples.finish.push_back(FinishReason::kEndOfSequence);
    samples.logprob.push_back(-static_cast<double>(row));
    samples.tokens_hash.push_back(row);
    samples.path.push_back(row % 2);
    samples.thinks.push_back(0);
  }
  return samples;
}

constexpr std::int64_t kK[] = {1, 2, 4};

TEST(Samples, EqualAnswersVoteTogetherAndSilenceDoesNot) {
  const Samples samples = some();
  const auto classes = answer_classes(samples, Cell(samples, 0, 0));
  ASSERT_EQ(classes.size(), 2u);
  EXPECT_EQ(classes[0].votes, 2);
  EXPECT_TRUE(classes[0].correct);
  EXPECT_EQ(classes[1].votes, 1);
  EXPECT_FALSE(classes[1].correct);
  EXPECT_TRUE(answer_classes(samples, Cell(samples, 1, 1)).empty());
}

TEST(Samples, MultiplicitiesCountEqualValues) {
  EXPECT_EQ(multiplicities(std::vector<std::uint64_t>{7, 0, 7, 3, 0, 7}),
            (std::vector<std::int64_t>{2, 1, 3}));
  EXPECT_EQ(multiplicities(std::vector<std::uint64_t>{7, 0, 7, 3}, true), (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(multiplicities({}).empty());
}

TEST(Samples, SomeProblemsAreTheirCells) {
  const Samples samples = some();
  const std::size_t order[] = {1, 0, 1};
  const Samples part = of_problems(samples, order);
  EXPECT_EQ(part.problems, 3u);
  EXPECT_EQ(part.cell_begin, (std::vector<std::size_t>{4, 0, 4, 12, 8, 12}));
  EXPECT_EQ(Cell(part, 1, 2).size(), 1);
}

TEST(Metric, IsNaNWhereACellIsTooSmall) {
  const auto values = values_of(some(), 1, Metric::kPass, kK).of_problem;
  EXPECT_EQ(values[0][1], 0);
  EXPECT_TRUE(std::isnan(values[1][1]));
  EXPECT_EQ(values[2][0], 0);
}

TEST(Metric, OfEachKindIsWhatItsFunctionSays) {
  const Samples samples = some();
  EXPECT_EQ(values_of(samples, 0, Metric::kPass, kK).of_problem[1][0], pass_at_k(4, 2, 2));
  EXPECT_EQ(values_of(samples, 1, Metric::kPassUndecidedCorrect, kK).of_problem[0][1], 1);
  // Pairs of {0, 0, 1, -}: 00 wins; 01 twice shared, 0- twice, 1- once lost, each of 6.
  EXPECT_NEAR(values_of(samples, 0, Metric::kMajority, kK).of_problem[1][0], (1 + 2 * 0.5 + 2) / 6, 1e-12);
  EXPECT_NEAR(values_of(samples, 0, Metric::kDistinct, kK).of_problem[2][0], 2, 1e-12);
  const auto best = [&](Score score, std::size_t k, std::size_t problem) {
    return values_of(samples, 0, Metric::kBest, kK, scores_of(samples, score)).of_problem[k][problem];
  };
  EXPECT_EQ(best(Score::kShortest, 2, 0), 1) << "5 tokens, correct";
  EXPECT_EQ(best(Score::kLongest, 2, 0), 0) << "9 tokens";
  EXPECT_EQ(best(Score::kLogprob, 2, 1), 0) << "row 4";
}

TEST(Metric, VotesWeighWhatTheScoreSays) {
  const Samples samples = some();
  EXPECT_EQ(scores_of(samples, Score::kMeanLogprob).rank[1], -1.0 / 9);
  EXPECT_EQ(scores_of(samples, Score::kMeanLogprob).weight[1], std::exp(-1.0 / 9));
  EXPECT_EQ(scores_of(samples, Score::kLogprob).weight[2], std::exp(-2.0));
  EXPECT_EQ(scores_of(samples, Score::kShortest).weight[1], 1.0 / 9);
  EXPECT_EQ(scores_of(samples, Score::kLongest).weight[1], 9);
  std::vector<double> mine(13, 1.0);
  EXPECT_EQ(scores_of(samples, Score::kImported, mine).weight, mine);
  const auto plain = values_of(samples, 0, Metric::kMajority, kK);
  const auto weighted = [&] {
    return values_of(samples, 0, Metric::kWeightedMajority, kK, scores_of(samples, Score::kImported, mine));
  };
  for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(weighted().of_problem[k][0], plain.of_problem[k][0], 1e-12);
  mine[1] = 3;  // the one wrong answer of the first cell outweighs the two right ones
  EXPECT_EQ(weighted().of_problem[2][0], 0);
  EXPECT_EQ(weighted().monte_carlo_error[2], 0) << "few subsets are all counted";
}

TEST(Metric, RandomSubsetsAreTheSameEachTime) {
  Samples samples;
  samples.arms = samples.problems = 1;
  samples.cell_begin = {0};
  samples.cell_end = {64};
  std::vector<double> weights;
  for (int row = 0; row < 64; ++row) {
    samples.answer.push_back(row % 12);
    samples.verdict.push_back(row % 12 == 0 ? Verdict::kCorrect : Verdict::kWrong);
    weights.push_back(1 + 0.37 * (row * 29 % 17));
  }
  const std::int64_t k[] = {20};
  const auto value = [&] { return values_of(samples, 0, Metric::kWeightedMajority, k, {weights, weights}); };
  EXPECT_GT(value().monte_carlo_error[0], 0);
  EXPECT_EQ(value().of_problem[0][0], value().of_problem[0][0]);
}

TEST(Metric, IntervalsOfCountsAreNoWiderForALargerRange) {
  std::vector<double> counts;
  for (int i = 0; i < 40; ++i) counts.push_back(1 + i % 4);
  const Estimate few = count_interval(counts, {0, 8}), many = count_interval(counts, {0, 1024});
  EXPECT_NEAR(few.mean, 2.5, 1e-12);
  EXPECT_EQ(few.low, many.low);
  EXPECT_EQ(few.high, many.high);
  EXPECT_NEAR(few.high - few.low, 2 * 2.02 * std::sqrt(1.25 / 39), 0.1) << "Student's";
  EXPECT_EQ(interval_of(Metric::kDistinct, 8, counts).high, few.high);
  EXPECT_LT(count_interval(counts, {0, 8}, 0.5).high, few.high);
  const std::vector<double> equal(40, 2.0);
  EXPECT_EQ(count_interval(equal, {0, 8}).high, mean_interval(equal, {0, 8}).high) << "no spread was seen";
}

TEST(Metric, NamesAndRangesFit) {
  EXPECT_EQ(id_of(Metric::kPass), "pass_at_k");
  EXPECT_EQ(range_of(Metric::kDistinct, 7).high, 7);
  EXPECT_EQ(range_of(Metric::kMajority, 7).high, 1);
  for (int i = 0; i < kMetrics; ++i) EXPECT_FALSE(meaning_of(static_cast<Metric>(i)).empty());
}

}  // namespace
}  // namespace wisk::stats
