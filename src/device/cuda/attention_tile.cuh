#pragma once
// Attention of one warp: eight rows (token, query head) against one page of keys and values at a time, with
// tensor cores. A page's panels are fragments of their operand A as they lie in memory: a lane takes four
// rows at once, and row g (g + 8) of fragment j is row 4g + 2j (4g + 2j + 1) of 32. So
//   scores^T [32 keys, 8 rows]  = keys [32, D] queries^T [D, 8]
//   sums^T   [32 dimensions, 8] = values^T [32, 32 keys] probabilities^T [32 keys, 8]
// and between them scores go through shared memory, from four neighbouring keys a lane to the pairs of keys
// that the second product wants from it; there the softmax is computed, a row being four lanes.

#include <ptx.cuh>

#include <cstdint>
#include <limits>

#include <wisk/core/dtype.hpp>
#include <wisk/device/device.hpp>

#include "convert.cuh"
#include "cpu/elementwise.hpp"
#include "scalar_lane.cuh"
#include "seen_keys.cuh"
#include "vectors.cuh"
#include "warp.cuh"

namespace wisk::device::cuda {

inline constexpr int kRows = 8, kPanel = static_cast<int>(PackedMatrix::kPanel);
inline constexpr float kUnseen = -std::numeric_limits<float>::infinity();

/// D, a constant where kWhole. Its panels: 16 dimensions each, the last one filled up.
template <int kMost, bool kWhole>
struct HeadDim {
  static constexpr int kMostPanels = kMost / kPanel;
  int runtime;

  [[nodiscard]] __device__ int dim() const { return kWhole ? kMost : runtime; }
  [[nodiscard]] __device__ int panels() const { return (dim() + kPanel - 1) / kPanel; }
};

/// Where a lane stands in the fragments of an mma.
struct Lane {
  int index, row, pair;

  __device__ explicit Lane(int lane) : index(lane), row(lane / 4), pair(lane % 4) {}
  /// Of its first vector in a stretch of 8 pairs of a staged panel; the second is 16 further.
  [[nodiscard]] __device__ int unit() const { return 4 * pair + ((row % 4) ^ (pair & 2)); }
};

/// Unit i of a panel (16 bytes: four rows of a pair) lies here, so that eight lanes, two row quads of four
/// pairs, touch every bank once.
__device__ inline int staged_unit(int i) {
  return i ^ ((i >> 2) & 2);
}

/// Half a page in shared memory: panels of keys [2][8 * panels pairs][4 units], or of values
/// [panels][16 pairs of keys][4 units].
template <int kMost>
struct HalfPage {
  Words unit[4 * kMost];
};

/// Thread `member` of kTeam begins to copy its part of a page's keys. Pairs behind D become zeros.
template <int kTeam, int kMost, bool kWhole>
__device__ void stage_keys(const std::byte* keys, HeadDim<kMost, kWhole> dim, int member, Words* to) {
  const auto* from = reinterpret_cast<const Words*>(keys);
  const int staged = 2 * kPanel * dim.panels(), stored = 2 * dim.dim();  // units of a panel
  for (int i = member; i < 2 * staged; i += kTeam) {
    const int panel = i >= staged ? 1 : 0, in_panel = i - panel * staged;
    const bool valid = kWhole || in_panel < stored;
    cp_async_16(to + staged_unit(i), from + panel * stored + in_panel, valid);
  }
}

/// The same for its values, which are stored whole.
template <int kTeam, int kMost, bool kWhole>
__device__ void stage_values(const std::byte* values, HeadDim<kMost, kWhole> dim, int member, Words* to) {
  const auto* from = reinterpret_cast<const Words*>(values);
  for (int i = member; i < 4 * kPanel * dim.panels(); i += kTeam)
    cp_async_16(to + staged_unit(i), from + i, true);
}

/// c[32, 8] += a[32, 16] b[16, 8] for the 32 rows of two panels: two fragments.
__device__ inline void multiply_panels(float (&c)[2][4], const Words& first, const Words& second,
                                       const std::uint32_t (&b)[2]) {
  for (int j = 0; j < 2; ++j) {
    const std::uint32_t a[4] = {first.word[2 * j], first.word[2 * j + 1], second.word[2 * j],
                                second.word[2 * j + 1]};
    mma_m16n8k16(c[j], a, b);
  }
}

/// The bits of a pair of keys that are seen, none behind `last`: what lies there may be anything.
__device__ inline std::uint32_t seen_of_pair(int pair, int last) {
  return last > 2 * pair ? 0xffffffffu : last == 2 * pair ? 0xffffu : 0u;
}

/// One block of keys for some of the warp's rows, which all see its keys up to `last`.
struct BlockOfKeys {
  std::int32_t page;
  int block, last;
  std::uint32_t lanes;  // of those rows, four each
};

/// A warp's scores on their way from one product to the other.
struct Scores {
  Floats keys[kRows * kPageTokens / 4];

  /// Keys [4 quad, 4 quad + 4) of a row: so placed that eight lanes' stores, and 16 lanes' loads of half of
  /// it, touch every bank once.
  [[nodiscard]] __device__ Floats& at(int row, int quad) {
    return keys[row * (kPageTokens / 4) + (quad ^ ((row & 2) * 2 + ((row ^ (row >> 2)) & 1) * 2))];
  }
  [[nodiscard]] __device__ const TwoFloats& half(int row, int quad, int half) {
    return *reinterpret_cast<const TwoFloats*>(&at(row, quad).value[2 * half]);
  }
};

/// What the second product takes from a lane's row: the probabilities of keys (8i + 2t, 8i + 2t + 1) in bf16,
/// and exp(m - m').
struct Weights {
  std::uint32_t pairs[4];
  float rescale;
};

/// A warp's rows. `queries` are fragments of operand B, sums those of the results; the softmax's numbers are
/// of row lane / 4.
template <int kMost, bool kWhole>
struct AttentionTile {
  static constexpr int kChunks = kMost / kPanel, kWide = (kMost + 31) / 32;
  HeadDim<kMost, kWhole> dim;
  std::uint32_t queries[kChunks][2] = {};
  float sums[kWide][2][4] = {};
  float maximum = kUnseen, denominator = 0;

  /// `query`: [D/2] pairs of row lane / 4, or null.
  __device__ void load_queries(const std::uint32_t* query, const Lane& lane) {
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      for (int i = 0; i < 2; ++i) {
        const int pair = 8 * c + 4 * i + lane.pair;
        const bool there = query != nullptr && (kWhole || pair < dim.dim() / 2);
        queries[c][i] = there ? query[pair] : 0;
      }
    }
  }

  __device__ void multiply_keys(const Words* keys, const Lane& lane, float (&scores)[2][4]) const {
    const Words* from = keys + lane.row / 4 * (2 * kPanel * dim.panels()) + lane.unit();
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      if (!kWhole && c >= dim.panels()) continue;
      multiply_panels(scores, load_shared_16(from + 32 * c), load_shared_16(from + 32 * c + 16), queries[c]);
    }
  }

  /// The online softmax (device/cpu/attention.hpp) of row lane / 4, at `position`. Only rows of `block`
  /// change.
  __device__ Weights weigh(const float (&products)[2][4], const BlockOfKeys& block, std::int32_t position,
                           const AttentionShape& shape, const Lane& lane, Scores& exchange) {
    for (int e = 0; e < 2; ++e) {
      exchange.at(2 * lane.pair + e,
                  lane.row) = {{products[0][e], products[0][e + 2], products[1][e], products[1][e + 2]}};
    }
    __syncwarp();
    TwoFloats p[4];  // of keys (8i + 2t, 8i + 2t + 1)
    for (int i = 0; i < 4; ++i) p[i] = exchange.half(lane.row, 2 * i + lane.pair / 2, lane.pair % 2);
    __syncwarp();
    const int first = seen_keys(position, block.block, shape.window).first;
    float largest = maximum;
    for (int i = 0; i < 4; ++i) {
      for (int e = 0; e < 2; ++e) {
        float& score = p[i].value[e];
        score = score * shape.scale;
        if (shape.softcap != 0) score = shape.softcap * tanh_lanes<ScalarLane>(score / shape.softcap);
        const int key = 8 * i + 2 * lane.pair + e;
        if (key < first || key > block.last) score = kUnseen;
        largest = ScalarLane::max(score, largest);
      }
    }
    for (int apart = 1; apart < 4; apart *= 2)
      largest = ScalarLane::max(__shfl_xor_sync(kWholeWarp, largest, apart), largest);
    return add_to_denominator(p, largest, (block.lanes >> lane.index & 1u) != 0);
  }

  /// sums' = sums rescale + the block's sum, for the rows of `block`.
  __device__ void multiply_values(const Words* values, const Weights& weights, const BlockOfKeys& block,
                                  const Lane& lane) {
    float rescale[2];
    bool taken[2];
    for (int e = 0; e < 2; ++e) {
      const int of_row = 4 * (2 * lane.pair + e);
      rescale[e] = __shfl_sync(kWholeWarp, weights.rescale, of_row);
      taken[e] = (block.lanes >> of_row & 1u) != 0;
    }
    std::uint32_t seen[4];
    for (int i = 0; i < 4; ++i) seen[i] = seen_of_pair(4 * i + lane.pair, block.last);
#pragma unroll
    for (int w = 0; w < kWide; ++w) {
      if (!kWhole && 2 * w >= dim.panels()) continue;
      const int panel = 2 * w + lane.row / 4;
      // Where there is no second panel, half of the rows are computed for nobody.
      const bool there = kWhole || panel < dim.panels();
      const Words* from = values + (there ? panel : 0) * (4 * kPanel) + lane.unit();
      float block_sums[2][4] = {};
      for (int c = 0; c < 2; ++c) {
        Words a[2];
        for (int i = 0; i < 2; ++i) {
          a[i] = load_shared_16(from + 32 * c + 16 * i);
          for (std::uint32_t& word : a[i].word) word &= seen[2 * c + i];
        }
        multiply_panels(block_sums, a[0], a[1], {weights.pairs[2 * c], weights.pairs[2 * c + 1]});
      }
      for (int j = 0; j < 2; ++j) {
        for (int i = 0; i < 4; ++i) {
          float& sum = sums[w][j][i];
          if (taken[i % 2]) sum = sum * rescale[i % 2] + block_sums[j][i];
        }
      }
    }
  }

 private:
  /// Of scores p of the lane's keys; the largest of the row and before is known.
  __device__ Weights add_to_denominator(TwoFloats (&p)[4], float largest, bool taken) {
    Weights weights;
    float chain[2] = {};  // key j in chain j mod 8
    for (int i = 0; i < 4; ++i) {
      for (int e = 0; e < 2; ++e) {
        p[i].value[e] = exp_lanes<ScalarLane>(p[i].value[e] - largest);
        chain[e] += p[i].value[e];
      }
      weights.pairs[i] = bf16_pair(p[i].value[0], p[i].value[1]);
    }
    for (int apart = 2; apart > 0; apart /= 2) {
      for (float& sum : chain) sum += __shfl_xor_sync(kWholeWarp, sum, apart);
    }
    weights.rescale = exp_lanes<ScalarLane>(maximum - largest);
    if (taken) {
      denominator = denominator * weights.rescale + (chain[0] + chain[1]);
      maximum = largest;
    }
    return weights;
  }
};

}  // namespace wisk::device::cuda
