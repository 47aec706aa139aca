#include <wisk/device/blend.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <wisk/core/assert.hpp>

namespace wisk::device {
namespace {

// Tensors of a safetensors file start wherever its writer put them.
// (Write the type out where it is used: `auto` would drop the attributes.)
using Bits16 __attribute__((aligned(1), may_alias)) = std::uint16_t;
using Bits32 __attribute__((aligned(1), may_alias)) = std::uint32_t;

constexpr std::size_t kMostInRegisters = 16;  // inputs of the fastest loop
constexpr std::size_t kBlock = 2048;          // f32 sums of a block: 8 KiB, stays in the first-level cache

// The loops below are inlined into one function per instruction set, and written without branches
// (conversions too), so that the compiler turns each into vector code. Every operation in them is exact or
// correctly rounded: the vector width cannot change a bit.

[[gnu::always_inline]] inline float widen_f16(std::uint32_t half) {
  // The half's fields moved into a float's place, then scaled by 2^112: exact, for denormals too.
  const float scaled = std::bit_cast<float>((half & 0x7fffu) << 13) * 0x1p112f;
  const std::uint32_t special = (half & 0x7c00u) == 0x7c00u ? 0x7f800000u : 0u;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | ((half & 0x8000u) << 16));
}

[[gnu::always_inline]] inline std::uint32_t narrow_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded;
}

[[gnu::always_inline]] inline std::uint32_t narrow_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;
  // Adding 0.5 puts a half's denormal bits at the end of the mantissa, rounded to nearest even.
  const std::uint32_t denormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  std::uint32_t half = magnitude < 0x38800000u ? denormal : normal;
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;  // 65520 and above round to infinity
  return magnitude > 0x7f800000u ? 0x7e00u : (sign | half);
}

[[gnu::always_inline]] inline std::uint32_t quiet_f32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : bits;
}

/// sums[i] = coefficient * data[i] (kFirst) or sums[i] += coefficient * data[i], one rounding.
template <bool kFirst>
[[gnu::always_inline]] inline void accumulate(const BlendInput& input, std::size_t begin, std::size_t count,
                                              float* __restrict sums) {
  const auto coefficient = static_cast<float>(input.coefficient);
  const auto add = [coefficient](float value, float sum) __attribute__((always_inline)) {
    return kFirst ? coefficient * value : std::fma(coefficient, value, sum);
  };
  const std::byte* data = input.data + begin * size_of(input.dtype);
  if (input.dtype == DType::kBFloat16) {
    const Bits16* bits = reinterpret_cast<const Bits16*>(data);
    for (std::size_t i = 0; i < count; ++i) {
      sums[i] = add(std::bit_cast<float>(static_cast<std::uint32_t>(bits[i]) << 16), sums[i]);
    }
  } else if (input.dtype == DType::kFloat16) {
    const Bits16* bits = reinterpret_cast<const Bits16*>(data);
    for (std::size_t i = 0; i < count; ++i) sums[i] = add(widen_f16(bits[i]), sums[i]);
  } else {
    const Bits32* bits = reinterpret_cast<const Bits32*>(data);
    for (std::size_t i = 0; i < count; ++i) sums[i] = add(std::bit_cast<float>(bits[i] + 0u), sums[i]);
  }
}

[[gnu::always_inline]] inline void store(const float* __restrict sums, std::size_t count, DType type,
                                         std::byte* __restrict out) {
  if (type == DType::kBFloat16) {
    Bits16* bits = reinterpret_cast<Bits16*>(out);
    for (std::size_t i = 0; i < count; ++i) bits[i] = static_cast<std::uint16_t>(narrow_bf16(sums[i]));
  } else if (type == DType::kFloat16) {
    Bits16* bits = reinterpret_cast<Bits16*>(out);
    for (std::size_t i = 0; i < count; ++i) bits[i] = static_cast<std::uint16_t>(narrow_f16(sums[i]));
  } else {
    Bits32* bits = reinterpret_cast<Bits32*>(out);
    for (std::size_t i = 0; i < count; ++i) bits[i] = quiet_f32(sums[i]);
  }
}

[[gnu::always_inline]] inline void blend_blocks(std::span<const BlendInput> inputs, std::size_t count,
                                                DType type, std::byte* out) {
  alignas(64) std::array<float, kBlock> sums;  // written before it is read
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t n = std::min(kBlock, count - begin);
    accumulate<true>(inputs[0], begin, n, sums.data());
    for (std::size_t j = 1; j < inputs.size(); ++j) accumulate<false>(inputs[j], begin, n, sums.data());
    store(sums.data(), n, type, out + begin * size_of(type));
  }
}

using Kernel = void (*)(std::span<const BlendInput>, std::size_t, DType, std::byte*);

/// Any processor; without the instruction, std::fma is a library call: slow and as exact.
void blend_generic(std::span<const BlendInput> inputs, std::size_t count, DType type, std::byte* out) {
  blend_blocks(inputs, count, type, out);
}

#if defined(__x86_64__)
/// f32 to the bits of bf16 in each upper half, to nearest even; NaN to the quiet one.
[[gnu::target("avx2,fma"), gnu::always_inline]] inline __m256i narrow_lanes(__m256 value) {
  const __m256i bits = _mm256_castps_si256(value);
  const __m256i lowest = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(lowest, _mm256_set1_epi32(0x7fff)));
  const __m256 quiet = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
  return _mm256_castps_si256(
      _mm256_blendv_ps(_mm256_castsi256_ps(rounded), quiet, _mm256_cmp_ps(value, value, _CMP_UNORD_Q)));
}

/// The common case, bf16 of bf16, with the sums in registers: neighbours in the two halves of a word are
/// widened by a shift and a mask, and come back the same way. The first `count` / 16 * 16 elements.
[[gnu::target("avx2,fma")]] void blend_bf16_avx2(std::span<const BlendInput> inputs, std::size_t count,
                                                 std::byte* out) {
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  for (std::size_t i = 0; i + 16 <= count; i += 16) {
    __m256 even{}, odd{};
    for (std::size_t j = 0; j < inputs.size(); ++j) {
      const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(inputs[j].data + 2 * i));
      const __m256 left = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)),
                   right = _mm256_castsi256_ps(_mm256_and_si256(pairs, upper)),
                   coefficient = _mm256_set1_ps(static_cast<float>(inputs[j].coefficient));
      even = j == 0 ? _mm256_mul_ps(coefficient, left) : _mm256_fmadd_ps(coefficient, left, even);
      odd = j == 0 ? _mm256_mul_ps(coefficient, right) : _mm256_fmadd_ps(coefficient, right, odd);
    }
    const __m256i packed = _mm256_or_si256(_mm256_srli_epi32(narrow_lanes(even), 16),
                                           _mm256_and_si256(narrow_lanes(odd), upper));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 2 * i), packed);
  }
}

[[gnu::target("avx2,fma")]] void blend_avx2(std::span<const BlendInput> inputs, std::size_t count, DType type,
                                            std::byte* out) {
  const bool all_bf16 = type == DType::kBFloat16 && inputs.size() <= kMostInRegisters &&
                        std::all_of(inputs.begin(), inputs.end(),
                                    [](const BlendInput& input) { return input.dtype == DType::kBFloat16; });
  if (!all_bf16) return blend_blocks(inputs, count, type, out);
  const std::size_t done = count / 16 * 16;
  blend_bf16_avx2(inputs, done, out);
  std::array<BlendInput, kMostInRegisters> rest;
  std::copy(inputs.begin(), inputs.end(), rest.begin());
  for (BlendInput& input : std::span(rest).first(inputs.size())) input.data += 2 * done;
  if (done < count) blend_blocks(std::span(rest).first(inputs.size()), count - done, type, out + 2 * done);
}
#endif

/// AVX2 saturates a core's memory bandwidth; wider vectors would not be faster.
Kernel best_kernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return blend_avx2;
#endif
  return blend_generic;
}

/// Round to nearest with denormals kept, until the end of the scope: a thread of the sampling engine may
/// flush them.
class IeeeMode {
 public:
#if defined(__x86_64__)
  IeeeMode() : saved_(_mm_getcsr()) {
    _mm_setcsr(0x1f80u);
  }
  ~IeeeMode() {
    _mm_setcsr(saved_);
  }

 private:
  unsigned int saved_;
#else
  IeeeMode() {}
#endif
 public:
  IeeeMode(const IeeeMode&) = delete;
  IeeeMode& operator=(const IeeeMode&) = delete;
};

bool is_copy(std::span<const BlendInput> inputs, DType out_type) {
  return inputs.size() == 1 && inputs[0].coefficient == 1.0 && inputs[0].dtype == out_type;
}

float load_one(const BlendInput& input, std::size_t i) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, input.data + i * size_of(input.dtype), size_of(input.dtype));
  if (input.dtype == DType::kBFloat16) return bf16_to_float(static_cast<std::uint16_t>(bits));
  if (input.dtype == DType::kFloat16) return f16_to_float(static_cast<std::uint16_t>(bits));
  return std::bit_cast<float>(bits);
}

}  // namespace

void blend(std::span<const BlendInput> inputs, std::size_t count, DType out_type, std::byte* out) {
  WISK_ASSERT(!inputs.empty());
  if (count == 0) return;
  if (is_copy(inputs, out_type)) {
    std::memcpy(out, inputs[0].data, count * size_of(out_type));
    return;
  }
  static const Kernel kernel = best_kernel();
  const IeeeMode mode;
  kernel(inputs, count, out_type, out);
}

void blend_reference(std::span<const BlendInput> inputs, std::size_t count, DType out_type, std::byte* out) {
  WISK_ASSERT(!inputs.empty());
  if (count == 0) return;
  if (is_copy(inputs, out_type)) {
    std::memcpy(out, inputs[0].data, count * size_of(out_type));
    return;
  }
  const IeeeMode mode;
  for (std::size_t i = 0; i < count; ++i) {
    float sum = static_cast<float>(inputs[0].coefficient) * load_one(inputs[0], i);
    for (std::size_t j = 1; j < inputs.size(); ++j) {
      sum = std::fma(static_cast<float>(inputs[j].coefficient), load_one(inputs[j], i), sum);
    }
    if (std::isnan(sum)) sum = std::numeric_limits<float>::quiet_NaN();
    std::uint32_t bits = std::bit_cast<std::uint32_t>(sum);
    if (out_type == DType::kBFloat16) bits = float_to_bf16(sum);
    if (out_type == DType::kFloat16) bits = float_to_f16(sum);
    std::memcpy(out + i * size_of(out_type), &bits, size_of(out_type));
  }
}

}  // namespace wisk::device
