// The kernels in plain C++: the oracle for every other instruction set, and what runs where no other does.
#include "gated.hpp"
#include "kernels.hpp"
#include "lanes.hpp"
#include "product.hpp"
#include "rms_norm.hpp"
#include "rows.hpp"

namespace wisk::device {

namespace {

using L = PortableLanes;
using ProductKernel = decltype(Kernels::linear);

constexpr Kernels with_product(const char* name, bool multiplies_pairs, ProductKernel product) {
  return {name,
          multiplies_pairs,
          product,
          rms_norm_row<L>,
          gated_range<L>,
          softcap_range<L>,
          add_parts_rows<L>,
          rope_rows<L>,
          store_kv_rows<L>,
          attend<L>};
}

}  // namespace

const Kernels* plain_kernels() {
  static constexpr Kernels kTable = with_product("portable", false, linear_range<L>);
  return &kTable;
}

const Kernels* plain_wide_kernels() {
  static constexpr Kernels kTable = with_product("portable-wide", false, linear_range<PlainLanes<16>>);
  return &kTable;
}

const Kernels* plain_pairs_kernels() {
  static constexpr Kernels kTable =
      with_product("portable-pairs", true, linear_range_pairs<PlainPairLanes, PlainLanes<16>>);
  return &kTable;
}

}  // namespace wisk::device
