#pragma once
// Float lanes: in plain C++, and with AVX2. The kernels are templates over one of these types; all give the
// same bits. Only operations that IEEE 754 fixes are here. (AVX-512: lanes_avx512.hpp.)
//
// Beside arithmetic a type says how products are blocked for it: Input (float, or a pair of bf16 where
// kMultipliesPairs), the most rows of a register tile, how many panels it takes for so many rows (all chains,
// one panel's weights, a factor and a mask fit the registers; at least eight chains where they can, to hide
// the latency of a multiply-add), and the stretch of k whose weights stay in the first cache level.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <wisk/core/dtype.hpp>

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>
#endif

namespace wisk::device {

/// Plain C++: any processor. Stateless; used as a template argument. The compiler makes vectors of it where
/// it can (NEON). Sixteen lanes are there to test what AVX-512 does where no processor has it.
template <int Width>
struct PlainLanes {
  static constexpr int kWidth = Width;
  static constexpr bool kMultipliesPairs = false;
  static constexpr int kTileRows = Width == 8 ? 5 : 6;
  static constexpr int tile_panels(int rows) {
    return Width == 8 ? (rows == 1 ? 4 : 1) : (rows == 1 ? 8 : 4);
  }
  static constexpr std::int64_t kStretch = 448;
  using Input = float;
  struct Vector {
    float lane[Width];
  };
  static void keep(const Vector&) {}
  static void prefetch(const void*) {}
  template <class F>
  static Vector each(const F& f) {
    Vector r;
    for (int i = 0; i < Width; ++i) r.lane[i] = f(i);
    return r;
  }
  static Vector load(const float* p) {
    return each([&](int i) { return p[i]; });
  }
  static void store(float* p, Vector a) { std::memcpy(p, a.lane, sizeof a.lane); }
  static Vector set1(float x) {
    return each([&](int) { return x; });
  }
  static Vector fma(Vector a, Vector b, Vector c) {
    return each([&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
  }
  static Vector add(Vector a, Vector b) {
    return each([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static Vector sub(Vector a, Vector b) {
    return each([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  static Vector mul(Vector a, Vector b) {
    return each([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  static Vector div(Vector a, Vector b) {
    return each([&](int i) { return a.lane[i] / b.lane[i]; });
  }
  /// As maxps and minps: b where either is NaN or both are zero.
  static Vector max(Vector a, Vector b) {
    return each([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static Vector min(Vector a, Vector b) {
    return each([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static Vector abs(Vector a) {
    return each(
        [&](int i) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(a.lane[i]) & 0x7fffffffu); });
  }
  /// magnitude with the sign bit of s.
  static Vector with_sign(Vector magnitude, Vector s) {
    return each([&](int i) {
      const std::uint32_t sign = std::bit_cast<std::uint32_t>(s.lane[i]) & 0x80000000u;
      return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude.lane[i]) | sign);
    });
  }
  /// Lane-wise a < b ? x : y.
  static Vector select_less(Vector a, Vector b, Vector x, Vector y) {
    return each([&](int i) { return a.lane[i] < b.lane[i] ? x.lane[i] : y.lane[i]; });
  }
  /// 2^n for an integral n in -126..127.
  static Vector power_of_two(Vector n) {
    return each([&](int i) {
      const bool in_range = n.lane[i] >= -126.0f && n.lane[i] <= 127.0f;  // false for a NaN
      return in_range ? std::bit_cast<float>((static_cast<std::int32_t>(n.lane[i]) + 127) << 23) : 1.0f;
    });
  }
  /// To nearest even; a NaN stays one, whatever its payload.
  static Vector round_to_bf16(Vector a) {
    return each([&](int i) { return wisk::round_to_bf16(a.lane[i]); });
  }
  static Vector bf16_even(const std::uint32_t* pairs) {
    return each([&](int i) { return std::bit_cast<float>(pairs[i] << 16); });
  }
  static Vector bf16_odd(const std::uint32_t* pairs) {
    return each([&](int i) { return std::bit_cast<float>(pairs[i] & 0xffff0000u); });
  }
  static float half(std::uint32_t bits) {
    const std::uint32_t magnitude = bits & 0x7fffu, sign = (bits & 0x8000u) << 16;
    const std::uint32_t exponent =
        magnitude >= 0x7c00u ? 0x7f800000u | ((magnitude & 0x3ffu) << 13) : (magnitude << 13) + (112u << 23);
    const float value =
        magnitude < 0x400u ? static_cast<float>(magnitude) * 0x1p-24f : std::bit_cast<float>(exponent);
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
  }
  static Vector f16_even(const std::uint32_t* pairs) {
    return each([&](int i) { return half(pairs[i] & 0xffffu); });
  }
  static Vector f16_odd(const std::uint32_t* pairs) {
    return each([&](int i) { return half(pairs[i] >> 16); });
  }
};

using PortableLanes = PlainLanes<8>;

/// Sixteen plain lanes that multiply pairs of bf16, as vdpbf16ps does: the odd product first, each rounded.
struct PlainPairLanes : PlainLanes<16> {
  static constexpr bool kMultipliesPairs = true;
  using Input = std::uint32_t;
  static Vector load_pairs(const std::uint32_t* pairs) {
    return each([&](int i) { return std::bit_cast<float>(pairs[i]); });
  }
  static Vector set1_pair(std::uint32_t pair) {
    return each([&](int) { return std::bit_cast<float>(pair); });
  }
  static Vector fma_pairs(Vector a, Vector b, Vector sum) {
    return each([&](int i) {
      const auto x = std::bit_cast<std::uint32_t>(a.lane[i]), y = std::bit_cast<std::uint32_t>(b.lane[i]);
      const auto high = [](std::uint32_t pair) { return std::bit_cast<float>(pair & 0xffff0000u); };
      const float odd = std::fma(high(x), high(y), sum.lane[i]);
      return std::fma(high(x << 16), high(y << 16), odd);
    });
  }
};

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
/// AVX2 with FMA and F16C. Stateless; used as a template argument.
struct Avx2Lanes {
  static constexpr int kWidth = 8;
  static constexpr bool kMultipliesPairs = false;
  // Five rows of one panel and not six: with two vectors of weights, the factor, the mask that splits a pair
  // and a pair that is being split, twelve chains need seventeen registers, and the spilled one sets the
  // pace.
  static constexpr int kTileRows = 5;
  static constexpr int tile_panels(int rows) { return rows == 1 ? 4 : rows == 2 ? 2 : 1; }
  static constexpr std::int64_t kStretch = 320;  // 10 KiB of bf16 weights
  using Input = float;
  using Vector = __m256;
  static void keep(Vector& a) { asm("" : "+x"(a)); }
  static void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
  static Vector load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Vector a) { _mm256_storeu_ps(p, a); }
  static Vector set1(float x) { return _mm256_set1_ps(x); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector sub(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector div(Vector a, Vector b) { return _mm256_div_ps(a, b); }
  static Vector max(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static Vector min(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  static Vector abs(Vector a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
  static Vector with_sign(Vector magnitude, Vector s) {
    return _mm256_or_ps(magnitude, _mm256_and_ps(_mm256_set1_ps(-0.0f), s));
  }
  static Vector select_less(Vector a, Vector b, Vector x, Vector y) {
    return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }
  static Vector power_of_two(Vector n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvttps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
  }
  static Vector round_to_bf16(Vector a) {
    const __m256i bits = _mm256_castps_si256(a);
    const __m256i lowest = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(lowest, _mm256_set1_epi32(0x7fff)));
    const __m256i quiet =
        _mm256_or_si256(bits, _mm256_set1_epi32(0x00400000));  // the sum could carry a NaN away
    const __m256 wide = _mm256_blendv_ps(_mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet),
                                         _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    return _mm256_and_ps(wide, _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static __m256i pairs_at(const std::uint32_t* pairs) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(pairs));
  }
  static Vector bf16_even(const std::uint32_t* pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs_at(pairs), 16));
  }
  static Vector bf16_odd(const std::uint32_t* pairs) {
    const __m256i high = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
    return _mm256_castsi256_ps(_mm256_and_si256(pairs_at(pairs), high));
  }
  static Vector half(__m256i low_halves) {
    const __m128i low = _mm256_castsi256_si128(low_halves), high = _mm256_extracti128_si256(low_halves, 1);
    return _mm256_cvtph_ps(_mm_packus_epi32(low, high));
  }
  static Vector f16_even(const std::uint32_t* pairs) {
    return half(_mm256_and_si256(pairs_at(pairs), _mm256_set1_epi32(0xffff)));
  }
  static Vector f16_odd(const std::uint32_t* pairs) { return half(_mm256_srli_epi32(pairs_at(pairs), 16)); }
};
#endif

}  // namespace wisk::device
