// The blend into a PackedMatrix: rows are read along themselves, eight elements a thread, blended and rounded
// in registers, and turned in shared memory into the panel's order, four rows of a word a thread. Denormals
// are kept.

#include "blend_pack.hpp"

#include <launch.cuh>

#include <bit>
#include <utility>

#include <wisk/core/assert.hpp>

#include "blend_terms.cuh"

namespace wisk::device::cuda {
namespace {

constexpr int kThreads = 256, kPanel = static_cast<int>(PackedMatrix::kPanel);

/// What a block does: kPanel rows of so many words. A word is a pair of 16-bit elements, or an f32.
template <DType kMatrix>
struct Tile {
  static constexpr bool kWide = kMatrix == DType::kFloat32;
  static constexpr int kWords = 128;                            // of a row
  static constexpr int kColumns = kWide ? kWords : 2 * kWords;  // of a row
  static constexpr int kPacks = kColumns / kPack;               // of a row
  struct Shared {
    Words rows[kPanel][kWords / 4];  // vector v of row r is at staged(r, v)
  };
};

/// Where vector v of row r lies in its row: rows that a warp reads at once are apart in the banks.
constexpr int staged(int r, int v) {
  return v ^ (2 * (r / 4));
}

/// The i-th vector that the thread of pack `pack` stores: two of a pack are stored in an order that keeps the
/// threads of a store in all banks.
template <int kPackVectors>
constexpr int vector_of_store(int pack, int i) {
  return kPackVectors == 1 ? pack : 2 * pack + (i ^ ((pack >> 2) & 1));
}

/// Whether the accesses to shared memory are free of bank conflicts: 32 threads that read a word each, 8 that
/// store 16 bytes each.
template <int kPackVectors>
constexpr bool no_bank_conflicts() {
  for (int i = 0; i < 4; ++i) {
    for (int warp = 0; warp < 16; ++warp) {
      unsigned banks = 0;
      for (int lane = 0; lane < 32; ++lane) {
        const int p = warp * 8 + lane / 4, row = 4 * (lane % 4) + i;
        banks |= 1u << ((row * 128 + 4 * staged(row, p / 4) + p % 4) % 32);
      }
      if (banks != 0xffffffffu) return false;
    }
  }
  for (int row = 0; row < kPanel; ++row) {
    for (int i = 0; i < kPackVectors; ++i) {
      for (int pack = 0; pack < 32 / kPackVectors; pack += 8) {
        unsigned vectors = 0;
        for (int lane = 0; lane < 8; ++lane) {
          vectors |= 1u << (staged(row, vector_of_store<kPackVectors>(pack + lane, i)) % 8);
        }
        if (vectors != 0xffu) return false;
      }
    }
  }
  return true;
}
static_assert(no_bank_conflicts<1>() && no_bank_conflicts<2>());

/// Where the inputs' elements are and how large the matrix is.
struct Window {
  std::int64_t first, row_stride;  // element (row, column) of the matrix is first + row * row_stride + column
  std::int64_t rows, columns;
};

/// The bits of an element in the matrix from those in storage.
template <DType kStorage, DType kMatrix>
__device__ std::uint32_t stored_in_matrix(std::uint32_t bits) {
  return kStorage == kMatrix ? bits : float_to_bf16(widened(kStorage, bits));
}

/// elements[e] = the matrix's bits of element first + e of the blend, e < count; 0 for others.
template <DType kStorage, DType kMatrix>
__device__ void blend_pack_of_row(const Terms& terms, bool copy, std::int64_t first, int count,
                                  std::uint32_t* elements) {
  float sums[kPack] = {};
  std::uint32_t bits[kPack] = {};
  for (int j = 0; j < terms.count; ++j) {
    if (count == kPack) {
      load_pack(terms, j, first, bits);
    } else {
      for (int e = 0; e < kPack; ++e)
        bits[e] = e < count ? load_bits(terms.data[j], terms.dtype[j], first + e) : 0u;
    }
    for (int e = 0; e < kPack; ++e) sums[e] = next_sum(terms, j, bits[e], sums[e]);
  }
  for (int e = 0; e < kPack; ++e) {
    const std::uint32_t in_storage = copy ? bits[e] : narrowed(kStorage, sums[e]);
    elements[e] = e < count ? stored_in_matrix<kStorage, kMatrix>(in_storage) : 0u;
  }
}

/// Block b does tile b % tiles of panel first_panel + b / tiles.
template <DType kStorage, DType kMatrix>
__global__ void __launch_bounds__(kThreads)
    blend_pack_kernel(const Terms terms, const Window window, bool copy, std::int64_t first_panel,
                      unsigned tiles, std::int64_t panel_words,
                      std::uint32_t* out /* [panels, panel_words], aligned to 16 bytes */) {
  using T = Tile<kMatrix>;
  auto& shared = block_shared<typename T::Shared>();
  const std::int64_t panel = first_panel + blockIdx.x / tiles, tile = blockIdx.x % tiles;
  for (int k = static_cast<int>(threadIdx.x); k < kPanel * T::kPacks; k += kThreads) {
    const int r = k / T::kPacks, pack = k % T::kPacks;
    const std::int64_t row = panel * kPanel + r, column = tile * T::kColumns + kPack * pack;
    const std::int64_t left = row < window.rows ? window.columns - column : 0;
    std::uint32_t elements[kPack] = {};
    if (left > 0) {
      blend_pack_of_row<kStorage, kMatrix>(terms, copy, window.first + row * window.row_stride + column,
                                           left < kPack ? static_cast<int>(left) : kPack, elements);
    }
    if constexpr (T::kWide) {
      const Words low{{elements[0], elements[1], elements[2], elements[3]}},
          high{{elements[4], elements[5], elements[6], elements[7]}};
      for (int i = 0; i < 2; ++i) {
        const int v = vector_of_store<2>(pack, i);
        shared.rows[r][staged(r, v)] = v % 2 == 0 ? low : high;
      }
    } else {
      Words pairs;
      for (int w = 0; w < 4; ++w) pairs.word[w] = elements[2 * w] | (elements[2 * w + 1] << 16);
      shared.rows[r][staged(r, vector_of_store<1>(pack, 0))] = pairs;
    }
  }
  __syncthreads();
  std::uint32_t* tile_out = out + panel * panel_words + tile * T::kWords * kPanel;
  const std::int64_t left = panel_words / kPanel - tile * T::kWords;
  const int words = left < T::kWords ? static_cast<int>(left) : T::kWords;
  for (int k = static_cast<int>(threadIdx.x); k < 4 * words; k += kThreads) {
    const int word = k / 4, quad = k % 4;
    Words rows;
    for (int i = 0; i < 4; ++i) {
      const int r = 4 * quad + i;
      rows.word[i] = shared.rows[r][staged(r, word / 4)].word[word % 4];
    }
    reinterpret_cast<Words*>(tile_out)[k] = rows;
  }
}

template <DType kStorage, DType kMatrix>
void start(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
           std::int64_t begin, std::int64_t end, Stream stream) {
  using T = Tile<kMatrix>;
  const Window where{window.first_row * window.row_stride + window.first_column, window.row_stride,
                     matrix.rows, matrix.columns};
  const std::int64_t tiles = (matrix.columns + T::kColumns - 1) / T::kColumns, blocks = (end - begin) * tiles;
  WISK_ASSERT(blocks <= 0x7fffffff);
  launch_with_denormals<typename T::Shared>(
      blend_pack_kernel<kStorage, kMatrix>, static_cast<unsigned>(blocks), kThreads, stream,
      terms_of(inputs, where.first, window.row_stride), where, is_copy(inputs, kStorage), begin,
      static_cast<unsigned>(tiles), static_cast<std::int64_t>(matrix.panel_bytes() / 4),
      reinterpret_cast<std::uint32_t*>(matrix.data.data()));
}

}  // namespace

void blend_pack(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
                DType storage, std::int64_t begin, std::int64_t end, Stream stream) {
  WISK_ASSERT(matrix.dtype == storage || matrix.dtype == DType::kBFloat16);
  WISK_ASSERT(begin >= 0 && begin <= end && end <= matrix.panels() && takes_vectors(matrix.data.data()));
  if (begin == end || matrix.columns == 0) return;
  constexpr DType kBf16 = DType::kBFloat16, kF16 = DType::kFloat16, kF32 = DType::kFloat32;
  const auto kernel = matrix.dtype == kF32   ? start<kF32, kF32>
                      : matrix.dtype == kF16 ? start<kF16, kF16>
                      : storage == kBf16     ? start<kBf16, kBf16>
                      : storage == kF16      ? start<kF16, kBf16>
                                             : start<kF32, kBf16>;
  kernel(matrix, inputs, window, begin, end, stream);
}

}  // namespace wisk::device::cuda
