#pragma once
// The products: out[m, n] = sum_k a[m, k] W[n, k] with one chain of fused multiply-adds per output, of each
// pair (2p, 2p+1) of k first the odd one, then the even one: the order of vdpbf16ps. Vector lanes lie along
// n, so the chain of an output is the same whatever the tile, the number of rows or the vector's width.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <wisk/core/dtype.hpp>
#include <wisk/device/packed_matrix.hpp>

namespace wisk::device {

/// The pair of columns k = 2p, 2p+1 of eight neighbouring rows of W, widened to f32.
template <class L, DType T>
struct WeightPair {
  const std::byte* panel;
  std::ptrdiff_t width;  // rows of W in the panel
  [[nodiscard]] typename L::Vector odd(std::int64_t p, std::ptrdiff_t column) const {
    if constexpr (T == DType::kFloat32) {
      return L::load(reinterpret_cast<const float*>(panel) + (2 * p + 1) * width + column);
    } else {
      const auto* pairs = reinterpret_cast<const std::uint32_t*>(panel) + p * width + column;
      return T == DType::kBFloat16 ? L::bf16_odd(pairs) : L::f16_odd(pairs);
    }
  }
  [[nodiscard]] typename L::Vector even(std::int64_t p, std::ptrdiff_t column) const {
    if constexpr (T == DType::kFloat32) {
      return L::load(reinterpret_cast<const float*>(panel) + 2 * p * width + column);
    } else {
      const auto* pairs = reinterpret_cast<const std::uint32_t*>(panel) + p * width + column;
      return T == DType::kBFloat16 ? L::bf16_even(pairs) : L::f16_even(pairs);
    }
  }
};

/// One register tile: Rows rows of a times Vectors * 8 rows of W from `column` of the panel; out is [Rows,
/// Vectors * 8].
template <class L, DType T, int Rows, int Vectors>
void product_tile(const float* a, std::ptrdiff_t lda, WeightPair<L, T> w, std::ptrdiff_t column,
                  std::int64_t k, float* out, std::ptrdiff_t ldo) {
  using V = typename L::Vector;
  V sum[Rows][Vectors];
  for (auto& row : sum) {
    for (V& v : row) v = L::set1(0.0f);
  }
  const auto accumulate = [&](const V(&weights)[Vectors], std::int64_t index) {
#pragma GCC unroll 8
    for (int m = 0; m < Rows; ++m) {
      const V x = L::set1(a[m * lda + index]);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; ++v) sum[m][v] = L::fma(x, weights[v], sum[m][v]);
    }
  };
  V weights[Vectors];
  for (std::int64_t p = 0; p < k / 2; ++p) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) weights[v] = w.odd(p, column + v * L::kWidth);
    accumulate(weights, 2 * p + 1);
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) weights[v] = w.even(p, column + v * L::kWidth);
    accumulate(weights, 2 * p);
  }
  if (k % 2 != 0) {
    for (int v = 0; v < Vectors; ++v) weights[v] = w.even(k / 2, column + v * L::kWidth);
    accumulate(weights, k - 1);
  }
  for (int m = 0; m < Rows; ++m) {
    for (int v = 0; v < Vectors; ++v) L::store(out + m * ldo + v * L::kWidth, sum[m][v]);
  }
}

/// Columns [column, end) of a panel, both multiples of 8, for Rows rows: the widest tile first.
template <class L, DType T, int Rows, int Vectors>
void product_columns(const float* a, std::ptrdiff_t lda, WeightPair<L, T> w, std::ptrdiff_t column,
                     std::ptrdiff_t end, std::int64_t k, float* out, std::ptrdiff_t ldo) {
  for (; column + Vectors * L::kWidth <= end; column += Vectors * L::kWidth, out += Vectors * L::kWidth) {
    product_tile<L, T, Rows, Vectors>(a, lda, w, column, k, out, ldo);
  }
  if constexpr (Vectors > 1) {
    if (column < end) product_columns<L, T, Rows, Vectors / 2>(a, lda, w, column, end, k, out, ldo);
  }
}

/// All rows of a against columns [column, end) of one panel. Tiles hold at least eight chains where they can,
/// enough to hide the latency of the multiply-add, and at most twelve. Five rows of two vectors and not six:
/// with the weights, the factor and the mask that splits a pair, twelve chains need seventeen registers, and
/// the spilled one sets the pace.
template <class L, DType T>
void product_panel(const float* a, std::ptrdiff_t lda, std::int64_t rows, WeightPair<L, T> w,
                   std::ptrdiff_t column, std::ptrdiff_t end, std::int64_t k, float* out,
                   std::ptrdiff_t ldo) {
  for (; rows >= 5; rows -= 5, a += 5 * lda, out += 5 * ldo) {
    product_columns<L, T, 5, 2>(a, lda, w, column, end, k, out, ldo);
  }
  switch (rows) {
    case 4:
      return product_columns<L, T, 4, 2>(a, lda, w, column, end, k, out, ldo);
    case 3:
      return product_columns<L, T, 3, 4>(a, lda, w, column, end, k, out, ldo);
    case 2:
      return product_columns<L, T, 2, 4>(a, lda, w, column, end, k, out, ldo);
    case 1:
      return product_columns<L, T, 1, 8>(a, lda, w, column, end, k, out, ldo);
    default:
      return;
  }
}

/// Calls f with a WeightPair of the panel's dtype.
template <class L, class F>
void with_weights(DType dtype, const std::byte* panel, std::ptrdiff_t width, const F& f) {
  switch (dtype) {
    case DType::kBFloat16:
      return f(WeightPair<L, DType::kBFloat16>{panel, width});
    case DType::kFloat16:
      return f(WeightPair<L, DType::kFloat16>{panel, width});
    case DType::kFloat32:
      return f(WeightPair<L, DType::kFloat32>{panel, width});
  }
}

/// Rows [begin, end) of W (begin a multiple of PackedMatrix::kPanelStep) against all rows of a; adds bias
/// when given.
template <class L>
void linear_range(const float* a /* [rows, K] */, std::ptrdiff_t lda, const PackedMatrix& w /* [N, K] */,
                  const float* bias /* [N] */, std::int64_t rows, std::int64_t begin, std::int64_t end,
                  float* out /* [rows, N] */, std::ptrdiff_t ldo) {
  constexpr std::int64_t kStep = PackedMatrix::kPanelStep;
  constexpr std::int64_t kRowBlock =
      5;  // of the register tile: a short last step is written through a small copy
  while (begin < end) {
    const std::int64_t panel = begin / PackedMatrix::kPanel, first = panel * PackedMatrix::kPanel;
    const std::int64_t stop = std::min(end, first + PackedMatrix::kPanel);
    const std::int64_t whole = begin + (stop - begin) / kStep * kStep;  // columns that fill their step
    with_weights<L>(w.dtype, w.panel(panel), w.width(panel), [&](const auto& weights) {
      // One step's weights stay in the first cache level while all rows pass.
      const std::int64_t stride = rows > 3 ? kStep : PackedMatrix::kPanel;
      for (std::int64_t c = begin; c < whole; c += stride) {
        product_panel(a, lda, rows, weights, c - first, std::min(c + stride, whole) - first, w.columns,
                      out + c, ldo);
      }
      if (whole < stop) {
        float block[kRowBlock * kStep];
        for (std::int64_t r = 0; r < rows; r += kRowBlock) {
          const std::int64_t count = std::min(kRowBlock, rows - r);
          product_panel(a + r * lda, lda, count, weights, whole - first, whole - first + kStep, w.columns,
                        block, kStep);
          for (std::int64_t m = 0; m < count; ++m) {
            for (std::int64_t c = whole; c < stop; ++c) out[(r + m) * ldo + c] = block[m * kStep + c - whole];
          }
        }
      }
    });
    if (bias != nullptr) {
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t c = begin; c < stop; ++c) out[r * ldo + c] += bias[c];
      }
    }
    begin = stop;
  }
}

}  // namespace wisk::device
