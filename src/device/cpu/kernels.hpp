#pragma once
// The kernels of one instruction set as a table, so that the processor is asked once.

#include <cstdint>
#include <limits>
#include <string>

#include <wisk/device/device.hpp>

#include "attention.hpp"

namespace wisk::device {

/// Functions of single threads: the device splits the work. See the templates of the same names for shapes.
struct Kernels {
  const char* name;
  bool multiplies_pairs;  // `linear` is faster with its operand as pairs of bf16
  void (*linear)(const Linear& x, const std::uint32_t* pairs, std::int64_t rows, std::int64_t begin,
                 std::int64_t end);
  double (*multiply_adds)(std::int64_t rounds);
  void (*rms_norm)(const float* x, const float* weight, float eps, std::int64_t width, Compute rounding,
                   float* out);
  void (*gated)(Activation activation, const float* gate, const float* up, std::int64_t count,
                Compute rounding, float* out);
  void (*softcap)(float* x, std::int64_t count, float cap);
  void (*block_maximum)(float* x, std::int64_t count, float cap, float* maximum);
  void (*add_parts)(std::span<const float* const> parts, const float* bias, std::int64_t width,
                    bool accumulate, float* x, std::int64_t begin, std::int64_t end);
  void (*rope)(float* x, std::int64_t heads, std::int64_t head_dim, const float* angles,
               std::span<const std::int32_t> positions, Compute rounding, std::int64_t begin,
               std::int64_t end);
  void (*store_kv)(const float* k, const float* v, int layer, const StepTokens& step, const KvCache& cache,
                   std::int64_t begin, std::int64_t end);
  void (*attend)(const float* q, int begin, int end, int kv_head, const AttentionShape& shape, int layer,
                 const StepTokens& step, const KvCache& cache, Compute rounding, AttentionScratch& scratch,
                 float* out);
};

// Each nullptr where the compiler lacks the instructions; the processor is asked in kernels.cpp.
const Kernels* plain_kernels();        // any processor
const Kernels* plain_wide_kernels();   // products on sixteen plain lanes, and
const Kernels* plain_pairs_kernels();  // on pairs: the twins of the two last, for tests
const Kernels* avx2_kernels();         // AVX2, FMA, F16C
const Kernels* avx512_kernels();       // products with AVX-512, else AVX2
const Kernels* avx512_bf16_kernels();  // products of bf16 with vdpbf16ps

/// The kernels called `name` ("auto": the fastest). Throws EnvironmentError when there are none of that name
/// or this processor cannot run them, or when they do not give the bits of the plain ones.
const Kernels& kernels_named(const std::string& name);

template <class L>
void softcap_range(float* x, std::int64_t count, float cap) {
  const auto c = L::set1(cap);
  map_lanes<L>(count, x, x, [&](auto v) { return L::mul(c, tanh_lanes<L>(L::div(v, c))); });
}

/// Caps up to 64 logits where `cap` is not 0, and finds the largest; see Linear::maxima.
template <class L>
void block_maximum_of(float* x, std::int64_t count, float cap, float* maximum) {
  if (cap != 0) softcap_range<L>(x, count, cap);
  auto largest = L::set1(-std::numeric_limits<float>::infinity());
  std::int64_t i = 0;
  for (; i + L::kWidth <= count; i += L::kWidth) largest = L::max(L::load(x + i), largest);
  float best = largest_lane<L>(largest);
  for (; i < count; ++i) best = x[i] > best ? x[i] : best;
  *maximum = best;
}

}  // namespace wisk::device
