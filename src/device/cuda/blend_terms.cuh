#pragma once
// The terms of a blend as kernels see them, and the arithmetic of device/blend.hpp. Files that include this
// keep denormals (no --ftz).

#include <cmath>
#include <span>

#include <wisk/core/assert.hpp>
#include <wisk/device/blend.hpp>

#include "blend_pack.hpp"
#include "convert.cuh"
#include "vectors.cuh"

namespace wisk::device::cuda {

/// Elements that a thread has in registers: one vector of 16-bit elements, two of f32.
inline constexpr int kPack = 8;

/// Passed to kernels by value.
struct Terms {
  const std::byte* data[kMostBlendInputs];
  float coefficient[kMostBlendInputs];
  DType dtype[kMostBlendInputs];
  bool vectors[kMostBlendInputs];  ///< every pack begins at a multiple of 16 bytes
  int count;
};

/// Packs begin at element `first` of each input, and multiples of `step` and of kPack elements behind it.
inline Terms terms_of(std::span<const BlendInput> inputs, std::int64_t first, std::int64_t step) {
  WISK_ASSERT(!inputs.empty() && inputs.size() <= kMostBlendInputs);
  Terms terms{};
  for (const BlendInput& input : inputs) {
    WISK_ASSERT(aligned_to(input.data, size_of(input.dtype)));
    const int j = terms.count++;
    const auto size = static_cast<std::int64_t>(size_of(input.dtype));
    terms.data[j] = input.data;
    terms.coefficient[j] = static_cast<float>(input.coefficient);
    terms.dtype[j] = input.dtype;
    terms.vectors[j] = takes_vectors(input.data + first * size) && step * size % 16 == 0;
  }
  return terms;
}

/// One input of weight 1 in the type of the result: its bits are the result.
inline bool is_copy(std::span<const BlendInput> inputs, DType out_type) {
  return inputs.size() == 1 && inputs[0].coefficient == 1.0 && inputs[0].dtype == out_type;
}

__device__ inline std::uint32_t load_bits(const std::byte* data, DType type, std::int64_t i) {
  if (type == DType::kFloat32) return reinterpret_cast<const std::uint32_t*>(data)[i];
  return reinterpret_cast<const std::uint16_t*>(data)[i];
}

/// bits[e] = element first + e, e < kPack, of term j.
__device__ inline void load_pack(const Terms& terms, int j, std::int64_t first, std::uint32_t* bits) {
  const DType type = terms.dtype[j];
  if (!terms.vectors[j]) {
    for (int e = 0; e < kPack; ++e) bits[e] = load_bits(terms.data[j], type, first + e);
  } else if (type == DType::kFloat32) {
    const auto* vectors = reinterpret_cast<const Words*>(terms.data[j] + 4 * first);
    const Words low = vectors[0], high = vectors[1];
    for (int e = 0; e < 4; ++e) {
      bits[e] = low.word[e];
      bits[e + 4] = high.word[e];
    }
  } else {
    const Words words = *reinterpret_cast<const Words*>(terms.data[j] + 2 * first);
    for (int e = 0; e < kPack; ++e) bits[e] = (words.word[e / 2] >> (16 * (e % 2))) & 0xffffu;
  }
}

/// The sum of terms 0..j of an element whose bits in term j are `bits`: term 0 is a product, later ones are
/// fused multiply-adds.
__device__ inline float next_sum(const Terms& terms, int j, std::uint32_t bits, float sum) {
  const float value = widened(terms.dtype[j], bits);
  return j == 0 ? terms.coefficient[j] * value : fmaf(terms.coefficient[j], value, sum);
}

}  // namespace wisk::device::cuda
