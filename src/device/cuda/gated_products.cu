// Gate and up products of bf16, with act(gate) * up as their only result. Compiled with denormals as zero.

#include <array>
#include <utility>

#include <wisk/core/assert.hpp>

#include "activation.cuh"
#include "product_list.cuh"
#include "product_tile.cuh"
#include "products.hpp"
#include "warp.cuh"

namespace wisk::device::cuda {
namespace {

/// Four elements of 16 bits.
struct alignas(8) FourHalves {
  std::uint32_t word[2];
};

/// One pair of products as its kernel needs it.
struct Item {
  TileOperand operand;     // of all tokens
  TileWeights<2> weights;  // gate, up
  const float* bias[2];    // of gate and up, or null
  std::uint16_t* out;      // bf16
  std::int64_t ldo;
  int features;
  int first_group;  // of panels: those of the list's products are counted through
  bool out_vectors;
};

using Items = ProductList<Item>;

/// What a lane has of one token: four neighbouring features of both products.
struct GateAndUp {
  Floats gate, up;
};

/// A warp's first panel is of gate, its second of up: lanes below 16 hold gate, the others up of the same
/// features, each of two tokens. They exchange one token, so that each has both products of the other.
template <class Tile>
__device__ GateAndUp exchanged(const typename Tile::Sums& sums, int i, bool has_up) {
  GateAndUp result;
  for (int f = 0; f < 4; ++f) {
    const float even = sums.of[f / 2][i][f % 2 * 2], odd = sums.of[f / 2][i][f % 2 * 2 + 1];
    const float other = __shfl_xor_sync(kWholeWarp, has_up ? even : odd, 16);
    result.gate.value[f] = has_up ? other : even;
    result.up.value[f] = has_up ? odd : other;
  }
  return result;
}

/// out[.., first .. first + 3] of one token, for the features that there are.
__device__ void store_four(const Item& item, std::int64_t token, int first, Activation activation,
                           const GateAndUp& sums, const Floats (&bias)[2]) {
  std::uint16_t bits[4];
  for (int e = 0; e < 4; ++e) {
    const float gate = item.bias[0] == nullptr ? sums.gate.value[e] : sums.gate.value[e] + bias[0].value[e];
    const float up = item.bias[1] == nullptr ? sums.up.value[e] : sums.up.value[e] + bias[1].value[e];
    bits[e] = float_to_bf16(activated(activation, gate) * up);
  }
  std::uint16_t* out = item.out + token * item.ldo + first;
  if (item.out_vectors && first + 4 <= item.features) {
    const FourHalves four{{bits[0] | static_cast<std::uint32_t>(bits[1]) << 16,
                           bits[2] | static_cast<std::uint32_t>(bits[3]) << 16}};
    *reinterpret_cast<FourHalves*>(out) = four;
    return;
  }
  for (int e = 0; e < 4; ++e) {
    if (first + e < item.features) out[e] = bits[e];
  }
}

/// Block b: group b / token_tiles of kWarps panels of both matrices, tokens from b % token_tiles * kTokens
/// on; kThreads threads. Blocks with the same weights are neighbours.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    gated_linear_kernel(const Items items, Activation activation, std::int64_t rows, unsigned token_tiles) {
  auto& shared = block_shared<typename Tile::Shared>();
  const int group = static_cast<int>(blockIdx.x / token_tiles);
  const std::int64_t first_token = static_cast<std::int64_t>(blockIdx.x % token_tiles) * Tile::kTokens;
  const Item& item = items.of_group(group);
  const int first_panel = (group - item.first_group) * Tile::kWarps;
  typename Tile::Sums sums;
  multiply_tile<Tile, 2>(weights_from(item.weights, first_panel), operand_from(item.operand, first_token),
                         shared, sums);
  const int lane = static_cast<int>(threadIdx.x) % kLanes, warp = static_cast<int>(threadIdx.x) / kLanes;
  const int feature = (first_panel + warp) * kPanelRows + lane / 4 % 4 * 4;
  const bool has_up = lane >= 16;
  const Floats bias[2] = {four_of(item.bias[0], feature, item.features),
                          four_of(item.bias[1], feature, item.features)};
#pragma unroll
  for (int i = 0; i < Tile::kTokens / 8; ++i) {
    const GateAndUp four = exchanged<Tile>(sums, i, has_up);
    const std::int64_t token = first_token + 8 * i + 2 * (lane % 4) + (has_up ? 1 : 0);
    if (token < rows) store_four(item, token, feature, activation, four, bias);
  }
}

template <std::size_t kTile>
void launch_gated_linear(const Items& items, Activation activation, std::int64_t rows, std::int64_t groups,
                         Stream stream) {
  using Tile = ProductTile<kTileShapes[kTile]>;
  const std::int64_t tiles = (rows + Tile::kTokens - 1) / Tile::kTokens;
  WISK_ASSERT(tiles * groups <= 0x7fffffff);
  launch<typename Tile::Shared>(gated_linear_kernel<Tile>, static_cast<unsigned>(tiles * groups),
                                Tile::kThreads, stream, items, activation, rows,
                                static_cast<unsigned>(tiles));
}

template <std::size_t... kTiles>
constexpr auto launchers(std::index_sequence<kTiles...> /*tiles*/) {
  return std::array{launch_gated_linear<kTiles>...};
}

}  // namespace

void gated_linear_by_tile(Activation activation, std::span<const GatedProduct> products, std::int64_t rows,
                          std::size_t tile, Stream stream) {
  static constexpr auto kLaunchers = launchers(std::make_index_sequence<kTileShapes.size()>());
  WISK_ASSERT(rows >= 0 && products.size() <= kMostProducts);
  Items items{};
  std::int64_t groups = 0;
  for (const GatedProduct& product : products) {
    const PackedMatrix& gate = *product.gate;
    WISK_ASSERT(aligned_to(product.out, sizeof(std::uint16_t)));
    items.item[items.count++] = {
        .operand = operand_of(product.a, product.lda, gate.columns, rows),
        .weights = weights_of(gate, *product.up),
        .bias = {product.gate_bias, product.up_bias},
        .out = static_cast<std::uint16_t*>(product.out),
        .ldo = product.ldo,
        .features = static_cast<int>(gate.rows),
        .first_group = static_cast<int>(groups),
        .out_vectors = aligned_to(product.out, sizeof(FourHalves)) && product.ldo % 4 == 0};
    groups += (gate.panels() + kTileShapes[tile].warps - 1) / kTileShapes[tile].warps;
  }
  kLaunchers[tile](items, activation, rows, groups, stream);
}

void gated_linear(Activation activation, std::span<const GatedProduct> products, std::int64_t rows,
                  int multiprocessors, Stream stream) {
  WISK_ASSERT(products.size() <= kMostProducts);
  std::array<std::int64_t, kMostProducts> panels{};
  for (std::size_t i = 0; i < products.size(); ++i) panels[i] = products[i].gate->panels();
  const std::size_t tile = choose_tile(std::span(panels).first(products.size()), 1, rows, multiprocessors);
  gated_linear_by_tile(activation, products, rows, tile, stream);
}

}  // namespace wisk::device::cuda
