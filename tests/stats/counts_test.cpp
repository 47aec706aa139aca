#include <wisk/stats/counts.hpp>

#include <gtest/gtest.h>

#include <numeric>

namespace wisk::stats {
namespace {

TEST(Counts, EverySampleIsCountedWhereItBelongs) {
  Counts counts(2, 3);
  counts.add(0, 1, Verdict::kCorrect, FinishReason::kEndOfSequence, 10);
  counts.add(0, 1, Verdict::kWrong, FinishReason::kStopString, 20);
  counts.add(1, 2, Verdict::kTruncated, FinishReason::kLength, 64);
  counts.add(1, 2, Verdict::kUndecided, FinishReason::kEndOfSequence, 1);
  EXPECT_EQ(counts.n_of(0)[1], 2);
  EXPECT_EQ(counts.c_of(0)[1], 1);
  EXPECT_EQ(counts.n_of(1)[2], 2);
  EXPECT_EQ(counts.c_of(1)[2], 0);
  EXPECT_EQ(counts.truncated()[1 * 3 + 2], 1);
  EXPECT_EQ(counts.verdicts()[0 * kVerdicts + 1], 1);
  EXPECT_EQ(counts.verdicts()[1 * kVerdicts + 4], 1);
  EXPECT_EQ(counts.tokens()[0], 30);
  EXPECT_EQ(counts.tokens()[1], 65);
  EXPECT_EQ(counts.samples_of(1), 2);
}

TEST(Counts, PartsOfTwoRanksAddUpToTheWhole) {
  Counts whole(2, 2), first(2, 2), second(2, 2);
  for (std::size_t i = 0; i < 40; ++i) {
    const auto verdict = static_cast<Verdict>(i % kVerdicts);
    whole.add(i % 2, i / 2 % 2, verdict, FinishReason::kLength, static_cast<std::int64_t>(i));
    (i < 17 ? first : second)
        .add(i % 2, i / 2 % 2, verdict, FinishReason::kLength, static_cast<std::int64_t>(i));
  }
  for (std::size_t i = 0; i < first.values().size(); ++i) first.values()[i] += second.values()[i];
  EXPECT_EQ(first, whole);
}

}  // namespace
}  // namespace wisk::stats
