// The choice in blocks (logits in memory), parts and rows. Compiled with denormals kept, as the CPU's
// chooser.

#include <cstdint>
#include <limits>

#include <wisk/core/assert.hpp>
#include <wisk/core/math.hpp>
#include <wisk/core/noise.hpp>

#include "choose.hpp"
#include "choose_block.cuh"
#include "warp.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 256, kWarps = kThreads / kLanes;
constexpr std::int32_t kBlocksOfGroup = 32;  // a thread block's: one lane begins with each

struct Shared {
  BlockStart start[kBlocksOfGroup];
};

/// Thread block g + groups * row chooses in kBlocksOfGroup blocks of ids of that row, from block
/// kBlocksOfGroup * g of the held ones; its warps take them in turn. kThreads threads.
__global__ void __launch_bounds__(kThreads)
    blocks_kernel(const float* logits /* [R, stride] */, std::int64_t stride, const BlockRange blocks,
                  const ChoiceRows rows, const Choosing choosing, BlockChoice* out /* [R, blocks.count] */) {
  auto& shared = block_shared<Shared>();
  const std::int32_t groups = (blocks.count + kBlocksOfGroup - 1) / kBlocksOfGroup;
  const auto row = static_cast<std::int32_t>(blockIdx.x) / groups;
  const std::int32_t begin = static_cast<std::int32_t>(blockIdx.x) % groups * kBlocksOfGroup;
  const std::int32_t end = begin + kBlocksOfGroup < blocks.count ? begin + kBlocksOfGroup : blocks.count;
  const bool active = is_active(rows, {}, row);
  const RowRule rule(rows, choosing, row);
  const auto logits_of = [&](std::int32_t b) {
    const float* of_block = logits + row * stride + static_cast<std::int64_t>(b) * kBlockIds;
    return [of_block](std::int32_t i) { return of_block[i]; };
  };
  const auto mine = begin + static_cast<std::int32_t>(threadIdx.x);
  if (active && mine < end) shared.start[threadIdx.x] = start_of_block(logits_of(mine), blocks, mine, rule);
  __syncthreads();
  const auto warp = static_cast<std::int32_t>(threadIdx.x / kLanes);
  for (std::int32_t b = begin + warp; active && b < end; b += kWarps)
    choose_in_block(logits_of(b), blocks, b, row, rule, shared.start[b - begin], out);
}

/// What a warp keeps of `choice`, another block of its part; all but the sum.
__device__ void take(const BlockChoice& choice, PartChoice& part) {
  if (better({part.score, part.token}, {choice.score, choice.token}).token != part.token) {
    part.score = choice.score;
    part.token = choice.token;
    part.logit = choice.logit;
  }
  part.largest = choice.largest > part.largest ? choice.largest : part.largest;
  part.nan += choice.nan;
  part.infinite += choice.infinite;
}

/// Combines the lanes' parts into lane 0's; all but the sum.
__device__ void combine_lanes(PartChoice& part) {
  const Candidate best = best_of_warp({part.score, part.token});
  // Ids are in one lane each, but none at all may be in all.
  const unsigned holders = __ballot_sync(kWholeWarp, part.token == best.token);
  part.logit = __shfl_sync(kWholeWarp, part.logit, __ffs(static_cast<int>(holders)) - 1);
  part.score = best.score;
  part.token = best.token;
  part.largest = largest_of_warp(part.largest);
  part.nan = tree_sum_of_warp(part.nan);
  part.infinite = tree_sum_of_warp(part.infinite);
}

/// Warp p * R + row of the grid combines part p of that row. Sums: lane l adds blocks l, l + 32, ... of the
/// part, then lanes i and i + 16 are added, i and i + 8, ...
__global__ void __launch_bounds__(kThreads)
    parts_kernel(const BlockChoice* blocks /* [R, blocks_of_row] */, std::int32_t blocks_of_row,
                 const VocabularyParts parts, const ChoiceRows rows, const Targets targets,
                 PartChoice* out /* [parts, R] */) {
  const auto index = static_cast<std::int32_t>(blockIdx.x * kWarps + threadIdx.x / kLanes);
  const auto lane = static_cast<std::int32_t>(threadIdx.x % kLanes);
  if (index >= parts.count * rows.count) return;
  const std::int32_t p = index / rows.count, row = index % rows.count;
  const std::int32_t first = parts.edges[0] / kBlockIds;
  const std::int32_t begin = parts.edges[p] / kBlockIds - first;
  const std::int32_t end = block_count(parts.edges[p + 1]) - first;
  PartChoice part{kLowestScore, 0, kNoToken, kMinusInfinity, kMinusInfinity, 0, 0, 0};
  if (is_active(rows, targets, row)) {
    const BlockChoice* of_row = blocks + static_cast<std::int64_t>(row) * blocks_of_row;
    for (std::int32_t b = begin + lane; b < end; b += kLanes) take(of_row[b], part);
    combine_lanes(part);
    for (std::int32_t b = begin + lane; b < end; b += kLanes) {
      if (!(of_row[b].largest > kMinusInfinity)) continue;
      const double below = static_cast<double>(of_row[b].largest) - static_cast<double>(part.largest);
      part.sum += static_cast<double>(of_row[b].sum) * math::exp(below);
    }
    part.sum = tree_sum_of_warp(part.sum);
    const std::int32_t target = targets.ids != nullptr ? targets.ids[row] : -1;
    if (target >= parts.edges[p] && target < parts.edges[p + 1]) {
      part.has_target = 1;
      part.logit = targets.logits[row * targets.stride + (target - parts.edges[0])];
    }
  }
  if (lane == 0) out[index] = part;
}

/// Thread `row` of the grid combines the row's parts, in their order.
__global__ void __launch_bounds__(kThreads)
    rows_kernel(const PartChoice* choices /* [parts, R] */, int parts, const ChoiceRows rows,
                const Targets targets, RowChoice* out /* [R] */) {
  const auto row = static_cast<std::int32_t>(blockIdx.x * kThreads + threadIdx.x);
  if (row >= rows.count) return;
  if (rows.floors != nullptr) rows.floors[row] = 0;
  RowChoice result;
  if (is_active(rows, targets, row)) {
    Candidate best;
    float largest = kMinusInfinity, logit = kMinusInfinity;
    for (int p = 0; p < parts; ++p) {
      const PartChoice& part = choices[p * rows.count + row];
      const bool wins = better(best, {part.score, part.token}).token != best.token;
      if (wins) best = {part.score, part.token};
      if (targets.ids != nullptr ? part.has_target != 0 : wins) logit = part.logit;
      largest = part.largest > largest ? part.largest : largest;
      result.nan += part.nan;
      result.infinite += part.infinite;
    }
    double total = 0;
    for (int p = 0; p < parts; ++p) {
      const PartChoice& part = choices[p * rows.count + row];
      if (!(part.largest > kMinusInfinity)) continue;
      total += part.sum * math::exp(static_cast<double>(part.largest) - static_cast<double>(largest));
    }
    result.broken = largest > kMinusInfinity && largest < -kMinusInfinity ? 0 : 1;
    result.token = result.broken != 0 ? 0 : best.token;
    result.logprob = result.broken != 0 ? std::numeric_limits<float>::quiet_NaN()
                                        : static_cast<float>(static_cast<double>(logit) -
                                                             static_cast<double>(largest) - math::log(total));
  }
  out[row] = result;
}

void check(const VocabularyParts& parts) {
  WISK_ASSERT(parts.count >= 1 && parts.count <= kMostVocabularyParts && parts.edges[0] >= 0);
  for (int p = 0; p < parts.count; ++p) {
    WISK_ASSERT(parts.edges[p] % kBlockIds == 0 && parts.edges[p] <= parts.edges[p + 1]);
  }
  const std::int32_t end = parts.edges[parts.count];
  WISK_ASSERT(end == parts.vocabulary || (end < parts.vocabulary && end % kBlockIds == 0));
}

unsigned groups_of(std::int64_t count, std::int64_t of_group) {
  const std::int64_t groups = (count + of_group - 1) / of_group;
  WISK_ASSERT(count >= 0 && groups <= 0x7fffffff);
  return static_cast<unsigned>(groups);
}

}  // namespace

void choose_in_blocks(const float* logits, std::int64_t stride, const VocabularyParts& parts,
                      const ChoiceRows& rows, const Choosing& choosing, BlockChoice* blocks, Stream stream) {
  check(parts);
  WISK_ASSERT(rows.draws != nullptr || choosing.temperature == 0);
  const std::int64_t groups = groups_of(parts.blocks().count, kBlocksOfGroup);
  launch_with_denormals<Shared>(blocks_kernel, groups_of(groups * rows.count, 1), kThreads, stream, logits,
                                stride, parts.blocks(), rows, choosing, blocks);
}

void choose_in_parts(const BlockChoice* blocks, const VocabularyParts& parts, const ChoiceRows& rows,
                     const Targets& targets, PartChoice* choices, Stream stream) {
  check(parts);
  launch_with_denormals<NoShared>(parts_kernel, groups_of(std::int64_t{parts.count} * rows.count, kWarps),
                                  kThreads, stream, blocks, parts.blocks().count, parts, rows, targets,
                                  choices);
}

void choose_in_rows(const PartChoice* choices, int parts, const ChoiceRows& rows, const Targets& targets,
                    RowChoice* result, Stream stream) {
  WISK_ASSERT(parts >= 1 && parts <= kMostVocabularyParts);
  launch_with_denormals<NoShared>(rows_kernel, groups_of(rows.count, kThreads), kThreads, stream, choices,
                                  parts, rows, targets, result);
}

}  // namespace wisk::device::cuda
