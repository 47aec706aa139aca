// Rows: one unit of four elements a thread. Compiled with denormals as zero.

#include "rows.hpp"

#include <launch.cuh>

#include <bit>

#include <wisk/core/assert.hpp>

#include "convert.cuh"
#include "row_units.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// The grid is one-dimensional: `chunks` blocks, of kThreads units, a row.
struct Place {
  std::int64_t row;
  int u;  // the thread's unit; may be behind the row's last one
};

__device__ Place place_of_thread(unsigned chunks) {
  return {blockIdx.x / chunks, static_cast<int>(blockIdx.x % chunks * kThreads + threadIdx.x)};
}

unsigned chunks_of(std::int64_t width) {
  constexpr std::int64_t kElements = 4 * std::int64_t{kThreads};
  return static_cast<unsigned>((width + kElements - 1) / kElements);
}

unsigned blocks_of(std::int64_t rows, std::int64_t width) {
  const std::int64_t blocks = rows * chunks_of(width);
  WISK_ASSERT(rows >= 0 && width > 0 && width <= kMostUnitElements && blocks <= 0x7fffffff);
  return static_cast<unsigned>(blocks);
}

/// A PackedMatrix as kernels see it.
struct Packed {
  const std::byte* data;  // [rows / 16, rounded up] panels
  std::int64_t rows, panel_bytes;
  int columns;
  DType dtype;
};

/// Unit u of row `index`; zeros where the row has ended.
__device__ Floats unpack_unit(const Packed& matrix, std::int64_t index, int u) {
  constexpr std::int64_t kPanel = PackedMatrix::kPanel;
  const auto* words =
      reinterpret_cast<const std::uint32_t*>(matrix.data + index / kPanel * matrix.panel_bytes) +
      index % kPanel;
  Floats unit;
  if (matrix.dtype == DType::kFloat32) {
    for (int e = 0; e < 4; ++e) {
      unit.value[e] = 4 * u + e < matrix.columns ? std::bit_cast<float>(words[(4 * u + e) * kPanel]) : 0.0f;
    }
    return unit;
  }
  for (int pair = 0; pair < 2; ++pair) {
    const std::uint32_t word = 4 * u + 2 * pair < matrix.columns ? words[(2 * u + pair) * kPanel] : 0u;
    unit.value[2 * pair] = widened(matrix.dtype, word & 0xffffu);
    unit.value[2 * pair + 1] = widened(matrix.dtype, word >> 16);
  }
  return unit;
}

/// Row t of x is row ids[t] - first_row of the matrix, times scale.
__global__ void __launch_bounds__(kThreads)
    embed_kernel(const std::int32_t* ids /* [T] */, const Packed matrix /* [rows, C] */,
                 std::int64_t first_row, float scale, unsigned chunks, bool vectors, float* x /* [T, C] */) {
  const auto [t, u] = place_of_thread(chunks);
  if (4 * u >= matrix.columns) return;
  const std::int32_t id = ids[t];
  const std::int64_t index = id - first_row;
  Floats unit = {};
  if (id >= 0 && index >= 0 && index < matrix.rows) {
    unit = unpack_unit(matrix, index, u);
    for (int e = 0; e < 4; ++e) unit.value[e] *= scale;
  }
  store_unit(unit, x + t * matrix.columns, u, matrix.columns, vectors);
}

/// Row r of out is row rows[r] of x.
__global__ void __launch_bounds__(kThreads)
    take_rows_kernel(const float* x /* [.., width] */, int width, const std::int32_t* rows /* [R] */,
                     unsigned chunks, bool vectors, float* out /* [R, width] */) {
  const auto [r, u] = place_of_thread(chunks);
  if (4 * u >= width) return;
  const std::int64_t row = rows[r];
  const Floats unit = row < 0 ? Floats{} : load_unit(x + row * width, u, width, vectors);
  store_unit(unit, out + r * width, u, width, vectors);
}

/// Row r of x (+)= tree(row r of each part) + bias.
__global__ void __launch_bounds__(kThreads)
    add_parts_kernel(const Parts parts /* each [rows, width] */, int width, bool accumulate, unsigned chunks,
                     bool vectors, float* x /* [rows, width] */) {
  const auto [r, u] = place_of_thread(chunks);
  if (4 * u >= width) return;
  Floats sum = sum_of_parts(parts, r * width, u, width, vectors);
  if (accumulate) {
    const Floats before = load_unit(x + r * width, u, width, vectors);
    for (int e = 0; e < 4; ++e) sum.value[e] = before.value[e] + sum.value[e];
  }
  store_unit(sum, x + r * width, u, width, vectors);
}

}  // namespace

void embed(const std::int32_t* ids, std::int64_t tokens, const PackedMatrix& embedding,
           std::int64_t first_row, float scale, float* x, Stream stream) {
  const std::int64_t width = embedding.columns;
  const Packed matrix{embedding.data.data(), embedding.rows,
                      static_cast<std::int64_t>(embedding.panel_bytes()), static_cast<int>(width),
                      embedding.dtype};
  const bool vectors = takes_vectors(x) && width % 4 == 0;
  launch<NoShared>(embed_kernel, blocks_of(tokens, width), kThreads, stream, ids, matrix, first_row, scale,
                   chunks_of(width), vectors, x);
}

void take_rows(const float* x, std::int64_t width, const std::int32_t* rows, std::int64_t count, float* out,
               Stream stream) {
  const bool vectors = takes_vectors(x) && takes_vectors(out) && width % 4 == 0;
  launch<NoShared>(take_rows_kernel, blocks_of(count, width), kThreads, stream, x, width, rows,
                   chunks_of(width), vectors, out);
}

void add_parts(std::span<const float* const> parts, const float* bias, std::int64_t rows, std::int64_t width,
               bool accumulate, float* x, Stream stream) {
  const bool vectors = take_units(parts, bias, width) && takes_vectors(x);
  launch<NoShared>(add_parts_kernel, blocks_of(rows, width), kThreads, stream, parts_of(parts, bias),
                   static_cast<int>(width), accumulate, chunks_of(width), vectors, x);
}

void copy_page(const KvCache& cache, int from, int to, Stream stream) {
  copy_bytes(cache.keys(to, 0, 0), cache.keys(from, 0, 0), cache.page_bytes(), stream);
}

}  // namespace wisk::device::cuda
