#include <wisk/stats/mixture.hpp>

#include <gtest/gtest.h>

#include <bit>

#include <wisk/core/error.hpp>
#include <wisk/stats/pass_at_k.hpp>

#include "exact.hpp"

namespace wisk::stats {
namespace {

/// Verdicts of two arms as masks over the sample numbers.
struct Verdicts {
  int n;
  unsigned a, b;
};

JointCounts joint(const Verdicts& verdicts) {
  const unsigned all = (1u << verdicts.n) - 1u;
  return {verdicts.n, std::popcount(all & ~verdicts.a & ~verdicts.b), std::popcount(~verdicts.a & verdicts.b),
          std::popcount(verdicts.a & ~verdicts.b)};
}

/// Over all pairs of disjoint sets of k1 and k2 numbers.
double enumerate(const Verdicts& verdicts, int k1, int k2) {
  unsigned long pairs = 0, solved = 0;
  for (unsigned first = 0; first < (1u << verdicts.n); ++first) {
    if (std::popcount(first) != k1) continue;
    for (unsigned second = 0; second < (1u << verdicts.n); ++second) {
      if (std::popcount(second) != k2 || (first & second) != 0) continue;
      ++pairs;
      solved += ((first & verdicts.a) | (second & verdicts.b)) != 0;
    }
  }
  mpq_class share(solved, pairs);
  share.canonicalize();
  return share.get_d();
}

TEST(Mixture, EqualsRationalEnumerationOfAllDisjointSets) {
  Random random(41);
  for (int trial = 0; trial < 600; ++trial) {
    const int n = 1 + static_cast<int>(random.below(6));
    Verdicts verdicts{n, static_cast<unsigned>(random.below(1 << n)),
                      static_cast<unsigned>(random.below(1 << n))};
    if (trial % 2 == 0) verdicts.a &= static_cast<unsigned>(random.below(1 << n));  // fewer correct
    if (trial % 3 == 0) verdicts.b = verdicts.a ^ (1u << random.below(n));          // much alike
    for (int k1 = 0; k1 <= n; ++k1) {
      for (int k2 = k1 == 0; k1 + k2 <= n; ++k2) {
        ASSERT_NEAR(mixture_pass_at_k(joint(verdicts), k1, k2), enumerate(verdicts, k1, k2), 1e-14)
            << n << " " << verdicts.a << " " << verdicts.b << " " << k1 << "+" << k2;
      }
    }
  }
}

mpz_class choose(std::int64_t n, std::int64_t k) {
  mpz_class value;
  if (k >= 0 && n >= k)
    mpz_bin_uiui(value.get_mpz_t(), static_cast<unsigned long>(n), static_cast<unsigned long>(k));
  return value;
}

TEST(Mixture, EqualsRationalArithmeticForLargeN) {
  Random random(42);
  for (int trial = 0; trial < 300; ++trial) {
    const std::int64_t n = 2 + random.below(trial % 3 == 0 ? 4000 : 100);
    const std::int64_t right = random.below(trial % 2 == 0 ? n + 1 : std::min<std::int64_t>(n + 1, 8));
    const std::int64_t w = random.below(n - right + 1), a = random.below(n - right - w + 1),
                       b = n - right - w - a;
    const std::int64_t k1 = random.below(trial % 2 == 0 ? n : std::min<std::int64_t>(n, 20));
    const std::int64_t k2 = 1 + random.below(trial % 2 == 0 ? n - k1 : std::min<std::int64_t>(n - k1, 20));
    mpz_class wrong = 0;
    for (std::int64_t j = 0; j <= k1; ++j) wrong += choose(w, j) * choose(a, k1 - j) * choose(w - j + b, k2);
    const mpz_class all = choose(n, k1) * choose(n - k1, k2);
    const double exact = mpq_class(mpq_class(all - wrong) / mpq_class(all)).get_d();
    const JointCounts counts{n, w, a, b}, swapped{n, w, b, a};
    ASSERT_NEAR(mixture_pass_at_k(counts, k1, k2), exact, 1e-12) << n << " " << w << " " << a << " " << b;
    ASSERT_NEAR(mixture_pass_at_k(swapped, k2, k1), exact, 1e-12);
    ASSERT_NEAR(mixture_pass_at_k(counts, k2, 0), pass_at_k(n, n - w - a, k2), 1e-12);
    ASSERT_NEAR(mixture_pass_at_k(counts, 0, k2), pass_at_k(n, n - w - b, k2), 1e-12);
    // An arm mixed with itself is the arm with the whole budget.
    ASSERT_NEAR(mixture_pass_at_k({n, w, 0, 0}, k1, k2), pass_at_k(n, n - w, k1 + k2), 1e-12);
  }
}

TEST(Mixture, IndependentArmsMultiply) {
  const double value = independent_mixture_pass_at_k(64, 10, 32, 3, 8, 4);
  EXPECT_NEAR(1.0 - value, (1.0 - pass_at_k(64, 10, 8)) * (1.0 - pass_at_k(32, 3, 4)), 1e-14);
  EXPECT_NEAR(independent_mixture_pass_at_k(64, 10, 0, 0, 8, 0), pass_at_k(64, 10, 8), 1e-14);
  EXPECT_EQ(independent_mixture_pass_at_k(64, 0, 64, 64, 3, 1), 1.0);
}

TEST(Mixture, ImpossibleArgumentsAreInputErrors) {
  EXPECT_THROW(mixture_pass_at_k({8, 2, 2, 2}, 5, 4), InputError);
  EXPECT_THROW(mixture_pass_at_k({8, 2, 2, 2}, 0, 0), InputError);
  EXPECT_THROW(mixture_pass_at_k({8, 2, 2, 2}, -1, 3), InputError);
  EXPECT_THROW(mixture_pass_at_k({8, 5, 2, 2}, 1, 1), InputError);
  EXPECT_THROW(mixture_pass_at_k({8, -1, 2, 2}, 1, 1), InputError);
  EXPECT_THROW(independent_mixture_pass_at_k(8, 9, 8, 1, 1, 1), InputError);
  EXPECT_THROW(independent_mixture_pass_at_k(8, 1, 8, 1, 1, 9), InputError);
  EXPECT_THROW(independent_mixture_pass_at_k(8, 1, 8, 1, 0, 0), InputError);
}

}  // namespace
}  // namespace wisk::stats
