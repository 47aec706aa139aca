#include <wisk/stats/pass_at_k.hpp>

#include <gmpxx.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include <wisk/core/error.hpp>

namespace wisk::stats {
namespace {

/// 1 - C(n-c, k) / C(n, k) in rational arithmetic, rounded once.
double exact(std::int64_t n, std::int64_t c, std::int64_t k) {
  mpz_class none, all;
  mpz_bin_uiui(none.get_mpz_t(), static_cast<unsigned long>(n - c), static_cast<unsigned long>(k));
  mpz_bin_uiui(all.get_mpz_t(), static_cast<unsigned long>(n), static_cast<unsigned long>(k));
  mpq_class value(all - none, all);
  value.canonicalize();
  return value.get_d();
}

TEST(PassAtK, EqualsRationalArithmeticForAllSmallN) {
  for (std::int64_t n = 1; n <= 66; ++n) {
    for (std::int64_t c = 0; c <= n; ++c) {
      for (std::int64_t k = 1; k <= n; ++k) {
        ASSERT_NEAR(pass_at_k(n, c, k), exact(n, c, k), 1e-14) << "n=" << n << " c=" << c << " k=" << k;
      }
    }
  }
}

TEST(PassAtK, EqualsRationalArithmeticForLargeN) {
  std::mt19937_64 random(11);
  const auto below = [&](std::int64_t limit) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit));
  };
  for (int trial = 0; trial < 1500; ++trial) {
    const std::int64_t n = 1 + below(10'000);
    // Half of the trials with small c or k, where the product is far from 0 and 1.
    const std::int64_t c = trial % 2 == 0 ? below(n + 1) : below(std::min<std::int64_t>(n, 100) + 1);
    const std::int64_t k = 1 + (trial % 4 < 2 ? below(n) : below(std::min<std::int64_t>(n, 100)));
    ASSERT_NEAR(pass_at_k(n, c, k), exact(n, c, k), 1e-12) << "n=" << n << " c=" << c << " k=" << k;
  }
}

TEST(PassAtK, TheEndsAreExact) {
  EXPECT_EQ(pass_at_k(10, 0, 5), 0.0);
  EXPECT_EQ(pass_at_k(10, 10, 1), 1.0);
  EXPECT_EQ(pass_at_k(10, 1, 10), 1.0);
  EXPECT_EQ(pass_at_k(10, 3, 1), 3.0 / 10.0);
  EXPECT_EQ(pass_at_k(64, 1, 48), 48.0 / 64.0);
  EXPECT_EQ(pass_at_k(10'000, 5'000, 5'000), 1.0);  // the true value differs from 1 by 10^-3008
}

TEST(PassAtK, ImpossibleArgumentsAreInputErrors) {
  EXPECT_THROW(pass_at_k(4, 1, 5), InputError);
  EXPECT_THROW(pass_at_k(4, 1, 0), InputError);
  EXPECT_THROW(pass_at_k(4, 5, 1), InputError);
  EXPECT_THROW(pass_at_k(4, -1, 1), InputError);
  EXPECT_THROW(pass_at_k(0, 0, 1), InputError);
  try {
    pass_at_k(16, 1, 64);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("n = 16"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("k = 64"), std::string::npos);
  }
}

TEST(PassAtK, ProblemsWithTooFewSamplesAreNaN) {
  const std::vector<std::int64_t> n = {8, 3, 4}, c = {2, 3, 4};
  const auto values = pass_at_k_of_problems(n, c, 4);
  EXPECT_DOUBLE_EQ(values[0], exact(8, 2, 4));
  EXPECT_TRUE(std::isnan(values[1]));
  EXPECT_EQ(values[2], 1.0);
}

}  // namespace
}  // namespace wisk::stats
