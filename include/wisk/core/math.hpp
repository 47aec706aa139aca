#pragma once
// Elementary functions (in double, one in f32) whose bits are ours: libm's change with its version, and a
// random draw or a rotary angle that changes with them would change a run's tokens. Plain additions, products
// and divisions only (this code is compiled with -ffp-contract=off), so every IEEE machine gives the same
// bits, and kernels of GPUs too; no branches in log and exp, so that the compiler can vectorise loops over
// them.

#include <bit>
#include <cstdint>
#include <limits>

namespace wisk::math {

namespace detail {
// ln 2 in two parts: the first has 42 bits, so that its product with an exponent (11 bits) is exact.
inline constexpr double kLn2High = 0x1.62e42fefa3800p-1;
inline constexpr double kLn2Low = 0x1.ef35793c76730p-45;
inline constexpr double kInverseLn2 = 0x1.71547652b82fep+0;
// Adding and subtracting it rounds a double below 2^51 to an integer, which its low bits then hold.
inline constexpr double kRounder = 0x1.8p52;
}  // namespace detail

/// Natural logarithm of a positive normal number; error below 0.95 units in the last place. Other
/// arguments (0, negative, denormal, infinite, NaN) are outside its contract and give some number. With x =
/// 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and s = f / (2 + f): log(1 + f) = 2 atanh(s).
constexpr double log(double x) {
  // Exponents change at the bits of sqrt(1/2); the bias keeps the shifted exponent positive (AVX2 has no
  // signed shift).
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdu, kBias = 1023;
  const std::uint64_t shifted = std::bit_cast<std::uint64_t>(x) - kSqrtHalf + (kBias << 52);
  const double f = std::bit_cast<double>((shifted & 0x000fffffffffffffu) + kSqrtHalf) - 1.0;
  // The exponent as a double without a conversion instruction (neither has one for 64 bits).
  const double k = std::bit_cast<double>(std::bit_cast<std::uint64_t>(detail::kRounder) + (shifted >> 52)) -
                   (detail::kRounder + 1023.0);
  const double s = f / (2.0 + f);
  const double z = s * s;
  // 2 atanh(s) = 2s + s * (2z/3 + 2z^2/5 + ...); |s| < 0.1716, so the first term left out is below 2^-60 of
  // the sum.
  double series = 2.0 / 23.0;
  series = series * z + 2.0 / 21.0;
  series = series * z + 2.0 / 19.0;
  series = series * z + 2.0 / 17.0;
  series = series * z + 2.0 / 15.0;
  series = series * z + 2.0 / 13.0;
  series = series * z + 2.0 / 11.0;
  series = series * z + 2.0 / 9.0;
  series = series * z + 2.0 / 7.0;
  series = series * z + 2.0 / 5.0;
  series = series * z + 2.0 / 3.0;
  series = series * z;
  // 2s = f - s f and s f = f^2/2 - s f^2/2: written so that the largest rounded term is far smaller than f.
  const double half_square = 0.5 * f * f;
  const double low = s * (half_square + series) + k * detail::kLn2Low;
  return k * detail::kLn2High + (f - (half_square - low));
}

/// e^x; error below 0.95 units in the last place for normal results. Overflow gives infinity, underflow
/// denormals and then 0, NaN gives NaN. e^x = 2^k e^r, |r| <= ln(2)/2, Taylor's series to r^13.
constexpr double exp(double x) {
  const double clamped = x < -746.0 ? -746.0 : (x > 710.0 ? 710.0 : x);
  const double shifted = clamped * detail::kInverseLn2 + detail::kRounder;
  const double k = shifted - detail::kRounder;
  const double high = clamped - k * detail::kLn2High;  // exact
  const double low = k * detail::kLn2Low;
  const double r = high - low;
  double series = 1.0 / 6227020800.0;
  series = series * r + 1.0 / 479001600.0;
  series = series * r + 1.0 / 39916800.0;
  series = series * r + 1.0 / 3628800.0;
  series = series * r + 1.0 / 362880.0;
  series = series * r + 1.0 / 40320.0;
  series = series * r + 1.0 / 5040.0;
  series = series * r + 1.0 / 720.0;
  series = series * r + 1.0 / 120.0;
  series = series * r + 1.0 / 24.0;
  series = series * r + 1.0 / 6.0;
  series = series * r + 0.5;
  const double value = 1.0 + (high + (r * r * series - low));
  // 2^k in two factors: for a denormal or the largest results one of them alone does not exist.
  const auto power = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(shifted) -
                                               std::bit_cast<std::uint64_t>(detail::kRounder));
  const std::int64_t half = power / 2;
  const auto first = std::bit_cast<double>(static_cast<std::uint64_t>(half + 1023) << 52);
  const auto second = std::bit_cast<double>(static_cast<std::uint64_t>(power - half + 1023) << 52);
  const double result = value * first * second;
  return x == x ? result : x;
}

/// Sine of an angle in radians, |x| <= 1e7 (an assertion); absolute error below 4e-16.
double sin(double x);

/// Cosine of an angle in radians, |x| <= 1e7 (an assertion); absolute error below 4e-16.
double cos(double x);

/// base^exponent for a positive normal base, as exp(exponent * log(base)): relative error about
/// |exponent * log(base)| * 2^-52 (3e-15 for a rotary frequency 1e6^-1).
constexpr double pow(double base, double exponent) {
  return exp(exponent * log(base));
}

/// e^x in f32 for x <= 0, relative error below 2^-22; 0 below -87 and for NaN.
constexpr float exp_of_negative(float x) {
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23
  constexpr float kLn2High = 0x1.62e4p-1f,
                  kLn2Low = 0x1.7f7d1cp-20f;  // the first has 16 bits: exact products
  const float clamped = x > -87.0f ? x : -87.0f;
  const float shifted = clamped * 0x1.715476p+0f + kRounder;
  const float k = shifted - kRounder;
  const float r = (clamped - k * kLn2High) - k * kLn2Low;
  float series = 1.0f / 5040.0f;
  series = series * r + 1.0f / 720.0f;
  series = series * r + 1.0f / 120.0f;
  series = series * r + 1.0f / 24.0f;
  series = series * r + 1.0f / 6.0f;
  series = series * r + 0.5f;
  const float value = 1.0f + (r + r * r * series);
  const float power = std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) + 127u) << 23);
  return x > -87.0f ? value * power : 0.0f;
}

}  // namespace wisk::math
