#pragma once
// The passes over a whole vocabulary, written as loops over blocks of 64 that the compiler vectorises. The
// order of every sum is fixed here, so all instruction sets give the same bits.

#include <bit>
#include <cstdint>
#include <span>
#include <wisk/sample/noise.hpp>

namespace wisk::sample {

/// e^x in f32 for x <= 0, relative error below 2^-22; 0 below -87 and for NaN.
inline float exp_of_negative(float x) {
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

/// maxima[b] = the largest logit of block b, NaN left out; -inf when there is none.
void block_maxima(std::span<const float> logits, std::span<float> maxima);

/// Sum over ids of exp((logit - largest) * scale).
double sum_exp(std::span<const float> logits, float largest, float scale);

/// maxima[i] = noise.block_maximum(blocks[i], ...): the same bits, many at a time.
void noise_maxima(const Noise& noise, int vocabulary, std::span<const std::int32_t> blocks,
                  std::span<double> maxima);

}  // namespace wisk::sample
