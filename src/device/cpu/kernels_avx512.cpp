// Compiled with -mavx512f and AVX2's flags (src/device/CMakeLists.txt): products on sixteen lanes. The rest
// of a table is AVX2's.
#include "kernel_table.hpp"

#if defined(__AVX512F__)
#include "lanes_avx512.hpp"
#endif

namespace wisk::device {

const Kernels* avx512_kernels() {
#if defined(__AVX512F__)
  if (avx2_kernels() == nullptr) return nullptr;
  static const Kernels kTable =
      with_product<Avx512Lanes>(*avx2_kernels(), "avx512", linear_range<Avx512Lanes>);
  return &kTable;
#else
  return nullptr;
#endif
}

}  // namespace wisk::device
