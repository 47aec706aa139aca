// Products of bf16 operands and bf16 weights with f32 results. Compiled with denormals as zero.

#include "products.hpp"

#include <array>
#include <utility>

#include <wisk/core/assert.hpp>

#include "product_list.cuh"
#include "product_tile.cuh"
#include "warp.cuh"

namespace wisk::device::cuda {
namespace {

/// One product as its kernel needs it.
struct Item {
  TileOperand operand;  // of all tokens
  TileWeights<1> weights;
  const float* bias;  // or null
  float* out;
  std::int64_t ldo;
  int features;
  int first_group;  // of panels: those of the list's products are counted through
  bool out_vectors;
};

using Items = ProductList<Item>;

/// out[.., first .. first + 3] of one token: the sums and the bias, for the features that there are.
__device__ void store_four(const Item& item, std::int64_t token, int first, Floats four, const Floats& bias) {
  if (item.bias != nullptr) {
    for (int e = 0; e < 4; ++e) four.value[e] += bias.value[e];
  }
  float* out = item.out + token * item.ldo + first;
  if (item.out_vectors && first + 4 <= item.features) {
    *reinterpret_cast<Floats*>(out) = four;
    return;
  }
  for (int e = 0; e < 4; ++e) {
    if (first + e < item.features) out[e] = four.value[e];
  }
}

/// Block b: group b / token_tiles of kPanels panels, tokens from b % token_tiles * kTokens on; kThreads
/// threads. Blocks with the same weights are neighbours.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    linear_kernel(const Items items, std::int64_t rows, unsigned token_tiles) {
  auto& shared = block_shared<typename Tile::Shared>();
  const int group = static_cast<int>(blockIdx.x / token_tiles);
  const std::int64_t first_token = static_cast<std::int64_t>(blockIdx.x % token_tiles) * Tile::kTokens;
  const Item& item = items.of_group(group);
  const int first_panel = (group - item.first_group) * Tile::kPanels;
  typename Tile::Sums sums;
  multiply_tile<Tile, 1>(weights_from(item.weights, first_panel), operand_from(item.operand, first_token),
                         shared, sums);
  const int lane = static_cast<int>(threadIdx.x) % kLanes, warp = static_cast<int>(threadIdx.x) / kLanes;
  const int feature = (first_panel + 2 * warp) * kPanelRows + lane / 4 * 4;
  const Floats bias = four_of(item.bias, feature, item.features);
  each_token<Tile>(sums, [&](int token, const Floats& four) {
    if (first_token + token < rows) store_four(item, first_token + token, feature, four, bias);
  });
}

template <std::size_t kTile>
void launch_linear(const Items& items, std::int64_t rows, std::int64_t groups, Stream stream) {
  using Tile = ProductTile<kTileShapes[kTile]>;
  const std::int64_t tiles = (rows + Tile::kTokens - 1) / Tile::kTokens;
  WISK_ASSERT(tiles * groups <= 0x7fffffff);
  launch<typename Tile::Shared>(linear_kernel<Tile>, static_cast<unsigned>(tiles * groups), Tile::kThreads,
                                stream, items, rows, static_cast<unsigned>(tiles));
}

template <std::size_t... kTiles>
constexpr auto launchers(std::index_sequence<kTiles...> /*tiles*/) {
  return std::array{launch_linear<kTiles>...};
}

}  // namespace

void linear_by_tile(std::span<const Product> products, std::int64_t rows, std::size_t tile, Stream stream) {
  static constexpr auto kLaunchers = launchers(std::make_index_sequence<kTileShapes.size()>());
  WISK_ASSERT(rows >= 0 && products.size() <= kMostProducts);
  Items items{};
  std::int64_t groups = 0;
  for (const Product& product : products) {
    const PackedMatrix& w = *product.w;
    WISK_ASSERT(w.dtype == DType::kBFloat16);
    items.item[items.count++] = {.operand = operand_of(product.a, product.lda, w.columns, rows),
                                 .weights = weights_of(w),
                                 .bias = product.bias,
                                 .out = product.out,
                                 .ldo = product.ldo,
                                 .features = static_cast<int>(w.rows),
                                 .first_group = static_cast<int>(groups),
                                 .out_vectors = takes_vectors(product.out) && product.ldo % 4 == 0};
    groups += (w.panels() + 2 * kTileShapes[tile].warps - 1) / (2 * kTileShapes[tile].warps);
  }
  kLaunchers[tile](items, rows, groups, stream);
}

void linear(std::span<const Product> products, std::int64_t rows, int multiprocessors, Stream stream) {
  WISK_ASSERT(products.size() <= kMostProducts);
  std::array<std::int64_t, kMostProducts> panels{};
  for (std::size_t i = 0; i < products.size(); ++i) panels[i] = products[i].w->panels();
  const std::size_t tile = choose_tile(std::span(panels).first(products.size()), 2, rows, multiprocessors);
  linear_by_tile(products, rows, tile, stream);
}

}  // namespace wisk::device::cuda
