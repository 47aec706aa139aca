#pragma once
// Into and out of the layout of PackedMatrix.

#include <cstdint>
#include <span>

#include <wisk/device/device.hpp>

namespace wisk::device {

/// Blends and packs panels [begin, end) of `matrix`: reads the inputs once, row by row, and writes each panel
/// from its first byte to its last. Padding is written as zero.
void pack_panels(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
                 DType storage, std::int64_t begin, std::int64_t end);

/// Row `index` widened to f32.
void unpack_row(const PackedMatrix& matrix, std::int64_t index, float* out /* [columns] */);

/// Elements of `dtype` (any alignment) as floats.
void widen(const std::byte* data, DType dtype, std::int64_t count, float* out /* [count] */);

}  // namespace wisk::device
