#pragma once
// RMSNorm of one row. The sum of squares is sixteen chains (element i in chain i mod 16), added as a tree.

#include <cmath>
#include <cstdint>

#include <wisk/device/device.hpp>

#include "elementwise.hpp"

namespace wisk::device {

template <class L>
float sum_of_squares(const float* x /* [width] */, std::int64_t width) {
  constexpr int kChains = 16;
  static_assert(kChains == 2 * L::kWidth);
  typename L::Vector low = L::set1(0.0f), high = L::set1(0.0f);
  std::int64_t i = 0;
  const auto accumulate = [&](const float* p) {
    const auto a = L::load(p), b = L::load(p + L::kWidth);
    low = L::fma(a, a, low);
    high = L::fma(b, b, high);
  };
  for (; i + kChains <= width; i += kChains) accumulate(x + i);
  if (i < width) {
    float padded[kChains] = {};
    for (std::int64_t j = i; j < width; ++j) padded[j - i] = x[j];
    accumulate(padded);
  }
  return sum_of_lanes<L>(L::add(low, high));
}

template <class L>
void rms_norm_row(const float* x /* [width] */, const float* weight /* [width] */, float eps,
                  std::int64_t width, Compute rounding, float* out /* [width] */) {
  const float mean = sum_of_squares<L>(x, width) / static_cast<float>(width);
  const float scale = 1.0f / std::sqrt(mean + eps);
  const auto scale_lanes = L::set1(scale);
  std::int64_t i = 0;
  for (; i + L::kWidth <= width; i += L::kWidth) {
    const auto y = L::mul(L::mul(L::load(x + i), scale_lanes), L::load(weight + i));
    L::store(out + i, rounding == Compute::kBFloat16 ? L::round_to_bf16(y) : y);
  }
  for (; i < width; ++i) {
    const float y = x[i] * scale * weight[i];
    out[i] = rounding == Compute::kBFloat16 ? round_to_bf16(y) : y;
  }
}

}  // namespace wisk::device
