// Products of f32 operands, for the reference mode: each output is the CPU's chain of fused multiply-adds, of
// each pair of k first the odd one, then the even one. Compiled with denormals as zero.

#include <wisk/core/assert.hpp>

#include "activation.cuh"
#include "convert.cuh"
#include "product_list.cuh"
#include "products.hpp"
#include "vectors.cuh"

namespace wisk::device::cuda {
namespace {

constexpr int kThreads = 256, kStageK = 32;
constexpr int kBlocks = 3;  // of a multiprocessor: with more, registers are spilled
constexpr int kPanels = 4, kFeatures = kPanels * kPanelRows;  // of a block
constexpr int kThreadFeatures = 4, kTokenGroups = kThreads / (kFeatures / kThreadFeatures);

/// One product, or a pair, as its kernel needs it.
template <int kMatrices>
struct Item {
  const float* a;  // [rows, columns]
  std::int64_t lda;
  const std::byte* weights[kMatrices];
  const float* bias[kMatrices];  // or null
  float* out;
  std::int64_t ldo;
  std::size_t panel_bytes;
  DType dtype;
  int features, columns;
  int first_group;  // of panels: those of the list's products are counted through
};

/// A block's tile is kFeatures by kTokens; a thread's kThreadFeatures by kThreadTokens.
template <int kMatrices, int kThreadTokens>
struct Tile {
  static constexpr int kTokens = kTokenGroups * kThreadTokens;
  struct Shared {
    Floats weights[kMatrices][kStageK][kFeatures / 4];
    float operand[kStageK][kTokens + 1];  // one more: a column's banks differ
  };
  struct Sums {
    float of[kMatrices][kThreadTokens][kThreadFeatures];
  };
};

/// Element (k, row) of a panel, widened.
__device__ float weight_of(const std::byte* panel, DType dtype, int k, int row) {
  if (dtype == DType::kFloat32) return reinterpret_cast<const float*>(panel)[k * kPanelRows + row];
  const std::uint32_t pair = reinterpret_cast<const std::uint32_t*>(panel)[k / 2 * kPanelRows + row];
  return widened(dtype, k % 2 == 0 ? pair & 0xffffu : pair >> 16);
}

/// Columns [first, first + kStageK) of the block's panels and tokens to shared memory; zeros where there are
/// none.
template <int kMatrices, int kThreadTokens>
__device__ void load_stage(const Item<kMatrices>& item, int first_panel, std::int64_t first_token,
                           std::int64_t rows, int first,
                           typename Tile<kMatrices, kThreadTokens>::Shared& shared) {
  constexpr int kTokens = Tile<kMatrices, kThreadTokens>::kTokens;
  const int thread = static_cast<int>(threadIdx.x);
  for (int m = 0; m < kMatrices; ++m) {
    for (int i = thread; i < kStageK * kFeatures; i += kThreads) {
      const int k = i / kFeatures, feature = i % kFeatures, panel = first_panel + feature / kPanelRows;
      float weight = 0;
      if (panel * kPanelRows < item.features && first + k < item.columns) {
        weight = weight_of(item.weights[m] + static_cast<std::size_t>(panel) * item.panel_bytes, item.dtype,
                           first + k, feature % kPanelRows);
      }
      shared.weights[m][k][feature / 4].value[feature % 4] = weight;
    }
  }
  for (int i = thread; i < kStageK * kTokens; i += kThreads) {
    const int k = i % kStageK, token = i / kStageK;
    const bool valid = first_token + token < rows && first + k < item.columns;
    shared.operand[k][token] = valid ? item.a[(first_token + token) * item.lda + first + k] : 0.0f;
  }
}

/// The chains of a thread: features 4 (thread % 16) .. + 3, tokens from thread / 16 * kThreadTokens on.
template <int kMatrices, int kThreadTokens>
__device__ void multiply(const Item<kMatrices>& item, int first_panel, std::int64_t first_token,
                         std::int64_t rows, typename Tile<kMatrices, kThreadTokens>::Shared& shared,
                         typename Tile<kMatrices, kThreadTokens>::Sums& sums) {
  const int thread = static_cast<int>(threadIdx.x);
  const int quad = thread % (kFeatures / 4), token = thread / (kFeatures / 4) * kThreadTokens;
  const auto add = [&](int k) {
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      const Floats weights = shared.weights[m][k][quad];
#pragma unroll
      for (int t = 0; t < kThreadTokens; ++t) {
        const float x = shared.operand[k][token + t];
#pragma unroll
        for (int f = 0; f < kThreadFeatures; ++f)
          sums.of[m][t][f] = fmaf(x, weights.value[f], sums.of[m][t][f]);
      }
    }
  };
  sums = {};
  for (int first = 0; first < item.columns; first += kStageK) {
    load_stage<kMatrices, kThreadTokens>(item, first_panel, first_token, rows, first, shared);
    __syncthreads();
    const int count = item.columns - first < kStageK ? item.columns - first : kStageK;
    for (int k = 0; k + 1 < count; k += 2) {
      add(k + 1);
      add(k);
    }
    if (count % 2 != 0) add(count - 1);
    __syncthreads();
  }
}

/// Block b: group b / token_tiles of kPanels panels (of each matrix), tokens from
/// b % token_tiles * kTokens on; kThreads threads. With two matrices out = act(first) * second.
template <int kMatrices, int kThreadTokens>
__global__ void __launch_bounds__(kThreads, kBlocks)
    product_f32_kernel(const ProductList<Item<kMatrices>> items, Activation activation, std::int64_t rows,
                       unsigned token_tiles) {
  using T = Tile<kMatrices, kThreadTokens>;
  auto& shared = block_shared<typename T::Shared>();
  const int group = static_cast<int>(blockIdx.x / token_tiles), thread = static_cast<int>(threadIdx.x);
  const std::int64_t first_token = static_cast<std::int64_t>(blockIdx.x % token_tiles) * T::kTokens;
  const Item<kMatrices>& item = items.of_group(group);
  const int first_panel = (group - item.first_group) * kPanels;
  typename T::Sums sums;
  multiply<kMatrices, kThreadTokens>(item, first_panel, first_token, rows, shared, sums);
  const int feature = first_panel * kPanelRows + thread % (kFeatures / 4) * kThreadFeatures;
  const std::int64_t token = first_token + thread / (kFeatures / 4) * kThreadTokens;
#pragma unroll
  for (int t = 0; t < kThreadTokens; ++t) {
#pragma unroll
    for (int f = 0; f < kThreadFeatures; ++f) {
      if (token + t >= rows || feature + f >= item.features) continue;
      float result[kMatrices];
      for (int m = 0; m < kMatrices; ++m) {
        result[m] = sums.of[m][t][f];
        if (item.bias[m] != nullptr) result[m] += item.bias[m][feature + f];
      }
      float& out = item.out[(token + t) * item.ldo + feature + f];
      if constexpr (kMatrices == 1) out = result[0];
      if constexpr (kMatrices == 2) out = activated(activation, result[0]) * result[1];
    }
  }
}

template <int kMatrices, int kThreadTokens>
void start(const ProductList<Item<kMatrices>>& items, Activation activation, std::int64_t rows,
           std::int64_t groups, Stream stream) {
  using T = Tile<kMatrices, kThreadTokens>;
  const std::int64_t tiles = (rows + T::kTokens - 1) / T::kTokens;
  WISK_ASSERT(tiles * groups <= 0x7fffffff);
  launch<typename T::Shared>(product_f32_kernel<kMatrices, kThreadTokens>,
                             static_cast<unsigned>(tiles * groups), kThreads, stream, items, activation, rows,
                             static_cast<unsigned>(tiles));
}

/// Few rows take narrow tiles: the same chains.
template <int kMatrices>
void start_any(const ProductList<Item<kMatrices>>& items, Activation activation, std::int64_t rows,
               std::int64_t groups, Stream stream) {
  WISK_ASSERT(rows >= 0);
  if (rows <= kTokenGroups) return start<kMatrices, 1>(items, activation, rows, groups, stream);
  start<kMatrices, 4>(items, activation, rows, groups, stream);
}

std::int64_t groups_of(const PackedMatrix& w) {
  return (w.panels() + kPanels - 1) / kPanels;
}

}  // namespace

void linear_f32(std::span<const Product> products, std::int64_t rows, Stream stream) {
  WISK_ASSERT(products.size() <= kMostProducts);
  ProductList<Item<1>> items{};
  std::int64_t groups = 0;
  for (const Product& product : products) {
    const PackedMatrix& w = *product.w;
    items.item[items.count++] = {.a = static_cast<const float*>(product.a),
                                 .lda = product.lda,
                                 .weights = {w.data.data()},
                                 .bias = {product.bias},
                                 .out = product.out,
                                 .ldo = product.ldo,
                                 .panel_bytes = w.panel_bytes(),
                                 .dtype = w.dtype,
                                 .features = static_cast<int>(w.rows),
                                 .columns = static_cast<int>(w.columns),
                                 .first_group = static_cast<int>(groups)};
    groups += groups_of(w);
  }
  start_any<1>(items, Activation::kSilu, rows, groups, stream);
}

void gated_linear_f32(Activation activation, std::span<const GatedProduct> products, std::int64_t rows,
                      Stream stream) {
  WISK_ASSERT(products.size() <= kMostProducts);
  ProductList<Item<2>> items{};
  std::int64_t groups = 0;
  for (const GatedProduct& product : products) {
    const PackedMatrix &gate = *product.gate, &up = *product.up;
    WISK_ASSERT(gate.rows == up.rows && gate.columns == up.columns && gate.dtype == up.dtype);
    items.item[items.count++] = {.a = static_cast<const float*>(product.a),
                                 .lda = product.lda,
                                 .weights = {gate.data.data(), up.data.data()},
                                 .bias = {product.gate_bias, product.up_bias},
                                 .out = static_cast<float*>(product.out),
                                 .ldo = product.ldo,
                                 .panel_bytes = gate.panel_bytes(),
                                 .dtype = gate.dtype,
                                 .features = static_cast<int>(gate.rows),
                                 .columns = static_cast<int>(gate.columns),
                                 .first_group = static_cast<int>(groups)};
    groups += groups_of(gate);
  }
  start_any<2>(items, activation, rows, groups, stream);
}

}  // namespace wisk::device::cuda
