#pragma once
// What the lanes of a whole warp find together. Its shuffles take 32 and 64 bits alike.

namespace wisk::device::cuda {

inline constexpr unsigned kWholeWarp = 0xffffffffu;
inline constexpr int kLanes = 32;

/// The sum over the warp, in all lanes: lanes i and i + 16 first, then i and i + 8, down to neighbours.
template <class T>
__device__ T tree_sum_of_warp(T value) {
  for (int apart = kLanes / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(kWholeWarp, value, apart);
  return value;
}

}  // namespace wisk::device::cuda
