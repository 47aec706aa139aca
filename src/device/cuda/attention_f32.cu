// Attention in f32 without tensor cores: the reference mode, the CPU's bits. Compiled with denormals as zero.

#include <cmath>
#include <limits>

#include <wisk/core/assert.hpp>

#include "attention.hpp"
#include "cpu/elementwise.hpp"
#include "layer_cache.cuh"
#include "scalar_lane.cuh"
#include "seen_keys.cuh"
#include "warp.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr int kPanel = static_cast<int>(PackedMatrix::kPanel), kChains = 8;
constexpr float kUnseen = -std::numeric_limits<float>::infinity();

struct Work {
  const float* q;  // [T, H, D]
  AttentionShape shape;
  LayerCache cache;
  Step step;
  float* out;  // [T, H, D]
};

/// The lane's key of the block against the query: one chain over D, the odd one of a pair first.
__device__ float score_of(const float* keys /* [2, D, kPanel] */, const float* query /* [D] */, int dim,
                          int lane) {
  const float* key = keys + lane / kPanel * dim * kPanel + lane % kPanel;
  float score = 0;
  for (int d = 0; d < dim; d += 2) {
    score = fmaf(query[d + 1], key[(d + 1) * kPanel], score);
    score = fmaf(query[d], key[d * kPanel], score);
  }
  return score;
}

/// Eight chains over the lanes, lane j in chain j mod 8, then their tree; for all lanes.
__device__ float sum_of_warp(float x) {
  float chain = x;  // of the last eight lanes: all four terms in their order
  for (int term = 1; term < kLanes / kChains; ++term) chain = __shfl_up_sync(kWholeWarp, chain, kChains) + x;
  for (int apart = kChains / 2; apart > 0; apart /= 2) chain += __shfl_xor_sync(kWholeWarp, chain, apart);
  return __shfl_sync(kWholeWarp, chain, kLanes - 1);
}

/// sum_j p_j v_j over keys [0, last], p_j being lane j's, for the value at `value`, of which the next key's
/// is kPanel floats away.
__device__ float weighted_sum(const float* value, float p, int last) {
  float sum = 0;
  for (int j = 0; j <= last; j += 2) {
    const float even = __shfl_sync(kWholeWarp, p, j), odd = __shfl_sync(kWholeWarp, p, j + 1);
    if (j < last) sum = fmaf(odd, value[(j + 1) * kPanel], sum);
    sum = fmaf(even, value[j * kPanel], sum);
  }
  return sum;
}

/// Warp w of the grid (one-dimensional): head w % H of token w / H. Lanes are a block's keys for the scores,
/// dimensions (lane, lane + 32, ...) for the result.
__global__ void __launch_bounds__(kThreads) attention_f32_kernel(const Work work) {
  constexpr int kEach = kMostHeadDim / kLanes;
  const AttentionShape& shape = work.shape;
  const auto warp = static_cast<int>((blockIdx.x * kThreads + threadIdx.x) / kLanes);
  const int lane = static_cast<int>(threadIdx.x) % kLanes, dim = shape.head_dim;
  const int token = warp / shape.heads, head = warp % shape.heads;
  if (token >= work.step.tokens) return;
  const std::int32_t position = work.step.positions[token], page_row = work.step.page_rows[token];
  const Blocks blocks = seen_blocks(position, shape.window);
  const std::int64_t row = static_cast<std::int64_t>(warp) * dim;
  float sums[kEach] = {}, maximum = kUnseen, denominator = 0;
  for (int block = blocks.begin; block < blocks.end; ++block) {
    const SeenKeys seen = seen_keys(position, block, shape.window);
    const std::byte* page =
        work.cache.keys(page_of(work.step, page_row, block), head / (shape.heads / shape.kv_heads));
    const auto* values = reinterpret_cast<const float*>(page + work.cache.half_bytes);
    float score = score_of(reinterpret_cast<const float*>(page), work.q + row, dim, lane) * shape.scale;
    if (shape.softcap != 0) score = shape.softcap * tanh_lanes<ScalarLane>(score / shape.softcap);
    if (lane < seen.first || lane > seen.last) score = kUnseen;
    const float largest = tree_of_warp(ScalarLane::max(score, maximum),
                                       [](float own, float other) { return ScalarLane::max(other, own); });
    const float p = exp_lanes<ScalarLane>(score - largest);
    const float rescale = exp_lanes<ScalarLane>(maximum - largest);
    denominator = denominator * rescale + sum_of_warp(p);
    maximum = largest;
    for (int i = 0; i < kEach; ++i) {
      const int d = i * kLanes + lane;
      if (i * kLanes >= dim) continue;
      const int own = d < dim ? d : 0;  // the others only take part in the exchange
      const float* value = values + own / kPanel * kPageTokens * kPanel + own % kPanel;
      sums[i] = sums[i] * rescale + weighted_sum(value, p, seen.last);
    }
  }
  for (int i = 0; i < kEach; ++i) {
    const int d = i * kLanes + lane;
    // Adding +0 makes a zero positive: its sign could depend on what an unseen key's slot holds.
    if (d < dim) work.out[row + d] = position < 0 ? 0.0f : sums[i] / denominator + 0.0f;
  }
}

}  // namespace

void attention_f32(const float* q, const AttentionShape& shape, int layer, const Step& step,
                   const KvCache& cache, float* out, Stream stream) {
  WISK_ASSERT(cache.dtype == DType::kFloat32 && cache.head_dim == shape.head_dim);
  WISK_ASSERT(shape.head_dim % 2 == 0 && shape.head_dim <= kMostHeadDim && step.tokens >= 0);
  const std::int64_t threads = static_cast<std::int64_t>(step.tokens) * shape.heads * kLanes;
  WISK_ASSERT(threads <= 0x7fffffff - std::int64_t{kThreads});
  launch<NoShared>(attention_f32_kernel, static_cast<unsigned>((threads + kThreads - 1) / kThreads), kThreads,
                   stream, Work{q, shape, layer_of(cache, layer), step, out});
}

}  // namespace wisk::device::cuda
