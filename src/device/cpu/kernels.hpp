#pragma once
// The kernels of one instruction set as a table, so that the processor is asked once.

#include <cstdint>

#include <wisk/device/device.hpp>

#include "attention.hpp"

namespace wisk::device {

/// Functions of single threads: the device splits the work. See the templates of the same names for shapes.
struct Kernels {
  const char* name;
  void (*linear)(const float* a, std::ptrdiff_t lda, const PackedMatrix& w, const float* bias,
                 std::int64_t rows, std::int64_t begin, std::int64_t end, float* out, std::ptrdiff_t ldo);
  void (*rms_norm)(const float* x, const float* weight, float eps, std::int64_t width, Compute rounding,
                   float* out);
  void (*gated)(Activation activation, const float* gate, const float* up, std::int64_t count,
                Compute rounding, float* out);
  void (*softcap)(float* x, std::int64_t count, float cap);
  void (*attend)(const float* q, int group, int kv_head, int position, const std::int32_t* pages, int layer,
                 const AttentionShape& shape, const KvCache& cache, Compute rounding,
                 AttentionScratch& scratch, float* out);
};

const Kernels& portable_kernels();
/// nullptr where the processor or the compiler lacks AVX2, FMA or F16C.
const Kernels* avx2_kernels();

template <class L>
void softcap_range(float* x, std::int64_t count, float cap) {
  const auto c = L::set1(cap);
  map_lanes<L>(count, x, x, [&](auto v) { return L::mul(c, tanh_lanes<L>(L::div(v, c))); });
}

}  // namespace wisk::device
