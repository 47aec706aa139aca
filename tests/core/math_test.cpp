#include <wisk/core/hash.hpp>
#include <wisk/core/math.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

// The references are the long double functions of libm: 64 bits of mantissa, so their own error is 2^-11 of a
// unit in the last place of a double.
namespace wisk {
namespace {

/// |value - exact| in units of the last place of `exact` as a double.
double ulps(double value, long double exact) {
  const double nearest = static_cast<double>(exact);
  const long double unit = std::nextafter(std::fabs(nearest), INFINITY) - std::fabs(nearest);
  return static_cast<double>(std::fabs(static_cast<long double>(value) - exact) / unit);
}

TEST(Math, LogIsWithinOneUlpOverAllExponents) {
  std::mt19937_64 random(1);
  double worst = 0;
  for (int i = 0; i < 400000; ++i) {
    const std::uint64_t exponent = 1 + random() % 2046;
    const auto x = std::bit_cast<double>((exponent << 52) | (random() >> 12));
    worst = std::max(worst, ulps(math::log(x), std::log(static_cast<long double>(x))));
  }
  EXPECT_LT(worst, 0.95);
}

TEST(Math, LogIsWithinOneUlpNearOneAndAtTheCuts) {
  std::mt19937_64 random(2);
  double worst = 0;
  for (int i = 0; i < 400000; ++i) {
    const double x = 0.4 + 2.0 * std::ldexp(static_cast<double>(random() >> 11), -53);
    worst = std::max(worst, ulps(math::log(x), std::log(static_cast<long double>(x))));
    const double near_one =
        1.0 + std::ldexp(static_cast<double>(random() >> 11) - 0x1p52, -60 - static_cast<int>(random() % 40));
    if (near_one != 1.0) {
      worst = std::max(worst, ulps(math::log(near_one), std::log(static_cast<long double>(near_one))));
    }
  }
  for (const double cut : {std::sqrt(0.5), std::sqrt(2.0), 0.5, 2.0}) {
    for (double x = cut * (1 - 1e-14); x < cut * (1 + 1e-14); x = std::nextafter(x, 10.0)) {
      worst = std::max(worst, ulps(math::log(x), std::log(static_cast<long double>(x))));
    }
  }
  EXPECT_LT(worst, 0.95);
}

TEST(Math, LogIsExactOrMonotoneWhereTheDrawsNeedIt) {
  EXPECT_EQ(math::log(1.0), 0.0);
  EXPECT_LT(math::log(1.0 - 0x1p-53), 0.0);  // the largest uniform: its exponential must be positive
  EXPECT_GT(math::log(0x1p-53), -37.0);      // the smallest
  EXPECT_EQ(math::log(std::numeric_limits<double>::min()), std::log(std::numeric_limits<double>::min()));
  EXPECT_TRUE(std::isfinite(math::log(std::numeric_limits<double>::max())));
}

TEST(Math, ExpIsWithinOneUlp) {
  std::mt19937_64 random(3);
  double worst = 0;
  for (int i = 0; i < 400000; ++i) {
    const double x = -708.0 + 1417.0 * std::ldexp(static_cast<double>(random() >> 11), -53);
    worst = std::max(worst, ulps(math::exp(x), std::exp(static_cast<long double>(x))));
    const double small = x / 1000.0;
    worst = std::max(worst, ulps(math::exp(small), std::exp(static_cast<long double>(small))));
  }
  EXPECT_LT(worst, 0.95);
}

TEST(Math, ExpAtTheEnds) {
  EXPECT_EQ(math::exp(0.0), 1.0);
  EXPECT_EQ(math::exp(-0.0), 1.0);
  EXPECT_EQ(math::exp(INFINITY), INFINITY);
  EXPECT_EQ(math::exp(709.79), INFINITY);
  EXPECT_LT(math::exp(709.78), INFINITY);
  EXPECT_EQ(math::exp(-INFINITY), 0.0);
  EXPECT_EQ(math::exp(-745.14), 0.0);
  EXPECT_GT(math::exp(-745.13), 0.0);
  EXPECT_TRUE(std::isnan(math::exp(std::nan(""))));
}

TEST(Math, SineAndCosineOfAnglesUpToTenMillion) {
  std::mt19937_64 random(4);
  double worst = 0;
  const auto check = [&](double x) {
    worst =
        std::max(worst, std::fabs(static_cast<double>(math::sin(x) - std::sin(static_cast<long double>(x)))));
    worst =
        std::max(worst, std::fabs(static_cast<double>(math::cos(x) - std::cos(static_cast<long double>(x)))));
  };
  for (int i = 0; i < 200000; ++i) {
    const double unit = std::ldexp(static_cast<double>(random() >> 11), -52) - 1.0;
    for (const double scale : {1e7, 1e4, 10.0, 1.0, 1e-6}) check(unit * scale);
    check(static_cast<double>(random() % 10000000));  // positions times the first frequency, 1
  }
  for (int quarter = -2000000; quarter < 2000000; quarter += 997) {
    const double x = quarter * 1.57079632679489661923;
    for (const double near : {x, std::nextafter(x, 1e9), std::nextafter(x, -1e9)}) check(near);
  }
  EXPECT_LT(worst, 4e-16);
  EXPECT_EQ(math::sin(0.0), 0.0);
  EXPECT_EQ(math::cos(0.0), 1.0);
}

TEST(Math, SineOutsideItsRangeIsADefect) {
  EXPECT_DEATH(math::sin(1.1e7), "1e7");
}

TEST(Math, PowGivesRotaryFrequencies) {
  for (const double base : {1e2, 1e4, 5e5, 1e6, 1e7}) {
    for (int pair = 0; pair < 128; ++pair) {
      const double exponent = -pair / 128.0;
      const long double exact = std::pow(static_cast<long double>(base), static_cast<long double>(exponent));
      // |exponent * log(base)| <= 16.2, its rounding and log's are each within 2^-52 of it.
      EXPECT_NEAR(math::pow(base, exponent), static_cast<double>(exact),
                  static_cast<double>(exact) * 17 * 0x1p-52);
    }
  }
  EXPECT_EQ(math::pow(10000.0, 0.0), 1.0);
}

// Bits that must never change: a run's tokens follow from them.
TEST(Math, KnownBits) {
  std::uint64_t digest = 0;
  const auto mix = [&](double value) {
    digest = digest * 0x9E3779B97F4A7C15u + std::bit_cast<std::uint64_t>(value);
  };
  std::mt19937_64 random(5);
  for (int i = 0; i < 20000; ++i) {
    const double u = std::ldexp(static_cast<double>((random() >> 11) | 1u), -53);
    mix(math::log(u));
    mix(math::exp(-40.0 * u));
    mix(math::sin(1e5 * u));
    mix(math::cos(1e5 * u));
  }
  EXPECT_EQ(hex64(digest), "442fac84a91ac43e");
}

}  // namespace
}  // namespace wisk
