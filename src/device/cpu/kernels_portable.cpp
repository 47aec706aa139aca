// The kernels in plain C++: the oracle for every other instruction set, and what runs where no other does.
#include "gated.hpp"
#include "kernels.hpp"
#include "lanes.hpp"
#include "product.hpp"
#include "rms_norm.hpp"

namespace wisk::device {

const Kernels& portable_kernels() {
  using L = PortableLanes;
  static constexpr Kernels kTable = {"portable",     linear_range<L>,  rms_norm_row<L>,
                                     gated_range<L>, softcap_range<L>, attend<L>};
  return kTable;
}

}  // namespace wisk::device
