#include <wisk/stats/majority.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <wisk/core/error.hpp>

#include "exact.hpp"

namespace wisk::stats {
namespace {

/// A sample's vote for a brute-force count.
struct Ballot {
  int answer;  // below 0: none
  mpq_class weight;
};

/// Share of the winning vote in `subset` that is correct.
mpq_class winning_share(const std::vector<Ballot>& votes, const std::vector<bool>& correct, unsigned subset) {
  std::vector<mpq_class> sums(correct.size());
  std::vector<bool> present(correct.size());
  for (std::size_t i = 0; i < votes.size(); ++i) {
    if ((subset >> i & 1u) == 0 || votes[i].answer < 0) continue;
    sums[static_cast<std::size_t>(votes[i].answer)] += votes[i].weight;
    present[static_cast<std::size_t>(votes[i].answer)] = true;
  }
  int winners = 0, right = 0;
  for (std::size_t a = 0; a < sums.size(); ++a) {
    bool wins = present[a];
    for (std::size_t b = 0; b < sums.size(); ++b) wins = wins && !(present[b] && sums[b] > sums[a]);
    winners += wins;
    right += wins && correct[a];
  }
  return winners == 0 ? mpq_class(0) : mpq_class(right, winners);
}

struct Case {
  std::vector<Ballot> votes;
  std::vector<bool> correct;
};

/// n samples over a few answers; often none, one or several are correct, and some samples have no answer.
Case random_case(Random& random, int n, bool weighted) {
  Case drawn;
  const auto answers = 1 + random.below(n + 1);
  for (std::int64_t a = 0; a < answers; ++a) drawn.correct.push_back(random.below(3) == 0);
  const auto none = random.below(3);
  for (int i = 0; i < n; ++i) {
    const auto answer = random.below(5) < none ? -1 : random.below(1 + random.below(answers));
    // Quarters: their sums are exact, so ties are.
    drawn.votes.push_back(
        {static_cast<int>(answer), weighted ? mpq_class(random.below(9) - 3, 4) : mpq_class(1)});
  }
  return drawn;
}

std::vector<AnswerClass> classes_of(const Case& drawn) {
  std::vector<AnswerClass> classes;
  for (const bool correct : drawn.correct) classes.push_back({0, correct});
  for (const Ballot& vote : drawn.votes) {
    if (vote.answer >= 0) ++classes[static_cast<std::size_t>(vote.answer)].votes;
  }
  return classes;
}

TEST(MajorityAtK, EqualsRationalEnumerationOfAllSubsets) {
  Random random(1);
  for (int trial = 0; trial < 1500; ++trial) {
    const int n = 1 + static_cast<int>(random.below(trial % 50 == 0 ? 11 : 8));
    const Case drawn = random_case(random, n, false);
    const auto values = majority_at_k(classes_of(drawn), n, all_sizes(n));
    for (int k = 1; k <= n; ++k) {
      const double exact = mean_over_subsets(
          n, k, [&](unsigned subset) { return winning_share(drawn.votes, drawn.correct, subset); });
      ASSERT_NEAR(values[static_cast<std::size_t>(k - 1)], exact, 1e-14) << "n=" << n << " k=" << k;
    }
  }
}

/// Majority@k by the same sum over (votes, ties) in big integers: polynomials in x with an explicit count of
/// ties, no integral.
double exact_majority(std::span<const std::int64_t> sizes, std::size_t correct, std::int64_t n,
                      std::int64_t k) {
  const auto choose = [](std::int64_t m, std::int64_t u) {
    mpz_class value;
    mpz_bin_uiui(value.get_mpz_t(), static_cast<unsigned long>(m), static_cast<unsigned long>(u));
    return value;
  };
  std::int64_t rest = n;
  for (const auto size : sizes) rest -= size;
  mpq_class sum = 0;
  const auto width = static_cast<std::size_t>(k + 1);
  for (std::int64_t t = 1; t <= std::min(sizes[correct], k); ++t) {
    std::vector<std::vector<mpz_class>> ways(sizes.size(), std::vector<mpz_class>(width));  // [ties][votes]
    for (std::int64_t u = 0; u <= std::min(rest, k); ++u)
      ways[0][static_cast<std::size_t>(u)] = choose(rest, u);
    for (std::size_t j = 0; j < sizes.size(); ++j) {
      if (j == correct) continue;
      std::vector<std::vector<mpz_class>> next(sizes.size(), std::vector<mpz_class>(width));
      for (std::size_t ties = 0; ties < sizes.size(); ++ties) {
        for (std::size_t votes = 0; votes < width; ++votes) {
          if (ways[ties][votes] == 0) continue;
          for (std::int64_t u = 0; u <= std::min(t, sizes[j]) && votes + static_cast<std::size_t>(u) < width;
               ++u) {
            next[ties + (u == t)][votes + static_cast<std::size_t>(u)] +=
                ways[ties][votes] * choose(sizes[j], u);
          }
        }
      }
      ways = next;
    }
    for (std::size_t ties = 0; ties < sizes.size(); ++ties) {
      mpq_class term(ways[ties][static_cast<std::size_t>(k - t)] * choose(sizes[correct], t),
                     static_cast<unsigned long>(ties + 1));
      term.canonicalize();
      sum += term;
    }
  }
  return mpq_class(sum / mpq_class(choose(n, k))).get_d();
}

void expect_exact(const std::vector<std::int64_t>& sizes, std::size_t correct, std::int64_t n,
                  const std::vector<std::int64_t>& ks) {
  std::vector<AnswerClass> classes;
  for (std::size_t i = 0; i < sizes.size(); ++i) classes.push_back({sizes[i], i == correct});
  const auto values = majority_at_k(classes, n, ks);
  for (std::size_t i = 0; i < ks.size(); ++i) {
    EXPECT_NEAR(values[i], exact_majority(sizes, correct, n, ks[i]), 1e-12) << "n=" << n << " k=" << ks[i];
  }
}

TEST(MajorityAtK, EqualsRationalArithmeticForMediumN) {
  expect_exact({20, 15, 9, 6, 5, 3, 2, 1, 1, 1}, 1, 64, {2, 8, 33, 63, 64});
  expect_exact({30, 30, 2}, 0, 64, {2, 31, 32, 60});
  expect_exact(std::vector<std::int64_t>(40, 1), 7, 44, {1, 2, 20, 44});
  expect_exact(std::vector<std::int64_t>(12, 5), 3, 61, {5, 30, 60, 61});
}

TEST(MajorityAtK, EqualsRationalArithmeticForLargeN) {
  expect_exact({420, 400, 180, 20}, 1, 1024, {3, 60});
  expect_exact({700, 690, 400}, 1, 1900, {40});  // the last n in double
  expect_exact({700, 690, 400}, 1, 1901, {40});  // the first in long double
  expect_exact({30, 1800}, 0, 1880, {1790});
  expect_exact({8000, 7900}, 1, 16'000, {9, 40});
}

TEST(MajorityAtK, TheEndsAreTheMeanAndTheFullVote) {
  Random random(3);
  for (const std::int64_t n : {64, 1024, 2000}) {
    std::vector<AnswerClass> classes;
    std::int64_t left = n;
    while (left > n / 20) {
      classes.push_back({1 + random.below(left / 4 + 1), random.below(4) == 0});
      left -= classes.back().votes;
    }
    std::sort(classes.begin(), classes.end(), [](auto a, auto b) { return a.votes > b.votes; });
    classes[0].votes = classes[1].votes;  // a tie of two, one of them correct
    classes[0].correct = true;
    classes[1].correct = false;
    for (std::size_t i = 2; i < classes.size(); ++i)
      classes[i].votes = std::min(classes[i].votes, classes[0].votes - 1);
    std::int64_t correct = 0;
    for (const auto& answers : classes) correct += answers.correct ? answers.votes : 0;
    const auto values = majority_at_k(classes, n, std::vector<std::int64_t>{1, n});
    EXPECT_NEAR(values[0], static_cast<double>(correct) / static_cast<double>(n), 1e-12) << n;
    EXPECT_NEAR(values[1], 0.5, 1e-12) << n;
  }
}

TEST(MajorityAtK, AllTiesAndAllKOfALargeProblem) {
  // 1,024 different answers: every subset is a tie of k, so the share is 1/k times the chance k/n of being
  // in.
  const std::vector<AnswerClass> classes = [] {
    std::vector<AnswerClass> all(1024, {1, false});
    all[500].correct = true;
    return all;
  }();
  const std::vector<std::int64_t> sizes = {1, 2, 100, 511, 1024};
  for (const double value : majority_at_k(classes, 1024, sizes)) EXPECT_NEAR(value * 1024, 1.0, 1e-11);
  // Every class correct: 1 minus the chance that no sample has an answer.
  const auto sure =
      majority_at_k(std::vector<AnswerClass>{{500, true}, {300, true}, {200, true}}, 1024, all_sizes(1024));
  EXPECT_NEAR(sure[0], 1000.0 / 1024.0, 1e-12);
  EXPECT_NEAR(sure[1], 1.0 - 24.0 * 23.0 / 1024.0 / 1023.0, 1e-12);
  for (std::size_t i = 24; i < sure.size(); ++i) ASSERT_NEAR(sure[i], 1.0, 1e-12);
}

TEST(MajorityAtK, NoVotesCountNothing) {
  const std::vector<std::int64_t> sizes = {1, 4};
  EXPECT_EQ(majority_at_k({}, 4, sizes), (std::vector<double>{0.0, 0.0}));
  EXPECT_EQ(majority_at_k(std::vector<AnswerClass>{{0, true}}, 4, sizes), (std::vector<double>{0.0, 0.0}));
  EXPECT_EQ(majority_at_k(std::vector<AnswerClass>{{1, true}}, 4, sizes), (std::vector<double>{0.25, 1.0}));
}

TEST(MajorityAtK, ImpossibleArgumentsAreInputErrors) {
  const std::vector<AnswerClass> classes = {{3, true}, {2, false}};
  const auto at = [&](std::int64_t n, std::int64_t k) { return majority_at_k(classes, n, std::vector{k}); };
  EXPECT_THROW(at(4, 1), InputError);
  EXPECT_THROW(at(5, 0), InputError);
  EXPECT_THROW(at(5, 6), InputError);
  EXPECT_THROW(majority_at_k(std::vector<AnswerClass>{{-1, true}}, 4, std::vector<std::int64_t>{1}),
               InputError);
}

std::vector<Vote> votes_of(const Case& drawn) {
  std::vector<Vote> votes;
  for (const Ballot& vote : drawn.votes) {
    votes.push_back({vote.answer, vote.weight.get_d(),
                     vote.answer >= 0 && drawn.correct[static_cast<std::size_t>(vote.answer)]});
  }
  return votes;
}

TEST(WeightedMajority, EqualsRationalEnumerationOfAllSubsets) {
  Random random(5);
  for (int trial = 0; trial < 1000; ++trial) {
    const int n = 1 + static_cast<int>(random.below(8));
    const Case drawn = random_case(random, n, true);
    const auto values = weighted_majority_at_k(votes_of(drawn), all_sizes(n), 1);
    for (int k = 1; k <= n; ++k) {
      const double exact = mean_over_subsets(
          n, k, [&](unsigned subset) { return winning_share(drawn.votes, drawn.correct, subset); });
      ASSERT_NEAR(values[static_cast<std::size_t>(k - 1)].value, exact, 1e-14) << "n=" << n << " k=" << k;
      ASSERT_EQ(values[static_cast<std::size_t>(k - 1)].error, 0.0);
    }
  }
}

TEST(WeightedMajority, DrawsComeWithAnErrorThatHolds) {
  Random random(7);
  int outside = 0, estimates = 0;
  for (int trial = 0; trial < 40; ++trial) {
    const Case drawn = random_case(random, 17, true);  // C(17, 8) = 24310 subsets, drawn; C(17, 5) enumerated
    const std::vector<std::int64_t> sizes = {8, 5, 9};
    const auto values = weighted_majority_at_k(votes_of(drawn), sizes, static_cast<std::uint64_t>(trial));
    EXPECT_EQ(values[1].error, 0.0);
    for (const std::size_t i : {0u, 2u}) {
      if (values[i].error == 0.0) continue;
      // The true value from doubles: quarters are exact.
      double sum = 0.0, subsets = 0.0;
      for (unsigned subset = 0; subset < (1u << 17); ++subset) {
        if (std::popcount(subset) != sizes[i]) continue;
        std::vector<double> sums(drawn.correct.size());
        std::vector<bool> present(drawn.correct.size());
        for (std::size_t v = 0; v < 17; ++v) {
          if ((subset >> v & 1u) == 0 || drawn.votes[v].answer < 0) continue;
          sums[static_cast<std::size_t>(drawn.votes[v].answer)] += drawn.votes[v].weight.get_d();
          present[static_cast<std::size_t>(drawn.votes[v].answer)] = true;
        }
        double highest = -1e300, winners = 0, right = 0;
        for (std::size_t a = 0; a < sums.size(); ++a)
          highest = present[a] ? std::max(highest, sums[a]) : highest;
        for (std::size_t a = 0; a < sums.size(); ++a) {
          winners += present[a] && sums[a] == highest;
          right += present[a] && sums[a] == highest && drawn.correct[a];
        }
        sum += winners > 0 ? right / winners : 0.0;
        ++subsets;
      }
      ++estimates;
      outside += std::abs(values[i].value - sum / subsets) > 2.0 * values[i].error;
      EXPECT_NEAR(values[i].value, sum / subsets, 4.5 * values[i].error);
      EXPECT_LE(values[i].error, 0.51 / std::sqrt(kWeightedDraws));
    }
  }
  EXPECT_GT(estimates, 20);
  EXPECT_LE(outside, estimates / 8);
}

TEST(WeightedMajority, TheSeedDecidesAndEqualWeightsAreExact) {
  Random random(9);
  std::vector<Vote> votes;
  for (int i = 0; i < 64; ++i) {
    const auto answer = static_cast<std::int32_t>(random.below(6));
    votes.push_back({answer * 1000, random.uniform(), answer == 2});
  }
  const std::vector<std::int64_t> sizes = {1, 32, 64};
  const auto first = weighted_majority_at_k(votes, sizes, 4), again = weighted_majority_at_k(votes, sizes, 4);
  EXPECT_EQ(first[1].value, again[1].value);
  EXPECT_NE(first[1].value, weighted_majority_at_k(votes, sizes, 5)[1].value);
  std::int64_t correct = 0;
  std::vector<AnswerClass> classes(6, {0, false});
  for (Vote& vote : votes) {
    correct += vote.correct;
    vote.weight = 0.1;
    classes[static_cast<std::size_t>(vote.answer / 1000)].votes += 1;
    classes[static_cast<std::size_t>(vote.answer / 1000)].correct |= vote.correct;
  }
  EXPECT_NEAR(first[0].value, static_cast<double>(correct) / 64.0, 1e-12);
  const auto plain = majority_at_k(classes, 64, sizes);
  const auto equal = weighted_majority_at_k(votes, sizes, 4);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(equal[i].value, plain[i]);
    EXPECT_EQ(equal[i].error, 0.0);
  }
}

TEST(WeightedMajority, EqualDrawsProveNothing) {
  std::vector<Vote> votes(63, {0, 1.0, true});
  votes.push_back({1, 0.5, false});  // never wins, which the draws can't know
  const auto value = weighted_majority_at_k(votes, std::vector<std::int64_t>{32}, 1)[0];
  EXPECT_EQ(value.value, 1.0);
  EXPECT_EQ(value.error, 1.0 / kWeightedDraws);
}

TEST(WeightedMajority, AWeightThatIsNoNumberIsAnInputError) {
  const std::vector<std::int64_t> one = {1};
  EXPECT_THROW(weighted_majority_at_k(std::vector<Vote>{{0, std::nan(""), true}}, one, 1), InputError);
  EXPECT_THROW(weighted_majority_at_k(std::vector<Vote>{{0, INFINITY, true}}, one, 1), InputError);
  EXPECT_EQ(weighted_majority_at_k(std::vector<Vote>{{-1, std::nan(""), true}}, one, 1)[0].value, 0.0);
  EXPECT_THROW(weighted_majority_at_k({}, one, 1), InputError);
}

}  // namespace
}  // namespace wisk::stats
