#pragma once
// A weight matrix in the layout that the products read.

#include <cstddef>
#include <cstdint>

#include <wisk/core/dtype.hpp>
#include <wisk/device/buffer.hpp>

namespace wisk::device {

/// W[rows, columns] (output features x input features: y = x W^T), cut into panels of kPanel rows, the last
/// one filled up with zeros. A panel holds, for 2-byte dtypes, [ceil(columns/2)][kPanel][2]: the pair of
/// input features (2p, 2p+1) of one output feature lies together, as vdpbf16ps reads it; for f32
/// [columns][kPanel]. An odd last column's partner is zero. So a panel is one stretch of memory, read from
/// its first byte to its last by every kernel: one cache line a pair, two vectors of AVX2 or one of AVX-512.
/// Owns its memory, or is a part of what its owner holds (model::Weights); move-only.
struct PackedMatrix {
  static constexpr std::int64_t kPanel = 16;

  DType dtype = DType::kFloat32;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Buffer data;

  [[nodiscard]] std::int64_t panels() const { return (rows + kPanel - 1) / kPanel; }
  /// Bytes from one panel to the next.
  [[nodiscard]] std::size_t panel_bytes() const { return panel_bytes_for(dtype, columns); }
  [[nodiscard]] std::byte* panel(std::int64_t panel) const {
    return data.data() + static_cast<std::size_t>(panel) * panel_bytes();
  }

  [[nodiscard]] static std::size_t panel_bytes_for(DType dtype, std::int64_t columns) {
    const auto length = static_cast<std::size_t>(columns);
    const std::size_t row = dtype == DType::kFloat32 ? length * 4 : (length + 1) / 2 * 4;
    return row * static_cast<std::size_t>(kPanel);
  }
  [[nodiscard]] static std::size_t bytes_for(DType dtype, std::int64_t rows, std::int64_t columns) {
    return static_cast<std::size_t>((rows + kPanel - 1) / kPanel) * panel_bytes_for(dtype, columns);
  }
};

}  // namespace wisk::device
