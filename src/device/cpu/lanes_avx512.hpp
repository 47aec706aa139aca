#pragma once
// Sixteen float lanes of AVX-512, for the products alone: everything else is bound by memory or small. Their
// plain twins are PlainLanes<16> and PlainPairLanes.

#include <cstdint>

#include <immintrin.h>

namespace wisk::device {

/// AVX-512 F: f32 multiply-adds. Stateless; used as a template argument.
struct Avx512Lanes {
  static constexpr int kWidth = 16;
  static constexpr bool kMultipliesPairs = false;
  static constexpr int kTileRows = 6;  // 24 chains, 4 vectors of weights, the factor: 29 of 32 registers
  static constexpr int tile_panels(int rows) { return rows == 1 ? 8 : 4; }
  static constexpr std::int64_t kStretch = 1 << 20;  // four panels stream from the second level fast enough
  using Input = float;
  using Vector = __m512;
  static void keep(Vector& a) { asm("" : "+v"(a)); }
  static void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
  static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vector a) { _mm512_storeu_ps(p, a); }
  static Vector set1(float x) { return _mm512_set1_ps(x); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector bf16_even(const std::uint32_t* pairs) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(pairs), 16));
  }
  static Vector bf16_odd(const std::uint32_t* pairs) {
    const __m512i high = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(pairs), high));
  }
  static Vector f16_even(const std::uint32_t* pairs) {
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_loadu_si512(pairs)));
  }
  static Vector f16_odd(const std::uint32_t* pairs) {
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_loadu_si512(pairs), 16)));
  }
};

#if defined(__AVX512BF16__)
/// AVX-512 BF16: vdpbf16ps adds the products of a pair, the odd one first, each sum rounded to nearest even
/// and denormals as zero whatever MXCSR says (Intel SDM, VDPBF16PS; measured, docs/numerics.md).
struct Avx512PairLanes : Avx512Lanes {
  static constexpr bool kMultipliesPairs = true;
  using Input = std::uint32_t;
  static Vector load_pairs(const std::uint32_t* pairs) { return _mm512_loadu_ps(pairs); }
  static Vector set1_pair(std::uint32_t pair) {
    return _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<int>(pair)));
  }
  static Vector fma_pairs(Vector a, Vector b, Vector sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
};
#endif

}  // namespace wisk::device
