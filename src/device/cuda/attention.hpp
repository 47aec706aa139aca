#pragma once
// Attention over the pages of a KvCache.

#include <launch.cuh>

#include <cstddef>
#include <cstdint>

#include <wisk/device/device.hpp>
#include <wisk/device/kv_cache.hpp>

#include "step.hpp"

namespace wisk::device::cuda {

inline constexpr int kMostHeadDim = 256;

/// As Device::attention: the same order of sums for prefill and decode, so no result depends on which it is,
/// or on the other tokens. q and out are in the cache's dtype: bf16 is computed with tensor cores, f32 is
/// the reference mode. Of padding, out is zero. All is device memory, q and out aligned to 16 bytes; out is
/// not q. D is even, at most kMostHeadDim.
void attention(const std::byte* q /* [T, H, D] */, const AttentionShape& shape, int layer, const Step& step,
               const KvCache& cache, std::byte* out /* [T, H, D] */, Stream stream);

/// The same for a cache of f32.
void attention_f32(const float* q /* [T, H, D] */, const AttentionShape& shape, int layer, const Step& step,
                   const KvCache& cache, float* out /* [T, H, D] */, Stream stream);

/// How attention of bf16 is cut into thread blocks. No result depends on it.
struct AttentionCut {
  int together;  ///< tokens that a warp takes, at most most_together(shape)
  int warps;     ///< of a block: 1, or kAttentionWarps, which share the pages that all of them see
};
inline constexpr int kAttentionWarps = 4;

/// Tokens whose heads of one key/value head fill the eight rows of a warp; 1 where they are more.
int most_together(const AttentionShape& shape);
/// Fewer tokens a warp, and then fewer warps a block, where there are too few tokens to fill a GPU.
AttentionCut usual_cut(const AttentionShape& shape, int tokens);

/// The same for a cache of bf16.
void attention_bf16(const std::uint32_t* q /* [T, H, D/2], pairs */, const AttentionShape& shape, int layer,
                    const Step& step, const KvCache& cache, const AttentionCut& cut,
                    std::uint32_t* out /* [T, H, D/2], pairs */, Stream stream);

}  // namespace wisk::device::cuda
