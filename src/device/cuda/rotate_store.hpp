#pragma once
// What comes between the products of q, k, v and attention.

#include <launch.cuh>

#include <cstddef>
#include <cstdint>

#include <wisk/device/kv_cache.hpp>

#include "step.hpp"

namespace wisk::device::cuda {

/// A part of the products' result: heads of each token side by side. Owns nothing.
struct HeadRows {
  const float* data;    // [T, heads, D]
  std::int64_t stride;  // elements from one token to the next
};

/// Device::rope on q and k by the angles of each token's position, then Device::store_kv, and the CPU's bits:
/// q_out[t, h, :] = rotated q, in the cache's dtype; rotated k and v go to the token's page. Of padding,
/// zeros go to q_out and nothing to the cache. All is device memory, q_out none of the inputs; bf16 or f32.
void rotate_store(const HeadRows& q /* [T, H, D] */, const HeadRows& k /* [T, G, D] */,
                  const HeadRows& v /* [T, G, D] */, int heads /* H */,
                  const float* angles /* [positions, 2, D/2]: cos, sin */, int layer, const Step& step,
                  const KvCache& cache, std::byte* q_out /* [T, H, D] */, Stream stream);

}  // namespace wisk::device::cuda
