#pragma once
// The choice in one block of 64 ids, by a warp. For kernels that have logits in memory and for the epilogue
// of the product that makes them.

#include <bit>
#include <cstdint>
#include <limits>

#include <wisk/core/math.hpp>
#include <wisk/core/noise.hpp>

#include "choose.hpp"
#include "warp.cuh"

namespace wisk::device::cuda {

inline constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();
inline constexpr double kLowestScore = -std::numeric_limits<double>::infinity();

struct Candidate {
  double score = kLowestScore;
  std::int32_t token = kNoToken;
};

/// The better of two, the lower id of equal ones.
__device__ inline Candidate better(const Candidate& a, const Candidate& b) {
  return b.score > a.score || (b.score == a.score && b.token < a.token) ? b : a;
}

/// The best of the warp, in all lanes.
__device__ inline Candidate best_of_warp(Candidate best) {
  for (int apart = kLanes / 2; apart > 0; apart /= 2) {
    const double score = __shfl_xor_sync(kWholeWarp, best.score, apart);
    const std::int32_t token = __shfl_xor_sync(kWholeWarp, best.token, apart);
    best = better(best, {score, token});
  }
  return best;
}

/// The largest of the warp, in all lanes. No NaN.
__device__ inline float largest_of_warp(float value) {
  for (int apart = kLanes / 2; apart > 0; apart /= 2) {
    const float other = __shfl_xor_sync(kWholeWarp, value, apart);
    value = other > value ? other : value;
  }
  return value;
}

/// Integers above 0 in the order of the doubles (NaN apart), and back.
__device__ inline Floor floor_of(double score) {
  const auto bits = std::bit_cast<std::uint64_t>(score);
  return (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63);
}
__device__ inline double score_of(Floor floor) {
  if (floor == 0) return kLowestScore;
  const auto bits = static_cast<std::uint64_t>(floor);
  return std::bit_cast<double>((bits >> 63) != 0 ? bits & ~(std::uint64_t{1} << 63) : ~bits);
}

/// What a row's random numbers are a function of.
__device__ inline Draw draw_of(const ChoiceRows& rows, std::uint64_t seed, std::int32_t row) {
  if (rows.draws == nullptr) return {};
  const RowDraw& draw = rows.draws[row];
  return {seed, draw.problem_key, draw.sample, draw.position};
}

/// How the best id of a block is found.
struct BlockRule {
  double temperature;  // 0: the largest logit
  Draw draw;           // of the row
  BlockNoise of_block;
  Cut cut;
  Floor* floor;  // of the row, or nullptr

  __device__ double scaled(float logit) const {
    const auto wide = static_cast<double>(logit);
    return temperature == 1 ? wide : wide / temperature;  // the same bits, at a tenth of the cost
  }
  /// Whether the id may be chosen at all. -inf never is.
  __device__ bool keeps(float logit, std::int32_t id) const {
    return logit > cut.logit || (logit == cut.logit && id <= cut.last && logit > kMinusInfinity);
  }
};

/// The best score known in the row, after `score` has become known.
__device__ inline double raised_floor(Floor* floor, double score) {
  if (floor == nullptr) return score;
  std::uint64_t before = 0;
  if (threadIdx.x % kLanes == 0) before = atomicMax(floor, floor_of(score));
  const double known = score_of(__shfl_sync(kWholeWarp, before, 0));
  return known > score ? known : score;
}

/// The best of logit / T + noise. Lane l has the logits of ids first + l and first + l + 32. The holder of
/// the block's maximum comes first; of the others only those are drawn that may be better than the best
/// known.
__device__ inline Candidate noisy_best(const float (&logits)[2], std::int32_t first, const BlockRule& rule) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % kLanes);
  Candidate best;
  for (int half = 0; half < 2; ++half) {
    const std::int32_t id = first + lane + kLanes * half;
    if (id == rule.of_block.holder && rule.keeps(logits[half], id)) {
      best = {rule.scaled(logits[half]) + rule.of_block.maximum, id};
    }
  }
  const int holders_lane = (rule.of_block.holder - first) % kLanes;
  const double floor = raised_floor(rule.floor, __shfl_sync(kWholeWarp, best.score, holders_lane));
  for (int half = 0; half < 2; ++half) {
    const std::int32_t id = first + lane + kLanes * half;
    if (id == rule.of_block.holder || !rule.keeps(logits[half], id)) continue;
    const double scaled = rule.scaled(logits[half]);
    // Addition is monotone, and no Gumbel is above the maximum: a bound in floating point too.
    if (scaled + rule.of_block.maximum < floor) continue;
    best = better(best, {scaled + Noise(rule.draw).gumbel(id, rule.of_block), id});
  }
  best = best_of_warp(best);
  if (best.score > floor) raised_floor(rule.floor, best.score);
  return best;
}

__device__ inline Candidate largest_logit(const float (&logits)[2], std::int32_t first) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % kLanes);
  return best_of_warp(better({static_cast<double>(logits[0]), first + lane},
                             {static_cast<double>(logits[1]), first + lane + kLanes}));
}

/// A block's choice, in all lanes of the warp. Lane l gives the logits of ids first + l and first + l +
/// 32 as they are, -inf where there is no such id.
__device__ inline BlockChoice choice_of_block(float low, float high, std::int32_t first,
                                              const BlockRule& rule) {
  BlockChoice choice;
  choice.nan =
      __popc(__ballot_sync(kWholeWarp, low != low)) + __popc(__ballot_sync(kWholeWarp, high != high));
  const float logits[2] = {low >= kMinusInfinity ? low : kMinusInfinity,
                           high >= kMinusInfinity ? high : kMinusInfinity};
  choice.infinite = __popc(__ballot_sync(kWholeWarp, low == -kMinusInfinity)) +
                    __popc(__ballot_sync(kWholeWarp, high == -kMinusInfinity));
  choice.largest = largest_of_warp(logits[0] > logits[1] ? logits[0] : logits[1]);
  // The tree of docs/numerics.md: i + 32, then i + 16, ...
  choice.sum = tree_sum_of_warp(math::exp_of_negative(logits[0] - choice.largest) +
                                math::exp_of_negative(logits[1] - choice.largest));
  const Candidate best =
      rule.temperature == 0 ? largest_logit(logits, first) : noisy_best(logits, first, rule);
  choice.score = best.score;
  choice.token = best.token;
  const int at = (best.token - first) % (2 * kLanes);
  const float of_low = __shfl_sync(kWholeWarp, logits[0], at % kLanes);
  const float of_high = __shfl_sync(kWholeWarp, logits[1], at % kLanes);
  choice.logit = best.token == kNoToken ? kMinusInfinity : (at < kLanes ? of_low : of_high);
  return choice;
}

/// The largest noise of held block `b` for a row; nothing where T = 0.
__device__ inline BlockNoise noise_of_block(const BlockRange& blocks, std::int32_t b, const ChoiceRows& rows,
                                            const Choosing& choosing, std::int32_t row) {
  if (choosing.temperature == 0) return {};
  const std::int32_t block = blocks.first + b;
  return Noise(draw_of(rows, choosing.seed, row)).block(block, ids_in_block(block, blocks.vocabulary));
}

/// The choice of a whole warp in held block `b` of a row, whose logits lie at `logits`, one after another.
__device__ inline void choose_in_block(const float* logits, const BlockRange& blocks, std::int32_t b,
                                       const ChoiceRows& rows, std::int32_t row, const Choosing& choosing,
                                       const BlockNoise& of_block, BlockChoice* out /* [R, blocks.count] */) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % kLanes);
  const std::int32_t count = ids_in_block(blocks.first + b, blocks.vocabulary);
  const float low = lane < count ? logits[lane] : kMinusInfinity;
  const float high = lane + kLanes < count ? logits[lane + kLanes] : kMinusInfinity;
  const BlockRule rule{choosing.temperature, draw_of(rows, choosing.seed, row), of_block,
                       rows.cuts != nullptr ? rows.cuts[row] : Cut{kMinusInfinity, kNoToken},
                       rows.floors != nullptr ? rows.floors + row : nullptr};
  const BlockChoice choice = choice_of_block(low, high, (blocks.first + b) * kBlockIds, rule);
  if (lane == 0) out[static_cast<std::int64_t>(row) * blocks.count + b] = choice;
}

/// Whether the row is one to choose for, or to score.
__device__ inline bool is_active(const ChoiceRows& rows, const Targets& targets, std::int32_t row) {
  if (targets.ids != nullptr) return targets.ids[row] >= 0;
  return rows.draws == nullptr || rows.draws[row].active != 0;
}

}  // namespace wisk::device::cuda
