#pragma once
// How a table of kernels is filled: included by the files that are compiled for an instruction set.

#include "gated.hpp"
#include "kernels.hpp"
#include "lanes.hpp"
#include "product.hpp"
#include "rms_norm.hpp"
#include "rows.hpp"

namespace wisk::device {

/// `table` with the products of other lanes: `linear` is linear_range or linear_range_pairs of them.
template <class Product>
constexpr Kernels with_product(Kernels table, const char* name, decltype(Kernels::linear) linear) {
  table.name = name;
  table.multiplies_pairs = Product::kMultipliesPairs;
  table.linear = linear;
  table.multiply_adds = multiply_adds<Product>;
  return table;
}

/// All kernels on the lanes L.
template <class L>
constexpr Kernels kernels_of(const char* name) {
  Kernels table{};
  table.rms_norm = rms_norm_row<L>;
  table.gated = gated_range<L>;
  table.softcap = softcap_range<L>;
  table.block_maximum = block_maximum_of<L>;
  table.add_parts = add_parts_rows<L>;
  table.rope = rope_rows<L>;
  table.store_kv = store_kv_rows<L>;
  table.attend = attend<L>;
  return with_product<L>(table, name, linear_range<L>);
}

}  // namespace wisk::device
