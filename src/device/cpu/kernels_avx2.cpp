// Compiled with -mavx2 -mfma -mf16c (src/device/CMakeLists.txt): nothing here runs before the processor was
// asked.
#include "gated.hpp"
#include "kernels.hpp"
#include "lanes.hpp"
#include "product.hpp"
#include "rms_norm.hpp"

namespace wisk::device {

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
const Kernels* avx2_kernels() {
  using L = Avx2Lanes;
  static constexpr Kernels kTable = {"AVX2",         linear_range<L>,  rms_norm_row<L>,
                                     gated_range<L>, softcap_range<L>, attend<L>};
  const bool able =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  return able ? &kTable : nullptr;
}
#else
const Kernels* avx2_kernels() {
  return nullptr;
}
#endif

}  // namespace wisk::device
