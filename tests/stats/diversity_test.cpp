#include <wisk/stats/diversity.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include <wisk/core/error.hpp>

#include "exact.hpp"

namespace wisk::stats {
namespace {

TEST(DistinctAtK, EqualsRationalEnumerationOfAllSubsets) {
  Random random(31);
  for (int trial = 0; trial < 1500; ++trial) {
    const int n = 1 + static_cast<int>(random.below(trial % 50 == 0 ? 12 : 8));
    const auto answers = 1 + random.below(n + 1);
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(answers));
    std::vector<std::int64_t> answer_of;
    for (int i = 0; i < n; ++i) {
      answer_of.push_back(random.below(answers + 1) - 1);
      if (answer_of.back() >= 0) ++sizes[static_cast<std::size_t>(answer_of.back())];
    }
    const auto values = distinct_at_k(sizes, n, all_sizes(n));
    for (int k = 1; k <= n; ++k) {
      const double exact = mean_over_subsets(n, k, [&](unsigned subset) {
        std::set<std::int64_t> seen;
        for (std::size_t i = 0; i < answer_of.size(); ++i) {
          if ((subset >> i & 1u) != 0 && answer_of[i] >= 0) seen.insert(answer_of[i]);
        }
        return mpq_class(static_cast<unsigned long>(seen.size()));
      });
      ASSERT_NEAR(values[static_cast<std::size_t>(k - 1)], exact, 1e-13) << "n=" << n << " k=" << k;
    }
  }
}

TEST(DistinctAtK, EndsOfALargeProblem) {
  const std::vector<std::int64_t> sizes = {9000, 800, 100, 50, 0, 1, 1};
  const auto values = distinct_at_k(sizes, 10'000, std::vector<std::int64_t>{1, 10'000});
  EXPECT_NEAR(values[0], 9952.0 / 10'000.0, 1e-12);
  EXPECT_EQ(values[1], 6.0);
}

TEST(DistinctAtK, ImpossibleArgumentsAreInputErrors) {
  const std::vector<std::int64_t> sizes = {3, 2};
  EXPECT_THROW(distinct_at_k(sizes, 4, std::vector<std::int64_t>{1}), InputError);
  EXPECT_THROW(distinct_at_k(sizes, 5, std::vector<std::int64_t>{6}), InputError);
  EXPECT_THROW(distinct_at_k(std::vector<std::int64_t>{-1}, 5, std::vector<std::int64_t>{1}), InputError);
  EXPECT_THROW(answer_entropy(std::vector<std::int64_t>{3, -1}), InputError);
}

/// The paper's formula, term by term, with 600 bits: its second part loses all digits of a double.
double entropy_as_printed(const std::vector<std::int64_t>& sizes) {
  const auto n = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  const auto harmonic = [](std::int64_t from, std::int64_t to) {
    double sum = 0.0;
    for (std::int64_t j = from; j < to; ++j) sum += 1.0 / static_cast<double>(j);
    return sum;
  };
  double entropy = 0.0;
  double f1 = 0, f2 = 0;
  for (const std::int64_t size : sizes) {
    if (size > 0) entropy += static_cast<double>(size) / static_cast<double>(n) * harmonic(size, n);
    f1 += size == 1;
    f2 += size == 2;
  }
  if (f1 == 0) return entropy;
  const auto total = static_cast<unsigned long>(n);
  const mpq_class share = f2 > 0 ? mpq_class(2 * f2) / mpq_class((n - 1.0) * f1 + 2 * f2)
                                 : mpq_class(2) / mpq_class((n - 1.0) * (f1 - 1) + 2);
  if (share == 1) return entropy;
  const mpf_class q(mpq_class(1 - share), 4000), a(share, 4000);
  // -ln a = 2 atanh((1-a)/(1+a)), after a is halved or doubled into 1/2..1: a = 2^-e b.
  mpf_class b(a, 4000), two(2, 4000);
  int halvings = 0;
  while (b < 0.5) {
    b *= two;
    ++halvings;
  }
  const auto atanh2 = [](const mpf_class& z) {
    mpf_class sum(0, 4000), power(z, 4000);
    const mpf_class square(z * z, 4000);
    for (unsigned long j = 1; j < 3000; j += 2) {
      sum += power / j;
      power *= square;
    }
    return mpf_class(2 * sum, 4000);
  };
  mpf_class bracket(
      atanh2(mpf_class((1 - b) / (1 + b), 4000)) + halvings * atanh2(mpf_class(mpf_class(1, 4000) / 3, 4000)),
      4000);
  mpf_class power(1, 4000);
  for (unsigned long r = 1; r < total; ++r) {
    power *= q;
    bracket -= power / r;
  }
  return entropy + f1 / static_cast<double>(n) * mpf_class(bracket / power).get_d();
}

TEST(AnswerEntropy, EqualsThePapersFormulaInHighPrecision) {
  const std::vector<std::vector<std::int64_t>> cases = {
      {1, 1},
      {2, 1},
      {1, 1, 1},
      {60, 2, 1, 1},
      {40, 10, 5, 4, 2, 2, 1},
      {63, 1},
      {40, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1},
      {900, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1},
      {1000, 20, 1, 2, 1},
      std::vector<std::int64_t>(64, 1),
      std::vector<std::int64_t>(300, 1),
      {500, 500, 23, 1}};
  for (const auto& sizes : cases) {
    EXPECT_NEAR(answer_entropy(sizes), entropy_as_printed(sizes), 1e-12) << sizes.size() << " " << sizes[0];
  }
}

TEST(AnswerEntropy, OneAnswerOrNoneHasNone) {
  EXPECT_EQ(answer_entropy({}), 0.0);
  EXPECT_EQ(answer_entropy(std::vector<std::int64_t>{0, 0}), 0.0);
  EXPECT_EQ(answer_entropy(std::vector<std::int64_t>{64, 0}), 0.0);
  EXPECT_EQ(answer_entropy(std::vector<std::int64_t>{1}), 0.0);
}

TEST(AnswerEntropy, HasFarLessBiasThanThePlainEstimate) {
  // 40 answers with probabilities falling as 1/rank, 64 samples.
  std::vector<double> weights;
  for (int rank = 1; rank <= 40; ++rank) weights.push_back(1.0 / rank);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double truth = 0.0;
  for (const double weight : weights) truth -= weight / total * std::log(weight / total);
  Random random(33);
  std::discrete_distribution<std::size_t> answer(weights.begin(), weights.end());
  double corrected = 0.0, plain = 0.0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<std::int64_t> sizes(weights.size());
    for (int i = 0; i < 64; ++i) ++sizes[answer(random.engine())];
    corrected += answer_entropy(sizes) / kTrials;
    for (const auto size : sizes) {
      const double p = static_cast<double>(size) / 64.0;
      if (size > 0) plain -= p * std::log(p) / kTrials;
    }
  }
  EXPECT_LT(plain, truth - 0.2);
  EXPECT_NEAR(corrected, truth, 0.03);
}

}  // namespace
}  // namespace wisk::stats
