// Compiled with -mavx512bf16 and AVX-512's flags (src/device/CMakeLists.txt): products of bf16 with
// vdpbf16ps.
#include "kernel_table.hpp"

#if defined(__AVX512F__) && defined(__AVX512BF16__)
#include "lanes_avx512.hpp"
#endif

namespace wisk::device {

const Kernels* avx512_bf16_kernels() {
#if defined(__AVX512F__) && defined(__AVX512BF16__)
  if (avx512_kernels() == nullptr) return nullptr;
  static const Kernels kTable = with_product<Avx512PairLanes>(
      *avx512_kernels(), "avx512-bf16", linear_range_pairs<Avx512PairLanes, Avx512Lanes>);
  return &kTable;
#else
  return nullptr;
#endif
}

}  // namespace wisk::device
