#pragma once
// Which keys a token sees.

#include <cstdint>

#include <wisk/device/kv_cache.hpp>

namespace wisk::device::cuda {

/// Blocks [begin, end): those that hold a key which the token sees. None for padding.
struct Blocks {
  int begin, end;
};

__device__ inline Blocks seen_blocks(std::int32_t position, int window) {
  if (position < 0) return {0, 0};
  const int earliest = window == 0 || position < window ? 0 : position - window + 1;
  return {earliest / kPageTokens, position / kPageTokens + 1};
}

/// Keys [first, last] of a block; last < first where the token sees none.
struct SeenKeys {
  int first, last;
  [[nodiscard]] __device__ bool any() const { return first <= last; }
};

__device__ inline SeenKeys seen_keys(std::int32_t position, int block, int window) {
  const int begin = block * kPageTokens, last = position - begin;
  const int first = window == 0 ? 0 : last - window + 1;
  return {first < 0 ? 0 : first, last < kPageTokens - 1 ? last : kPageTokens - 1};
}

}  // namespace wisk::device::cuda
