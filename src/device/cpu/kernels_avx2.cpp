// Compiled with -mavx2 -mfma -mf16c (src/device/CMakeLists.txt): nothing here runs before the processor was
// asked.
#include "gated.hpp"
#include "kernels.hpp"
#include "lanes.hpp"
#include "product.hpp"
#include "rms_norm.hpp"
#include "rows.hpp"

namespace wisk::device {

const Kernels* avx2_kernels() {
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
  using L = Avx2Lanes;
  static constexpr Kernels kTable = {"avx2",
                                     false,
                                     linear_range<L>,
                                     multiply_adds<L>,
                                     rms_norm_row<L>,
                                     gated_range<L>,
                                     softcap_range<L>,
                                     block_maximum_of<L>,
                                     add_parts_rows<L>,
                                     rope_rows<L>,
                                     store_kv_rows<L>,
                                     attend<L>};
  return &kTable;
#else
  return nullptr;
#endif
}

}  // namespace wisk::device
