#pragma once
// What the lanes of a whole warp find together. Its shuffles take 32 and 64 bits alike.

namespace wisk::device::cuda {

inline constexpr unsigned kWholeWarp = 0xffffffffu;
inline constexpr int kLanes = 32;

/// What combine(own, other) makes of the lanes' values, in all lanes: lanes i and i + 16 first, then i and i
/// + 8, down to neighbours. Commutative, or lanes differ.
template <class T, class Combine>
__device__ T tree_of_warp(T value, const Combine& combine) {
  for (int apart = kLanes / 2; apart > 0; apart /= 2)
    value = combine(value, __shfl_xor_sync(kWholeWarp, value, apart));
  return value;
}

template <class T>
__device__ T tree_sum_of_warp(T value) {
  return tree_of_warp(value, [](T own, T other) { return own + other; });
}

}  // namespace wisk::device::cuda
