// Compiled with -mavx2 -mfma -mf16c (src/device/CMakeLists.txt): nothing here runs before the processor was
// asked.
#include "kernel_table.hpp"

namespace wisk::device {

const Kernels* avx2_kernels() {
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
  static constexpr Kernels kTable = kernels_of<Avx2Lanes>("avx2");
  return &kTable;
#else
  return nullptr;
#endif
}

}  // namespace wisk::device
