// The product that makes the logits, of bf16, with the choice in its epilogue: no logit is in memory.
// Compiled with denormals as zero, as all products.

#include <array>
#include <cstdint>
#include <utility>

#include <wisk/core/assert.hpp>
#include <wisk/core/noise.hpp>

#include "choose.hpp"
#include "choose_block.cuh"
#include "cpu/elementwise.hpp"
#include "product_list.cuh"
#include "product_tile.cuh"
#include "scalar_lane.cuh"

namespace wisk::device::cuda {
namespace {

/// What a thread block has in shared memory: first the stages of the product, then its logits.
template <class Tile>
struct Memory {
  static constexpr int kBlocks = 32 * Tile::kWarps / kBlockIds;  // of ids
  static constexpr int kPairs = Tile::kTokens * kBlocks;         // of a token and a block
  // A lane stores four logits, eight lanes those of four tokens and two neighbours: an odd number of units
  // puts them into different banks.
  static constexpr int kRowUnits = 32 * Tile::kWarps / 4 + 1;
  static_assert(32 * Tile::kWarps % kBlockIds == 0);

  struct Logits {
    Floats unit[Tile::kTokens * kRowUnits];
    BlockStart start[kPairs];
  };
  union Shared {
    typename Tile::Shared stages;
    Logits logits;
  };
};

/// As the CPU's.
__device__ float capped(float logit, float cap) {
  return cap == 0 ? logit : cap * tanh_lanes<ScalarLane>(logit / cap);
}

/// Block b: group b / token_tiles of kPanels panels, rows from b % token_tiles * kTokens on; kThreads
/// threads. Blocks with the same weights are neighbours. A warp takes pairs of a row and a block of ids.
template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads)
    choosing_kernel(const TileOperand operand /* [R, K] */, const TileWeights<1> weights, float cap,
                    unsigned token_tiles, const BlockRange blocks, const ChoiceRows rows,
                    const Choosing choosing, BlockChoice* out /* [R, blocks.count] */) {
  using Memory = Memory<Tile>;
  auto& shared = block_shared<typename Memory::Shared>();
  const int group = static_cast<int>(blockIdx.x / token_tiles);
  const int first_row = static_cast<int>(blockIdx.x % token_tiles) * Tile::kTokens;
  typename Tile::Sums sums;
  multiply_tile<Tile, 1>(weights_from(weights, group * Tile::kPanels), operand_from(operand, first_row),
                         shared.stages, sums);
  __syncthreads();  // nobody reads the stages any more
  const int lane = static_cast<int>(threadIdx.x) % kLanes, warp = static_cast<int>(threadIdx.x) / kLanes;
  each_token<Tile>(sums, [&](int token, const Floats& four) {
    shared.logits.unit[token * Memory::kRowUnits + 8 * warp + lane / 4] = four;
  });
  __syncthreads();
  // Pair p: of row first_row + p / kBlocks and held block group * kBlocks + p % kBlocks.
  const auto row_of = [&](int pair) { return first_row + pair / Memory::kBlocks; };
  const auto block_of = [&](int pair) { return group * Memory::kBlocks + pair % Memory::kBlocks; };
  const auto wanted = [&](int pair) {
    return row_of(pair) < rows.count && block_of(pair) < blocks.count && is_active(rows, {}, row_of(pair));
  };
  const auto logits_of = [&](int pair) {
    const Floats* units = shared.logits.unit + pair / Memory::kBlocks * Memory::kRowUnits +
                          pair % Memory::kBlocks * kBlockIds / 4;
    return [values = &units->value[0], cap](std::int32_t i) { return capped(values[i], cap); };
  };
#pragma unroll 1
  for (int pair = static_cast<int>(threadIdx.x); pair < Memory::kPairs; pair += Tile::kThreads) {
    if (!wanted(pair)) continue;
    shared.logits.start[pair] =
        start_of_block(logits_of(pair), blocks, block_of(pair), RowRule(rows, choosing, row_of(pair)));
  }
  __syncthreads();
#pragma unroll 1
  for (int pair = warp; pair < Memory::kPairs; pair += Tile::kWarps) {
    if (!wanted(pair)) continue;
    choose_in_block(logits_of(pair), blocks, block_of(pair), row_of(pair),
                    RowRule(rows, choosing, row_of(pair)), shared.logits.start[pair], out);
  }
}

/// What a launch takes.
struct Work {
  TileOperand operand;
  TileWeights<1> weights;
  float cap;
  BlockRange blocks;
  ChoiceRows rows;
  Choosing choosing;
  BlockChoice* out;
};

template <std::size_t kTile>
void launch_choosing(const Work& work, Stream stream) {
  using Tile = ProductTile<kTileShapes[kTile]>;
  const std::int64_t tiles = divided_up(work.rows.count, Tile::kTokens);
  const std::int64_t groups = divided_up(work.weights.panels, Tile::kPanels);
  WISK_ASSERT(tiles * groups <= 0x7fffffff);
  launch<typename Memory<Tile>::Shared>(
      choosing_kernel<Tile>, static_cast<unsigned>(tiles * groups), Tile::kThreads, stream, work.operand,
      work.weights, work.cap, static_cast<unsigned>(tiles), work.blocks, work.rows, work.choosing, work.out);
}

// Of kTileShapes those of two blocks of ids: vocabularies have work for any GPU.
constexpr std::array<std::size_t, kChoosingTiles> kTiles = {2, 3, 5, 7, 8};
static_assert(kTileShapes[kTiles[0]].warps == 4 && kTileShapes[kTiles[1]].warps == 4 &&
              kTileShapes[kTiles[2]].warps == 4 && kTileShapes[kTiles[3]].warps == 4 &&
              kTileShapes[kTiles[4]].warps == 4);

template <std::size_t... kIndices>
constexpr auto launchers(std::index_sequence<kIndices...> /*tiles*/) {
  return std::array{launch_choosing<kTiles[kIndices]>...};
}

}  // namespace

void choose_in_product_by_tile(const void* a, std::int64_t lda, const PackedMatrix& head, float softcap,
                               const VocabularyParts& parts, const ChoiceRows& rows, const Choosing& choosing,
                               BlockChoice* blocks, std::size_t tile, Stream stream) {
  static constexpr auto kLaunchers = launchers(std::make_index_sequence<kChoosingTiles>());
  WISK_ASSERT(rows.cuts == nullptr && (rows.draws != nullptr || choosing.temperature == 0));
  WISK_ASSERT(head.rows == parts.edges[parts.count] - parts.edges[0]);
  kLaunchers[tile]({operand_of(a, lda, head.columns, rows.count), weights_of(head), softcap, parts.blocks(),
                    rows, choosing, blocks},
                   stream);
}

void choose_in_product(const void* a, std::int64_t lda, const PackedMatrix& head, float softcap,
                       const VocabularyParts& parts, const ChoiceRows& rows, const Choosing& choosing,
                       BlockChoice* blocks, Stream stream) {
  std::size_t tile = 0;
  while (tile + 1 < kChoosingTiles && kTileShapes[kTiles[tile]].tokens < rows.count) ++tile;
  choose_in_product_by_tile(a, lda, head, softcap, parts, rows, choosing, blocks, tile, stream);
}

}  // namespace wisk::device::cuda
