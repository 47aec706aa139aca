// Compiled with -mavx512bf16 and AVX-512's flags (src/device/CMakeLists.txt): products of bf16 with
// vdpbf16ps.
#include "kernels.hpp"
#include "product.hpp"

#if defined(__AVX512F__) && defined(__AVX512BF16__)
#include "lanes_avx512.hpp"
#endif

namespace wisk::device {

const Kernels* avx512_bf16_kernels() {
#if defined(__AVX512F__) && defined(__AVX512BF16__)
  if (avx512_kernels() == nullptr) return nullptr;
  static const Kernels kTable = [] {
    Kernels table = *avx512_kernels();
    table.name = "avx512-bf16";
    table.multiplies_pairs = true;
    table.linear = linear_range_pairs<Avx512PairLanes, Avx512Lanes>;
    table.multiply_adds = multiply_adds<Avx512PairLanes>;
    return table;
  }();
  return &kTable;
#else
  return nullptr;
#endif
}

}  // namespace wisk::device
