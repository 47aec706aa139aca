#pragma once
// The passes over a whole vocabulary, written as loops over blocks of 64 that the compiler vectorises. The
// order of every sum is fixed here, so all instruction sets give the same bits.

#include <cstdint>
#include <span>
#include <wisk/core/noise.hpp>

namespace wisk::sample {

/// maxima[b] = the largest logit of block b, NaN left out; -inf when there is none.
void block_maxima(std::span<const float> logits, std::span<float> maxima);

/// Sum over ids of exp((logit - largest) * scale).
double sum_exp(std::span<const float> logits, float largest, float scale);

/// maxima[i] = noise.block_maximum(blocks[i], ...): the same bits, many at a time.
void noise_maxima(const Noise& noise, int vocabulary, std::span<const std::int32_t> blocks,
                  std::span<double> maxima);

}  // namespace wisk::sample
