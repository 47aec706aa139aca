#pragma once
// Rows of floats, four elements at once: unit u of a row is its elements 4u .. 4u + 3.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include <wisk/core/assert.hpp>
#include <wisk/core/dtype.hpp>

#include "vectors.cuh"

namespace wisk::device::cuda {

/// The widest row: its elements and a block's more are counted in an int.
inline constexpr std::int64_t kMostUnitElements = std::int64_t{1} << 30;

/// Unit u of row [width]; zeros where the row has ended. `vectors`: the row begins at a multiple of 16 bytes
/// and width is one of 4.
__device__ inline Floats load_unit(const float* row, int u, int width, bool vectors) {
  if (vectors) return reinterpret_cast<const Floats*>(row)[u];
  Floats unit;
  for (int e = 0; e < 4; ++e) unit.value[e] = 4 * u + e < width ? row[4 * u + e] : 0.0f;
  return unit;
}

__device__ inline void store_unit(const Floats& unit, float* row, int u, int width, bool vectors) {
  if (vectors) {
    reinterpret_cast<Floats*>(row)[u] = unit;
    return;
  }
  for (int e = 0; e < 4; ++e) {
    if (4 * u + e < width) row[4 * u + e] = unit.value[e];
  }
}

/// Four elements of 16 bits.
struct alignas(8) Halves {
  std::uint16_t value[4];
};

/// Rounded to bf16. `vectors`: the row begins at a multiple of 8 bytes and width is one of 4.
__device__ inline void store_unit_bf16(const Floats& unit, std::uint16_t* row, int u, int width,
                                       bool vectors) {
  Halves halves;
  for (int e = 0; e < 4; ++e) halves.value[e] = float_to_bf16(unit.value[e]);
  if (vectors) {
    reinterpret_cast<Halves*>(row)[u] = halves;
    return;
  }
  for (int e = 0; e < 4; ++e) {
    if (4 * u + e < width) row[4 * u + e] = halves.value[e];
  }
}

inline constexpr int kMostSummedParts = 8;

/// Arrays [rows, width] that are added; passed to kernels by value.
struct Parts {
  const float* part[kMostSummedParts];
  int count;          ///< a power of two
  const float* bias;  // [width], or null
};

/// ((v0 + v1) + (v2 + v3)) + ... of kCount values.
template <int kCount>
__device__ float tree_of(const float* values) {
  if constexpr (kCount == 1) {
    return values[0];
  } else {
    return tree_of<kCount / 2>(values) + tree_of<kCount / 2>(values + kCount / 2);
  }
}

inline Parts parts_of(std::span<const float* const> parts, const float* bias) {
  WISK_ASSERT(parts.size() <= kMostSummedParts && std::has_single_bit(parts.size()));
  Parts all{{}, static_cast<int>(parts.size()), bias};
  for (std::size_t s = 0; s < parts.size(); ++s) all.part[s] = parts[s];
  return all;
}

/// Whether every row of all of them begins at a multiple of 16 bytes and ends with a whole unit.
inline bool take_units(std::span<const float* const> parts, const float* bias, std::int64_t width) {
  bool all = takes_vectors(bias) && width % 4 == 0;
  for (const float* part : parts) all = all && takes_vectors(part);
  return all;
}

template <int kCount>
__device__ Floats sum_of(const Parts& parts, std::int64_t offset, int u, int width, bool vectors) {
  float values[4][kCount];
  for (int s = 0; s < kCount; ++s) {
    const Floats unit = load_unit(parts.part[s] + offset, u, width, vectors);
    for (int e = 0; e < 4; ++e) values[e][s] = unit.value[e];
  }
  Floats sum;
  for (int e = 0; e < 4; ++e) sum.value[e] = tree_of<kCount>(values[e]);
  return sum;
}

/// tree(parts) + bias, unit u of the row that begins at element `offset` of each part.
__device__ inline Floats sum_of_parts(const Parts& parts, std::int64_t offset, int u, int width,
                                      bool vectors) {
  Floats sum;
  if (parts.count == 1) sum = sum_of<1>(parts, offset, u, width, vectors);
  if (parts.count == 2) sum = sum_of<2>(parts, offset, u, width, vectors);
  if (parts.count == 4) sum = sum_of<4>(parts, offset, u, width, vectors);
  if (parts.count == 8) sum = sum_of<8>(parts, offset, u, width, vectors);
  if (parts.bias != nullptr) {
    const Floats bias = load_unit(parts.bias, u, width, vectors);
    for (int e = 0; e < 4; ++e) sum.value[e] += bias.value[e];
  }
  return sum;
}

}  // namespace wisk::device::cuda
