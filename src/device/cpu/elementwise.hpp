#pragma once
// exp and tanh on float lanes: ours, so that results do not change with a version of libm. Cephes'
// single-precision argument reductions and minimax polynomials (S. Moshier, Methods and Programs for
// Mathematical Functions, 1989).

#include <algorithm>
#include <cstdint>

namespace wisk::device {

/// e^x to about 1 ulp for x in -87.3..88; 0 below (-inf included), e^88 above. A NaN stays one: min and max
/// give their second argument then.
template <class L>
constexpr typename L::Vector exp_lanes(typename L::Vector x) {
  using V = typename L::Vector;
  const V lowest = L::set1(-87.3f);
  const V clamped = L::max(lowest, L::min(L::set1(88.0f), x));
  const V magic = L::set1(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
  const V n = L::sub(L::add(L::mul(clamped, L::set1(1.44269504088896341f)), magic), magic);
  const V r = L::fma(n, L::set1(2.12194440e-4f), L::fma(n, L::set1(-0.693359375f), clamped));
  V p = L::set1(1.9875691500e-4f);
  p = L::fma(p, r, L::set1(1.3981999507e-3f));
  p = L::fma(p, r, L::set1(8.3334519073e-3f));
  p = L::fma(p, r, L::set1(4.1665795894e-2f));
  p = L::fma(p, r, L::set1(1.6666665459e-1f));
  p = L::fma(p, r, L::set1(5.0000001201e-1f));
  const V e = L::add(L::fma(p, L::mul(r, r), r), L::set1(1.0f));
  return L::select_less(x, lowest, L::set1(0.0f), L::mul(e, L::power_of_two(n)));
}

/// tanh(x) to about 2 ulp.
template <class L>
constexpr typename L::Vector tanh_lanes(typename L::Vector x) {
  using V = typename L::Vector;
  const V magnitude = L::abs(x);
  const V z = L::mul(x, x);
  V p = L::set1(-5.70498872745e-3f);
  p = L::fma(p, z, L::set1(2.06390887954e-2f));
  p = L::fma(p, z, L::set1(-5.37397155531e-2f));
  p = L::fma(p, z, L::set1(1.33314422036e-1f));
  p = L::fma(p, z, L::set1(-3.33332819422e-1f));
  const V near_zero = L::fma(L::mul(p, z), x, x);
  const V one = L::set1(1.0f);
  const V t = exp_lanes<L>(L::mul(L::set1(-2.0f), magnitude));
  const V far = L::with_sign(L::div(L::sub(one, t), L::add(one, t)), x);
  return L::select_less(magnitude, L::set1(0.625f), near_zero, far);
}

/// The sum of eight lanes, as a tree of halves: the order of docs/numerics.md.
template <class L>
float sum_of_lanes(typename L::Vector v) {
  static_assert(L::kWidth == 8);
  float x[8];
  L::store(x, v);
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

/// The largest lane; none may be NaN.
template <class L>
float largest_lane(typename L::Vector v) {
  float x[L::kWidth];
  L::store(x, v);
  return *std::max_element(x, x + L::kWidth);
}

/// Applies f to count floats, eight at a time; the tail goes through a padded copy, so every element sees the
/// same arithmetic wherever it stands.
template <class L, class F>
void map_lanes(std::int64_t count, const float* x, float* out, const F& f) {
  std::int64_t i = 0;
  for (; i + L::kWidth <= count; i += L::kWidth) L::store(out + i, f(L::load(x + i)));
  if (i < count) {
    float padded[L::kWidth] = {};
    for (std::int64_t j = i; j < count; ++j) padded[j - i] = x[j];
    L::store(padded, f(L::load(padded)));
    for (std::int64_t j = i; j < count; ++j) out[j] = padded[j - i];
  }
}

}  // namespace wisk::device
