#pragma once
// Lists of products as parameters of a kernel, for the kernels on tensor cores.

#include <cstdint>

#include <wisk/core/assert.hpp>
#include <wisk/device/packed_matrix.hpp>

#include "product_tile.cuh"
#include "products.hpp"

namespace wisk::device::cuda {

inline constexpr int kPanelRows = static_cast<int>(PackedMatrix::kPanel);

template <class Item>
struct ProductList {
  Item item[kMostProducts];
  int count;

  /// The product that a group of panels is of.
  [[nodiscard]] __device__ const Item& of_group(int group) const {
    int i = 0;
    while (i + 1 < count && item[i + 1].first_group <= group) ++i;
    return item[i];
  }
};

/// The operand from token `token` on.
__device__ inline TileOperand operand_from(TileOperand operand, std::int64_t token) {
  operand.first += token * operand.lda;
  operand.rows -= static_cast<int>(token);
  return operand;
}

/// The weights from panel `panel` (of each matrix) on.
template <int kMatrices>
__device__ TileWeights<kMatrices> weights_from(TileWeights<kMatrices> weights, int panel) {
  const std::size_t offset = static_cast<std::size_t>(panel) * weights.panel_bytes;
  weights.first += offset;
  if (kMatrices == 2) weights.second += offset;
  weights.panels -= panel;
  return weights;
}

/// values[first .. first + 3], zeros beyond `count` and of null.
__device__ inline Floats four_of(const float* values, int first, int count) {
  Floats four{};
  if (values == nullptr) return four;
  for (int e = 0; e < 4; ++e) {
    if (first + e < count) four.value[e] = values[first + e];
  }
  return four;
}

inline TileOperand operand_of(const void* a, std::int64_t lda, std::int64_t columns, std::int64_t rows) {
  WISK_ASSERT(aligned_to(a, sizeof(std::uint16_t)));
  WISK_ASSERT(columns <= 0x7fffff00 && rows <= 0x7fffffff);
  return {static_cast<const std::uint16_t*>(a), lda, static_cast<int>(rows), static_cast<int>(columns),
          takes_vectors(a) && lda % 8 == 0 && columns % 8 == 0};
}

inline TileWeights<1> weights_of(const PackedMatrix& w) {
  WISK_ASSERT(w.dtype == DType::kBFloat16 && takes_vectors(w.data.data()));
  return {w.data.data(), nullptr, w.panel_bytes(), static_cast<int>(w.panels())};
}

inline TileWeights<2> weights_of(const PackedMatrix& first, const PackedMatrix& second) {
  WISK_ASSERT(first.dtype == DType::kBFloat16 && second.dtype == DType::kBFloat16);
  WISK_ASSERT(first.rows == second.rows && first.columns == second.columns);
  WISK_ASSERT(takes_vectors(first.data.data()) && takes_vectors(second.data.data()));
  return {first.data.data(), second.data.data(), first.panel_bytes(), static_cast<int>(first.panels())};
}

}  // namespace wisk::device::cuda
