#include "matrix_pack.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include <wisk/core/assert.hpp>

namespace wisk::device {

namespace {

/// One row of bits into its column of a panel of 2-byte elements.
void scatter_pairs(const std::uint16_t* row, std::int64_t columns, std::int64_t width, std::int64_t lane,
                   std::byte* panel) {
  auto* pairs = reinterpret_cast<std::uint32_t*>(panel) + lane;
  for (std::int64_t p = 0; p < columns / 2; ++p) {
    std::uint32_t pair;
    std::memcpy(&pair, row + 2 * p, sizeof pair);  // little-endian: the even column in the low half
    pairs[p * width] = pair;
  }
  if (columns % 2 != 0) pairs[columns / 2 * width] = row[columns - 1];
}

void scatter_floats(const float* row, std::int64_t columns, std::int64_t width, std::int64_t lane,
                    std::byte* panel) {
  auto* floats = reinterpret_cast<float*>(panel) + lane;
  for (std::int64_t k = 0; k < columns; ++k) floats[k * width] = row[k];
}

/// Storage bits of a row to bf16 bits, in place.
void round_row(std::vector<std::byte>& row, DType storage, std::int64_t columns) {
  auto* out = reinterpret_cast<std::uint16_t*>(row.data());
  for (std::int64_t k = 0; k < columns; ++k) {
    if (storage == DType::kFloat32) {
      float value;
      std::memcpy(&value, row.data() + 4 * k, sizeof value);
      out[k] = float_to_bf16(value);
    } else {
      out[k] = float_to_bf16(f16_to_float(out[k]));
    }
  }
}

}  // namespace

void pack_rows(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
               DType storage, std::int64_t begin, std::int64_t end) {
  WISK_ASSERT(matrix.dtype == storage || matrix.dtype == DType::kBFloat16);
  const auto columns = static_cast<std::size_t>(matrix.columns);
  std::vector<std::byte> row(columns * 4);
  std::vector<BlendInput> sources(inputs.begin(), inputs.end());
  for (std::int64_t r = begin; r < end; ++r) {
    const std::int64_t panel = r / PackedMatrix::kPanel, lane = r % PackedMatrix::kPanel,
                       width = matrix.width(panel);
    if (lane >= width) break;  // past the last panel's padding
    if (r < matrix.rows) {
      const auto offset =
          static_cast<std::size_t>((window.first_row + r) * window.row_stride + window.first_column);
      for (std::size_t i = 0; i < sources.size(); ++i)
        sources[i].data = inputs[i].data + offset * size_of(inputs[i].dtype);
      blend(sources, columns, storage, row.data());
      if (matrix.dtype != storage) round_row(row, storage, matrix.columns);
    } else {
      std::fill(row.begin(), row.end(), std::byte{0});
    }
    if (matrix.dtype == DType::kFloat32) {
      scatter_floats(reinterpret_cast<const float*>(row.data()), matrix.columns, width, lane,
                     matrix.panel(panel));
    } else {
      scatter_pairs(reinterpret_cast<const std::uint16_t*>(row.data()), matrix.columns, width, lane,
                    matrix.panel(panel));
    }
  }
}

void unpack_row(const PackedMatrix& matrix, std::int64_t index, float* out) {
  const std::int64_t panel = index / PackedMatrix::kPanel, lane = index % PackedMatrix::kPanel,
                     width = matrix.width(panel);
  const std::byte* data = matrix.panel(panel);
  for (std::int64_t k = 0; k < matrix.columns; ++k) {
    if (matrix.dtype == DType::kFloat32) {
      out[k] = reinterpret_cast<const float*>(data)[k * width + lane];
    } else {
      const std::uint16_t bits =
          reinterpret_cast<const std::uint16_t*>(data)[(k / 2 * width + lane) * 2 + k % 2];
      out[k] = matrix.dtype == DType::kBFloat16 ? bf16_to_float(bits) : f16_to_float(bits);
    }
  }
}

void widen(const std::byte* data, DType dtype, std::int64_t count, float* out) {
  if (dtype == DType::kFloat32) {
    std::memcpy(out, data, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, data + 2 * i, sizeof bits);
    out[i] = dtype == DType::kBFloat16 ? bf16_to_float(bits) : f16_to_float(bits);
  }
}

}  // namespace wisk::device
