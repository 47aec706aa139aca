#pragma once
// Storage types to float and back in integer arithmetic, without CUDA's own types: the same bits on a GPU and
// on the host, NaNs included.

#include <bit>
#include <cstdint>

#include <wisk/core/dtype.hpp>

namespace wisk::device::cuda {

/// float of the element of `type` in the low bits: exact.
__device__ inline float widened(DType type, std::uint32_t bits) {
  if (type == DType::kFloat32) return std::bit_cast<float>(bits);
  if (type == DType::kBFloat16) return std::bit_cast<float>(bits << 16);
  const std::uint32_t magnitude = bits & 0x7fffu, sign = (bits & 0x8000u) << 16;
  const std::uint32_t rebias = magnitude >= 0x7c00u ? 224u << 23 : 112u << 23;  // infinities and NaNs stay
  // A denormal half is a whole number of 2^-24, a normal float: exact where denormals count as zero, too.
  if (magnitude < 0x0400u)
    return std::bit_cast<float>(sign |
                                std::bit_cast<std::uint32_t>(static_cast<float>(magnitude) * 0x1p-24f));
  return std::bit_cast<float>(sign | ((magnitude << 13) + rebias));
}

/// The bits of `value` in `type`, to nearest even; every NaN becomes the positive quiet one without payload.
__device__ inline std::uint32_t narrowed(DType type, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7fffffffu, sign = (bits >> 16) & 0x8000u;
  const bool is_nan = magnitude > 0x7f800000u;
  if (type == DType::kFloat32) return is_nan ? 0x7fc00000u : bits;
  if (type == DType::kBFloat16) return is_nan ? 0x7fc0u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  if (is_nan) return 0x7e00u;
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // 65520 and above round to infinity
  // Below 2^-14: adding 0.5 puts a half's denormal bits at the end of the mantissa.
  if (magnitude < 0x38800000u)
    return sign | (std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u);
  return sign | ((magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13);
}

/// Two neighbours rounded to bf16, the even one in the low half.
__device__ inline std::uint32_t bf16_pair(float even, float odd) {
  return float_to_bf16(even) | static_cast<std::uint32_t>(float_to_bf16(odd)) << 16;
}

}  // namespace wisk::device::cuda
