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
  return tree_of_warp(value, [](float own, float other) { return other > own ? other : own; });
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

/// How the best id of a block is found: the same for all blocks of a row.
struct RowRule {
  double temperature;  // 0: the largest logit
  Draw draw;
  Cut cut;
  Floor* floor;  // or nullptr

  __device__ RowRule(const ChoiceRows& rows, const Choosing& choosing, std::int32_t row)
      : temperature(choosing.temperature),
        draw(draw_of(rows, choosing.seed, row)),
        cut(rows.cuts != nullptr ? rows.cuts[row] : Cut{kMinusInfinity, kNoToken}),
        floor(rows.floors != nullptr ? rows.floors + row : nullptr) {}

  __device__ double scaled(float logit) const {
    const auto wide = static_cast<double>(logit);
    return temperature == 1 ? wide : wide / temperature;  // the same bits, at a tenth of the cost
  }
  /// Whether the id may be chosen at all. -inf never is.
  __device__ bool keeps(float logit, std::int32_t id) const {
    return logit > cut.logit || (logit == cut.logit && id <= cut.last && logit > kMinusInfinity);
  }
};

/// What one thread finds out of a block before a warp looks at it: the largest noise, and the best score
/// known in the row, the score of that noise's holder among them. Threads do this for many blocks side by
/// side: the way to the floor and back takes as long as a warp needs for a block.
struct BlockStart {
  BlockNoise noise;
  double floor = kLowestScore;
};

/// `logit(i)`: of the block's i-th id. Nothing where T = 0.
template <class Logit>
__device__ BlockStart start_of_block(const Logit& logit, const BlockRange& blocks, std::int32_t b,
                                     const RowRule& rule) {
  BlockStart start;
  if (rule.temperature == 0) return start;
  const std::int32_t block = blocks.first + b;
  start.noise = Noise(rule.draw).block(block, ids_in_block(block, blocks.vocabulary));
  const std::int32_t holder = start.noise.holder;
  const float of_holder = logit(holder - block * kBlockIds);
  if (rule.keeps(of_holder, holder)) start.floor = rule.scaled(of_holder) + start.noise.maximum;
  if (rule.floor == nullptr) return start;
  const double known = score_of(atomicMax(rule.floor, floor_of(start.floor)));
  if (known > start.floor) start.floor = known;
  return start;
}

/// The best of logit / T + noise. Lane l has the logits of ids first + l and first + l + 32. The score of the
/// holder of the block's maximum is known; of the others only those are drawn that may be better than the
/// best known.
__device__ inline Candidate noisy_best(const float (&logits)[2], std::int32_t first, const RowRule& rule,
                                       const BlockStart& start) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % kLanes);
  Candidate best;
  for (int half = 0; half < 2; ++half) {
    const std::int32_t id = first + lane + kLanes * half;
    if (!rule.keeps(logits[half], id)) continue;
    const double scaled = rule.scaled(logits[half]);
    if (id == start.noise.holder) {
      best = better(best, {scaled + start.noise.maximum, id});
    } else if (!(scaled + start.noise.maximum < start.floor)) {
      // Addition is monotone, and no Gumbel is above the maximum: a bound in floating point too.
      best = better(best, {scaled + Noise(rule.draw).gumbel(id, start.noise), id});
    }
  }
  best = best_of_warp(best);
  if (rule.floor != nullptr && lane == 0 && best.score > start.floor)
    atomicMax(rule.floor, floor_of(best.score));
  return best;
}

__device__ inline Candidate largest_logit(const float (&logits)[2], std::int32_t first) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % kLanes);
  return best_of_warp(better({static_cast<double>(logits[0]), first + lane},
                             {static_cast<double>(logits[1]), first + lane + kLanes}));
}

/// A block's choice, in all lanes of the warp. Lane l gives the logits of ids first + l and first + l +
/// 32 as they are, -inf where there is no such id.
__device__ inline BlockChoice choice_of_block(float low, float high, std::int32_t first, const RowRule& rule,
                                              const BlockStart& start) {
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
      rule.temperature == 0 ? largest_logit(logits, first) : noisy_best(logits, first, rule, start);
  choice.score = best.score;
  choice.token = best.token;
  const int at = (best.token - first) % (2 * kLanes);
  const float of_low = __shfl_sync(kWholeWarp, logits[0], at % kLanes);
  const float of_high = __shfl_sync(kWholeWarp, logits[1], at % kLanes);
  choice.logit = best.token == kNoToken ? kMinusInfinity : (at < kLanes ? of_low : of_high);
  return choice;
}

/// The choice of a whole warp in held block `b` of a row. `logit(i)`: of the block's i-th id.
template <class Logit>
__device__ void choose_in_block(const Logit& logit, const BlockRange& blocks, std::int32_t b,
                                std::int32_t row, const RowRule& rule, const BlockStart& start,
                                BlockChoice* out /* [R, blocks.count] */) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % kLanes);
  const std::int32_t count = ids_in_block(blocks.first + b, blocks.vocabulary);
  const float low = lane < count ? logit(lane) : kMinusInfinity;
  const float high = lane + kLanes < count ? logit(lane + kLanes) : kMinusInfinity;
  const BlockChoice choice = choice_of_block(low, high, (blocks.first + b) * kBlockIds, rule, start);
  if (lane == 0) out[static_cast<std::int64_t>(row) * blocks.count + b] = choice;
}

/// Whether the row is one to choose for, or to score.
__device__ inline bool is_active(const ChoiceRows& rows, const Targets& targets, std::int32_t row) {
  if (targets.ids != nullptr) return targets.ids[row] >= 0;
  return rows.draws == nullptr || rows.draws[row].active != 0;
}

}  // namespace wisk::device::cuda
