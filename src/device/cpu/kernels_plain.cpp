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

template <class Product>
constexpr Kernels with_product(const char* name, decltype(Kernels::linear) linear) {
  return {name,
          Product::kMultipliesPairs,
          linear,
          multiply_adds<Product>,
          rms_norm_row<L>,
          gated_range<L>,
          softcap_range<L>,
          block_maximum_of<L>,
          add_parts_rows<L>,
          rope_rows<L>,
          store_kv_rows<L>,
          attend<L>};
}

}  // namespace

const Kernels* plain_kernels() {
  static constexpr Kernels kTable = with_product<L>("portable", linear_range<L>);
  return &kTable;
}

const Kernels* plain_wide_kernels() {
  static constexpr Kernels kTable =
      with_product<PlainLanes<16>>("portable-wide", linear_range<PlainLanes<16>>);
  return &kTable;
}

const Kernels* plain_pairs_kernels() {
  static constexpr Kernels kTable =
      with_product<PlainPairLanes>("portable-pairs", linear_range_pairs<PlainPairLanes, PlainLanes<16>>);
  return &kTable;
}

}  // namespace wisk::device
