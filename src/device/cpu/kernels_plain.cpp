// The kernels in plain C++: the oracle for every other instruction set, and what runs where no other does.
#include "kernel_table.hpp"

namespace wisk::device {

const Kernels* plain_kernels() {
  static constexpr Kernels kTable = kernels_of<PortableLanes>("portable");
  return &kTable;
}

const Kernels* plain_wide_kernels() {
  using Wide = PlainLanes<16>;
  static constexpr Kernels kTable =
      with_product<Wide>(kernels_of<PortableLanes>(""), "portable-wide", linear_range<Wide>);
  return &kTable;
}

const Kernels* plain_pairs_kernels() {
  static constexpr Kernels kTable = with_product<PlainPairLanes>(
      kernels_of<PortableLanes>(""), "portable-pairs", linear_range_pairs<PlainPairLanes, PlainLanes<16>>);
  return &kTable;
}

}  // namespace wisk::device
