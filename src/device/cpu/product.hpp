#pragma once
// The products: out[m, n] = sum_k a[m, k] W[n, k] with one chain of fused multiply-adds per output, of each
// pair (2p, 2p+1) of k first the odd one, then the even one: the order of vdpbf16ps. Vector lanes lie along
// n, so the chain of an output is the same whatever the tile, the number of rows or the vector's width.
//
// Blocking, from the inside out: a register tile of a few rows times whole panels; the tiles of all rows
// against one stretch of k of those panels, which stays in the first cache level (the chains rest in `out`
// between stretches: storing a float changes nothing); the stretches; the panels. The first tiles of a
// stretch ask for the panel after its own, which a step with few rows would otherwise wait for.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <wisk/core/dtype.hpp>
#include <wisk/device/device.hpp>
#include <wisk/device/packed_matrix.hpp>

namespace wisk::device {

/// Consecutive panels of W, `stride` bytes apart.
template <class L, DType T>
struct Panels {
  static constexpr std::ptrdiff_t kColumnBytes =
      PackedMatrix::kPanel * static_cast<std::ptrdiff_t>(size_of(T));
  static constexpr int kVectors = static_cast<int>(PackedMatrix::kPanel) / L::kWidth;  // of one panel

  const std::byte* first;
  std::ptrdiff_t stride;

  [[nodiscard]] const std::uint32_t* pairs(std::int64_t p, int vector) const {
    const std::byte* panel = first + vector / kVectors * stride + 2 * p * kColumnBytes;
    return reinterpret_cast<const std::uint32_t*>(panel) + vector % kVectors * L::kWidth;
  }
  /// Columns 2p + 1 and 2p of the rows of vector `vector`, widened to f32.
  [[nodiscard]] typename L::Vector odd(std::int64_t p, int vector) const {
    if constexpr (T == DType::kFloat32) return L::load(floats(2 * p + 1, vector));
    if constexpr (T == DType::kBFloat16) return L::bf16_odd(pairs(p, vector));
    if constexpr (T == DType::kFloat16) return L::f16_odd(pairs(p, vector));
  }
  [[nodiscard]] typename L::Vector even(std::int64_t p, int vector) const {
    if constexpr (T == DType::kFloat32) return L::load(floats(2 * p, vector));
    if constexpr (T == DType::kBFloat16) return L::bf16_even(pairs(p, vector));
    if constexpr (T == DType::kFloat16) return L::f16_even(pairs(p, vector));
  }
  [[nodiscard]] Panels from(std::int64_t panel, std::int64_t column) const {
    return {first + panel * stride + column * kColumnBytes, stride};
  }

 private:
  [[nodiscard]] const float* floats(std::int64_t column, int vector) const {
    const std::byte* panel = first + vector / kVectors * stride + column * kColumnBytes;
    return reinterpret_cast<const float*>(panel) + vector % kVectors * L::kWidth;
  }
};

/// The weights that come after the current ones: the first tiles of a stretch ask for an equal part of them
/// each, so that memory has something to do all the time and never too much at once.
struct Ahead {
  const std::byte* from = nullptr;  // of the next tile's part
  std::ptrdiff_t part = 0;          // bytes of a part
  int tiles = 0;                    // that still ask
  int shift = 0;                    // log2 of the parts: a part is asked for slower by so much

  /// The `bytes` from `from` on, by at most four of `tiles` tiles.
  static Ahead of(const std::byte* from, std::ptrdiff_t bytes, std::int64_t tiles) {
    const int shift = tiles >= 4 ? 2 : tiles >= 2 ? 1 : 0;
    return {from, (bytes >> shift) / 64 * 64, 1 << shift, shift};
  }
  void next_tile() {
    from += part;
    --tiles;
  }
};

/// What a tile is asked for. `a` are floats [rows, lda], or pairs of bf16 [rows, lda] for lanes that multiply
/// pairs; k counts floats, from the stretch's first on.
template <class L>
struct TileWork {
  const typename L::Input* a;
  std::ptrdiff_t lda;
  std::int64_t k;
  float* out;
  std::ptrdiff_t ldo;
  bool first;  // chains begin at 0, not at what `out` holds
  Ahead ahead;
};

/// One register tile: out[Rows, Panels * kPanel]. Part of its caller's loop, since a call through memory
/// costs some per cent. All loops have constant bounds, and `keep` holds the factors in registers: left
/// alone, the compiler reads a factor from memory for each multiply-add, or spills a chain.
template <class L, DType T, int Rows, int kPanels>
[[gnu::always_inline]] inline void product_tile(const TileWork<L>& work, const Panels<L, T>& w) {
  using V = typename L::Vector;
  constexpr int kVectors = kPanels * Panels<L, T>::kVectors;
  V sum[Rows][kVectors];
#pragma GCC unroll 8
  for (int m = 0; m < Rows; ++m) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      sum[m][v] = work.first ? L::set1(0.0f) : L::load(work.out + m * work.ldo + v * L::kWidth);
    }
  }
  const auto* a = work.a;
  const std::ptrdiff_t lda = work.lda;
  const auto accumulate = [&](const auto& weight, const auto& factor, const auto& multiply_add)
      __attribute__((always_inline)) {
    V weights[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      weights[v] = weight(v);
      if constexpr (Rows > 1) L::keep(weights[v]);  // a single row uses each once: straight from memory
    }
#pragma GCC unroll 8
    for (int m = 0; m < Rows; ++m) {
      V x = factor(a + m * lda);
      L::keep(x);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[m][v] = multiply_add(x, weights[v], sum[m][v]);
    }
  };
  const auto fma = [](V x, V y, V z) { return L::fma(x, y, z); };
  for (std::int64_t p = 0; p < work.k / 2; ++p) {
    if (work.ahead.tiles > 0) {
#pragma GCC unroll 8
      for (int panel = 0; panel < kPanels; ++panel) {
        const std::byte* line =
            work.ahead.from + panel * w.stride + (p >> work.ahead.shift) * 2 * Panels<L, T>::kColumnBytes;
        L::prefetch(line);
        if constexpr (2 * Panels<L, T>::kColumnBytes > 64) L::prefetch(line + 64);
      }
    }
    if constexpr (L::kMultipliesPairs) {
      accumulate([&](int v) { return L::load_pairs(w.pairs(p, v)); },
                 [p](const auto* row) { return L::set1_pair(row[p]); },
                 [](V x, V y, V z) { return L::fma_pairs(x, y, z); });
    } else {
      accumulate([&](int v) { return w.odd(p, v); }, [p](const auto* row) { return L::set1(row[2 * p + 1]); },
                 fma);
      accumulate([&](int v) { return w.even(p, v); }, [p](const auto* row) { return L::set1(row[2 * p]); },
                 fma);
    }
  }
  if constexpr (!L::kMultipliesPairs) {
    if (work.k % 2 != 0) {
      accumulate([&](int v) { return w.even(work.k / 2, v); },
                 [&](const auto* row) { return L::set1(row[work.k - 1]); }, fma);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < Rows; ++m) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) L::store(work.out + m * work.ldo + v * L::kWidth, sum[m][v]);
  }
}

/// `tiles` tiles of `rows` <= L::kTileRows rows each, over `panels` panels: as many at a time as L finds room
/// for.
template <class L, DType T, int Rows = L::kTileRows>
void product_tiles(std::int64_t rows, std::int64_t tiles, TileWork<L> work, Panels<L, T> w,
                   std::int64_t panels) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return product_tiles<L, T, Rows - 1>(rows, tiles, work, w, panels);
  }
  constexpr int kWide = L::tile_panels(Rows);
  for (; tiles > 0; --tiles, work.a += Rows * work.lda, work.out += Rows * work.ldo) {
    TileWork<L> tile = work;
    std::int64_t panel = 0;
    for (; panel + kWide <= panels; panel += kWide, tile.out += kWide * PackedMatrix::kPanel) {
      product_tile<L, T, Rows, kWide>(tile, w.from(panel, 0));
      tile.ahead.from += kWide * w.stride;
    }
    for (; panel < panels; ++panel, tile.out += PackedMatrix::kPanel) {
      product_tile<L, T, Rows, 1>(tile, w.from(panel, 0));
      tile.ahead.from += w.stride;
    }
    work.ahead.next_tile();
  }
}

/// a[rows, k] against `panels` whole panels: out[rows, panels * kPanel].
template <class L, DType T>
void product_panels(const typename L::Input* a, std::ptrdiff_t lda, std::int64_t rows, Panels<L, T> w,
                    std::int64_t panels, std::int64_t k, float* out, std::ptrdiff_t ldo) {
  constexpr std::ptrdiff_t kColumnBytes = Panels<L, T>::kColumnBytes;
  if (rows <= L::kTileRows) {
    const Ahead ahead = Ahead::of(w.first + L::tile_panels(static_cast<int>(rows)) * w.stride, w.stride, 1);
    return product_tiles<L, T>(rows, 1, {a, lda, k, out, ldo, true, ahead}, w, panels);
  }
  // Tiles of nearly equal height: `taller` of them with one row more than the others.
  const std::int64_t tiles = (rows + L::kTileRows - 1) / L::kTileRows, height = rows / tiles,
                     taller = rows % tiles, first_rows = taller * (height + 1);
  const std::int64_t stretches = (k + L::kStretch - 1) / L::kStretch;
  const std::int64_t stretch = ((k + stretches - 1) / stretches + 1) / 2 * 2;  // whole pairs
  constexpr std::int64_t kPerInput = L::kMultipliesPairs ? 2 : 1, kWide = L::tile_panels(L::kTileRows);
  for (std::int64_t panel = 0; panel < panels; panel += kWide) {
    const std::int64_t wide = std::min(kWide, panels - panel);
    for (std::int64_t begin = 0; begin < k; begin += stretch) {
      const std::int64_t length = std::min(stretch, k - begin);
      TileWork<L> work{a + begin / kPerInput,
                       lda,
                       length,
                       out + panel * PackedMatrix::kPanel,
                       ldo,
                       begin == 0,
                       Ahead::of(w.from(panel + wide, begin).first, length * kColumnBytes, tiles)};
      if (taller > 0) product_tiles<L, T>(height + 1, taller, work, w.from(panel, begin), wide);
      work.a += first_rows * lda;
      work.out += first_rows * ldo;
      for (std::int64_t i = 0; i < taller; ++i) work.ahead.next_tile();
      product_tiles<L, T>(height, tiles - taller, work, w.from(panel, begin), wide);
    }
  }
}

/// The last panel of a matrix whose rows do not fill it: through a small copy, so that nothing beside `out`'s
/// columns is written.
template <class L, DType T>
void product_last_panel(const typename L::Input* a, std::ptrdiff_t lda, std::int64_t rows, Panels<L, T> w,
                        std::int64_t width, std::int64_t k, float* out, std::ptrdiff_t ldo) {
  float block[static_cast<std::size_t>(L::kTileRows * PackedMatrix::kPanel)];
  for (std::int64_t r = 0; r < rows; r += L::kTileRows) {
    const std::int64_t count = std::min<std::int64_t>(L::kTileRows, rows - r);
    product_panels<L, T>(a + r * lda, lda, count, w, 1, k, block, PackedMatrix::kPanel);
    for (std::int64_t m = 0; m < count; ++m) {
      std::copy_n(block + m * PackedMatrix::kPanel, width, out + (r + m) * ldo);
    }
  }
}

/// Calls f with the dtype as a constant.
template <class F>
void with_dtype(DType dtype, const F& f) {
  switch (dtype) {
    case DType::kBFloat16:
      return f(std::integral_constant<DType, DType::kBFloat16>{});
    case DType::kFloat16:
      return f(std::integral_constant<DType, DType::kFloat16>{});
    case DType::kFloat32:
      return f(std::integral_constant<DType, DType::kFloat32>{});
  }
}

/// Panels [begin, end) of a product, bias included.
template <class L, DType T>
void linear_part(const Linear& x, const typename L::Input* a, std::ptrdiff_t lda, std::int64_t rows,
                 std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kPanel = PackedMatrix::kPanel;
  const std::int64_t whole = std::min(end, x.w->rows / kPanel), first = begin * kPanel,
                     last = std::min(end * kPanel, x.w->rows), k = x.w->columns;
  const Panels<L, T> w{x.w->panel(begin), static_cast<std::ptrdiff_t>(x.w->panel_bytes())};
  if (whole > begin) product_panels<L, T>(a, lda, rows, w, whole - begin, k, x.out + first, x.ldo);
  if (whole < end) {
    product_last_panel<L, T>(a, lda, rows, w.from(whole - begin, 0), last - whole * kPanel, k,
                             x.out + whole * kPanel, x.ldo);
  }
  if (x.bias == nullptr) return;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = first; c < last; ++c) x.out[r * x.ldo + c] += x.bias[c];
  }
}

/// The same with lanes that multiply floats; weights of any dtype. `pairs`: not used.
template <class L>
void linear_range(const Linear& x, const std::uint32_t* /*pairs*/, std::int64_t rows, std::int64_t begin,
                  std::int64_t end) {
  with_dtype(x.w->dtype, [&](auto type) {
    linear_part<L, decltype(type)::value>(x, x.a.f32(), x.lda, rows, begin, end);
  });
}

/// The same with lanes that multiply pairs of bf16, given the operand as `pairs` [rows, K/2]; with `Floats`
/// where it is not (nullptr).
template <class L, class Floats>
void linear_range_pairs(const Linear& x, const std::uint32_t* pairs, std::int64_t rows, std::int64_t begin,
                        std::int64_t end) {
  if (pairs == nullptr) return linear_range<Floats>(x, nullptr, rows, begin, end);
  linear_part<L, DType::kBFloat16>(x, pairs, x.w->columns / 2, rows, begin, end);
}

/// What a product can reach at most: `rounds` times ten independent multiply-adds on vectors, nothing from
/// memory. Returns what it did, as multiplications and additions.
template <class L>
double multiply_adds(std::int64_t rounds) {
  constexpr int kChains = 10;
  typename L::Vector chain[kChains], x = L::set1(0.5f), y = L::set1(0.25f);
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c)
    chain[c] = L::set1(static_cast<float>(c));  // no two are the same to a compiler
  for (std::int64_t r = 0; r < rounds; ++r) {
    L::keep(x);
    L::keep(y);
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) {
      if constexpr (L::kMultipliesPairs) chain[c] = L::fma_pairs(x, y, chain[c]);
      if constexpr (!L::kMultipliesPairs) chain[c] = L::fma(x, y, chain[c]);
      L::keep(chain[c]);
    }
  }
#pragma GCC unroll 16
  for (int c = 1; c < kChains; ++c) chain[0] = L::fma(chain[c], y, chain[0]);
  float lane[L::kWidth];
  L::store(lane, chain[0]);
  constexpr int kEach = L::kMultipliesPairs ? 4 : 2;
  const double done = static_cast<double>(rounds) * kChains * L::kWidth * kEach;
  return lane[0] < 0 ? 0 : done;  // never negative, but the compiler must compute it to know
}

/// Floats that are bf16 already, as pairs: the even one in the low half.
inline void pack_pairs(const float* a, std::int64_t count, std::uint32_t* pairs) {
  for (std::int64_t p = 0; p < count; ++p) {
    pairs[p] = (std::bit_cast<std::uint32_t>(a[2 * p]) >> 16) |
               (std::bit_cast<std::uint32_t>(a[2 * p + 1]) & 0xffff0000u);
  }
}

}  // namespace wisk::device
