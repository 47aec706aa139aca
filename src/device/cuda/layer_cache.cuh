#pragma once
// One layer of a KvCache as kernels see it.

#include <cstddef>
#include <cstdint>

#include <wisk/device/kv_cache.hpp>

#include "step.hpp"

namespace wisk::device::cuda {

/// As KvCache, of one layer. Owns nothing.
struct LayerCache {
  std::byte* first;        // keys of page 0, head 0
  std::size_t page_bytes;  // from one page to the next
  std::size_t half_bytes;  // from the keys of a head to its values; twice that to the next head

  [[nodiscard]] __host__ __device__ std::byte* keys(std::int32_t page, int head) const {
    return first + static_cast<std::size_t>(page) * page_bytes +
           2 * half_bytes * static_cast<std::size_t>(head);
  }
};

inline LayerCache layer_of(const KvCache& cache, int layer) {
  return {cache.keys(0, layer, 0), cache.page_bytes(), cache.half_bytes()};
}

/// The page of block `block` of the token's sequence.
__device__ inline std::int32_t page_of(const Step& step, std::int32_t page_row, int block) {
  return step.pages[page_row + block];
}

}  // namespace wisk::device::cuda
