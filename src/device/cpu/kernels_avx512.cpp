// Compiled with -mavx512f and AVX2's flags (src/device/CMakeLists.txt): products on sixteen lanes. The rest
// of a table is AVX2's.
#include "kernels.hpp"
#include "product.hpp"

#if defined(__AVX512F__)
#include "lanes_avx512.hpp"
#endif

namespace wisk::device {

const Kernels* avx512_kernels() {
#if defined(__AVX512F__)
  if (avx2_kernels() == nullptr) return nullptr;
  static const Kernels kTable = [] {
    Kernels table = *avx2_kernels();
    table.name = "avx512";
    table.linear = linear_range<Avx512Lanes>;
    table.multiply_adds = multiply_adds<Avx512Lanes>;
    return table;
  }();
  return &kTable;
#else
  return nullptr;
#endif
}

}  // namespace wisk::device
