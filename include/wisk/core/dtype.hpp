#pragma once
// Storage types of tensors and their exact conversions to and from float.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wisk {

enum class DType : std::uint8_t { kBFloat16, kFloat16, kFloat32 };

/// Bytes of one element.
constexpr std::size_t size_of(DType type) {
  return type == DType::kFloat32 ? 4 : 2;
}

/// "bfloat16", "float16", "float32": the names of config.json and of the job file.
std::string_view name_of(DType type);

/// Accepts "bfloat16"/"bf16"/"BF16", "float16"/"f16"/"F16", "float32"/"f32"/"F32".
/// Throws InputError naming `where` otherwise.
DType parse_dtype(std::string_view name, const std::string& where);

/// bfloat16 bits to float: exact.
constexpr float bf16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// float to bfloat16 bits, round to nearest even; a NaN keeps its sign and upper payload and stays a NaN.
constexpr std::uint16_t float_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x0040u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

/// float rounded to the nearest bfloat16, as a float.
constexpr float round_to_bf16(float value) {
  return bf16_to_float(float_to_bf16(value));
}

/// IEEE binary16 bits to float: exact, denormals included.
float f16_to_float(std::uint16_t bits);

/// float to IEEE binary16 bits, round to nearest even; overflow gives infinity.
std::uint16_t float_to_f16(float value);

}  // namespace wisk
