#pragma once
// The main loop of products of bf16 on tensor cores: out^T = W x^T, panels of W as the left operand of
// m16n8k16. Weights and activations come to shared memory by cp.async, some stages ahead.
//
// A warp multiplies two panels, 32 features. With g = lane / 4 and t = lane % 4, a lane reads, of panel g /
// 4, rows 4 (g % 4) .. + 3 of pairs t and t + 4 of every 16 columns: two vectors, whose words are the left
// fragments of two instructions as they are. Fragment rows g and g + 8 of instruction j are features
// 4g + 2j and 4g + 2j + 1 of the 32, so a lane ends with four neighbouring features of its tokens.
//
// Both arrays lie in shared memory in units of 16 bytes, shuffled so that no access has a bank conflict.
// Columns are added in ascending order, 16 at a time; neither tile nor number of tokens changes that.

#include <launch.cuh>
#include <ptx.cuh>

#include <cstddef>
#include <cstdint>

#include "product_plan.hpp"
#include "vectors.cuh"
#include "warp.cuh"

namespace wisk::device::cuda {

/// The constants and arrays of a tile.
template <TileShape kShape>
struct ProductTile {
  static constexpr int kWarps = kShape.warps, kTokens = kShape.tokens, kStageK = kShape.stage_k,
                       kStages = kShape.stages;
  static constexpr int kThreads = 32 * kWarps, kPanels = 2 * kWarps;
  static constexpr int kPanelUnits = kStageK / 2 * 4;  // of 16 bytes, of a panel in a stage
  static constexpr int kRowUnits = kStageK / 8;        // of a token in a stage
  static_assert(kTokens % 8 == 0 && (kTokens == 8 || kTokens % 16 == 0) && kStageK % 32 == 0 && kStages >= 2);

  struct Shared {
    Words weights[kStages][kPanels * kPanelUnits];
    Words operand[kStages][kTokens * kRowUnits];
  };
  /// Of one lane: of[j][i] is the fragment of instruction j for tokens [8i, 8i + 8).
  struct Sums {
    float of[2][kTokens / 8][4];
  };

  /// Where unit `quad` (four rows) of a pair lies in its panel. Eight lanes of a load: two quads of four
  /// pairs.
  static __device__ int weight_unit(int pair, int quad) { return 4 * pair + (quad ^ (pair & 2)); }
  /// Where a unit of a token's columns lies. Eight rows of an ldmatrix: the same unit of eight tokens.
  static __device__ int operand_unit(int token, int unit) {
    return token * kRowUnits + (unit ^ (kRowUnits >= 8 ? token % 8 : token / 2 % 4));
  }
};

/// Panel s of a tile is panel s / kMatrices from `first` (and in turn from `second`) on.
template <int kMatrices>
struct TileWeights {
  const std::byte* first;
  const std::byte* second;  // only with two matrices, of the same size
  std::size_t panel_bytes;
  int panels;  // that there are from `first` on; others count as zeros

  [[nodiscard]] __device__ const std::byte* panel(int s) const {
    const std::byte* matrix = kMatrices == 2 && s % 2 == 1 ? second : first;
    return matrix + static_cast<std::size_t>(s / kMatrices) * panel_bytes;
  }
};

/// The activations of a tile, bf16.
struct TileOperand {
  const std::uint16_t* first;  // [rows, columns], rows lda apart
  std::int64_t lda;
  int rows;  // that there are from `first` on; others count as zeros
  int columns;
  bool vectors;  // units of 16 bytes: address, lda and columns allow it
};

/// Begins to copy stage number `stage` of the weights [kPanels, kPanelUnits].
template <class Tile, int kMatrices>
__device__ void copy_weights(const TileWeights<kMatrices>& weights, int stage, int columns, Words* to) {
  const int first = stage * Tile::kStageK / 2, pairs = (columns + 1) / 2;
#pragma unroll
  for (int i = 0; i < Tile::kPanels * Tile::kPanelUnits / Tile::kThreads; ++i) {
    const int unit = i * Tile::kThreads + static_cast<int>(threadIdx.x);
    const int panel = unit / Tile::kPanelUnits, in_panel = unit % Tile::kPanelUnits;
    const int pair = in_panel / 4, quad = in_panel % 4;
    const bool valid = panel / kMatrices < weights.panels && first + pair < pairs;
    const auto* from = reinterpret_cast<const Words*>(weights.panel(panel)) + 4 * first + in_panel;
    cp_async_16(to + panel * Tile::kPanelUnits + Tile::weight_unit(pair, quad), from, valid);
  }
}

/// Eight columns of a token from `column` on, zeros beyond the last; any address.
__device__ inline Words operand_unit_of(const TileOperand& operand, int token, int column) {
  Words unit{};
  const std::uint16_t* row = operand.first + token * operand.lda;
  for (int e = 0; e < 8; ++e) {
    if (token < operand.rows && column + e < operand.columns) {
      unit.word[e / 2] |= static_cast<std::uint32_t>(row[column + e]) << (16 * (e % 2));
    }
  }
  return unit;
}

/// Begins to copy stage number `stage` of the activations [kTokens, kRowUnits].
template <class Tile>
__device__ void copy_operand(const TileOperand& operand, int stage, Words* to) {
  constexpr int kUnits = Tile::kTokens * Tile::kRowUnits;
  if (!operand.vectors) {
#pragma unroll 1
    for (int unit = static_cast<int>(threadIdx.x); unit < kUnits; unit += Tile::kThreads) {
      const int token = unit / Tile::kRowUnits, u = unit % Tile::kRowUnits;
      to[Tile::operand_unit(token, u)] = operand_unit_of(operand, token, stage * Tile::kStageK + 8 * u);
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < (kUnits + Tile::kThreads - 1) / Tile::kThreads; ++i) {
    const int unit = i * Tile::kThreads + static_cast<int>(threadIdx.x);
    if (kUnits % Tile::kThreads != 0 && unit >= kUnits) break;
    const int token = unit / Tile::kRowUnits, u = unit % Tile::kRowUnits;
    const int column = stage * Tile::kStageK + 8 * u;
    cp_async_16(to + Tile::operand_unit(token, u), operand.first + token * operand.lda + column,
                token < operand.rows && column < operand.columns);
  }
}

/// Of a warp: the activations of chunk `chunk` (16 columns) and tokens [8 first, 8 first + 16) as right
/// fragments, words {0, 1} and {2, 3}; with tiles of 8 tokens those of chunks `chunk` and `chunk + 1`.
template <class Tile>
__device__ void load_operand(const Words* operand, int chunk, int first, std::uint32_t (&words)[4]) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes, row = lane % 8, matrix = lane / 8;
  const int token = Tile::kTokens == 8 ? row : 8 * first + matrix / 2 * 8 + row;
  const int unit = 2 * chunk + (Tile::kTokens == 8 ? matrix : matrix % 2);
  ldmatrix_x4(words, operand + Tile::operand_unit(token, unit));
}

/// Adds one stage to the sums of a warp.
template <class Tile>
__device__ void multiply_stage(const Words* weights, const Words* operand, typename Tile::Sums& sums) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes, warp = static_cast<int>(threadIdx.x) / kLanes;
  const int g = lane / 4, t = lane % 4;
  const Words* panel = weights + (2 * warp + g / 4) * Tile::kPanelUnits;
  std::uint32_t b[4];
#pragma unroll
  for (int chunk = 0; chunk < Tile::kStageK / 16; ++chunk) {
    const Words low = load_shared_16(panel + Tile::weight_unit(8 * chunk + t, g % 4));
    const Words high = load_shared_16(panel + Tile::weight_unit(8 * chunk + t + 4, g % 4));
    const std::uint32_t a[2][4] = {{low.word[0], low.word[1], high.word[0], high.word[1]},
                                   {low.word[2], low.word[3], high.word[2], high.word[3]}};
    if constexpr (Tile::kTokens == 8) {
      if (chunk % 2 == 0) load_operand<Tile>(operand, chunk, 0, b);
      const std::uint32_t fragment[2] = {b[chunk % 2 * 2], b[chunk % 2 * 2 + 1]};
      for (int j = 0; j < 2; ++j) mma_m16n8k16(sums.of[j][0], a[j], fragment);
    } else {
#pragma unroll
      for (int i = 0; i < Tile::kTokens / 8; i += 2) {
        load_operand<Tile>(operand, chunk, i, b);
        const std::uint32_t fragments[2][2] = {{b[0], b[1]}, {b[2], b[3]}};
        for (int j = 0; j < 2; ++j) {
          for (int n = 0; n < 2; ++n) mma_m16n8k16(sums.of[j][i + n], a[j], fragments[n]);
        }
      }
    }
  }
}

/// sums = W x^T of one tile; all threads of the block, Tile::kThreads. Before `shared` is used for something
/// else a barrier is needed.
template <class Tile, int kMatrices>
__device__ void multiply_tile(const TileWeights<kMatrices>& weights, const TileOperand& operand,
                              typename Tile::Shared& shared, typename Tile::Sums& sums) {
  const int stages = (operand.columns + Tile::kStageK - 1) / Tile::kStageK;
  const auto copy = [&](int stage) {
    if (stage < stages) {
      const int slot = stage % Tile::kStages;
      copy_weights<Tile, kMatrices>(weights, stage, operand.columns, shared.weights[slot]);
      copy_operand<Tile>(operand, stage, shared.operand[slot]);
    }
    cp_async_commit();  // an empty group too: groups are counted
  };
#pragma unroll
  for (int j = 0; j < 2; ++j) {
#pragma unroll
    for (int i = 0; i < Tile::kTokens / 8; ++i) {
      for (int e = 0; e < 4; ++e) sums.of[j][i][e] = 0;
    }
  }
#pragma unroll 1
  for (int stage = 0; stage < Tile::kStages - 1; ++stage) copy(stage);
#pragma unroll 1
  for (int stage = 0; stage < stages; ++stage) {
    cp_async_wait<Tile::kStages - 2>();
    // All copies of this stage are there, and nobody reads the stage before any more.
    __syncthreads();
    copy(stage + Tile::kStages - 1);
    multiply_stage<Tile>(shared.weights[stage % Tile::kStages], shared.operand[stage % Tile::kStages], sums);
  }
}

/// Calls each(token, four) for the tokens of this lane, in [0, kTokens): the sums of features
/// 4 (lane / 4) .. + 3 of the warp's 32. In all lanes alike, so `each` may use the whole warp.
template <class Tile, class Each>
__device__ void each_token(const typename Tile::Sums& sums, const Each& each) {
  const int t = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int i = 0; i < Tile::kTokens / 8; ++i) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      each(8 * i + 2 * t + e,
           Floats{{sums.of[0][i][e], sums.of[0][i][2 + e], sums.of[1][i][e], sums.of[1][i][2 + e]}});
    }
  }
}

}  // namespace wisk::device::cuda
