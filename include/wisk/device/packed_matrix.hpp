#pragma once
// A weight matrix in the layout that the products read.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <wisk/core/dtype.hpp>
#include <wisk/device/buffer.hpp>

namespace wisk::device {

/// W[rows, columns] (output features x input features: y = x W^T), cut into panels of kPanel rows.
/// A panel of width w (kPanel, the last one the rest rounded up to kPanelStep) holds, for 2-byte dtypes,
/// [ceil(columns/2)][w][2]: the pair of input features (2p, 2p+1) of one output feature lies together, as
/// vdpbf16ps reads it; for f32 [columns][w]. Rows beyond `rows` and an odd last column's partner are zero.
/// Owns its memory; move-only.
struct PackedMatrix {
  static constexpr std::int64_t kPanel = 64;
  static constexpr std::int64_t kPanelStep = 16;

  DType dtype = DType::kFloat32;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  Buffer data;

  [[nodiscard]] std::int64_t panels() const { return (rows + kPanel - 1) / kPanel; }
  /// Width of panel p in rows of W.
  [[nodiscard]] std::int64_t width(std::int64_t panel) const {
    const std::int64_t rest = rows - panel * kPanel;
    return std::min(kPanel, (rest + kPanelStep - 1) / kPanelStep * kPanelStep);
  }
  /// Bytes of one row of W in its panel, padding included.
  [[nodiscard]] std::size_t row_bytes() const {
    const auto length = static_cast<std::size_t>(columns);
    return dtype == DType::kFloat32 ? length * 4 : (length + 1) / 2 * 4;
  }
  [[nodiscard]] std::byte* panel(std::int64_t panel) const {
    return data.data() + static_cast<std::size_t>(panel * kPanel) * row_bytes();
  }
  [[nodiscard]] static std::size_t bytes_for(DType dtype, std::int64_t rows, std::int64_t columns) {
    const PackedMatrix shape{dtype, rows, columns, {}};
    const std::int64_t padded = (rows + kPanelStep - 1) / kPanelStep * kPanelStep;
    return static_cast<std::size_t>(padded) * shape.row_bytes();
  }
};

}  // namespace wisk::device
