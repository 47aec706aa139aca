#pragma once
// What CUDA C++ has without an include, for kernels that g++ compiles: included first into their files
// (-include). The names are CUDA's, so they are reserved ones and in no namespace.

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <source_location>
#include <type_traits>

#include "grid.hpp"

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __grid_constant__
#define __forceinline__ inline

using dim3 = wisk::test::cuda_on_host::Dim3;

// Set before a thread goes on; the same for the thread whenever it looks.
inline const auto& threadIdx = wisk::test::cuda_on_host::current.thread;
inline const auto& blockIdx = wisk::test::cuda_on_host::current.block;
inline const auto& blockDim = wisk::test::cuda_on_host::current.threads;
inline const auto& gridDim = wisk::test::cuda_on_host::current.blocks;

namespace wisk::test::cuda_on_host {

/// What a shuffle moves: types of 32 and of 64 bits.
template <class T>
using WordOf = std::conditional_t<sizeof(T) == sizeof(std::uint64_t), std::uint64_t, std::uint32_t>;

/// What `lane` of the exchange gave; the own value where it is outside this lane's group of `width`.
template <class T>
T lane_value(const Exchange& exchange, int lane, int width, T own) {
  const int group = exchange.lane / width * width;
  if (lane < group || lane >= group + width) return own;
  return std::bit_cast<T>(static_cast<WordOf<T>>(value_of_lane(exchange, lane)));
}

template <class T>
Exchange give(unsigned mask, T value, const char* operation, const std::source_location& where) {
  return exchange_in_warp(mask, std::bit_cast<WordOf<T>>(value), operation, where);
}

}  // namespace wisk::test::cuda_on_host

inline void __syncthreads(std::source_location where = std::source_location::current()) {
  wisk::test::cuda_on_host::wait_for_block(where);
}

inline void __syncwarp(unsigned mask = 0xffffffffu,
                       std::source_location where = std::source_location::current()) {
  wisk::test::cuda_on_host::wait_for_warp(mask, where);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32,
              std::source_location where = std::source_location::current()) {
  const auto exchange = wisk::test::cuda_on_host::give(mask, value, "__shfl_sync", where);
  const int group = exchange.lane / width * width;
  return wisk::test::cuda_on_host::lane_value(exchange, group + (lane & (width - 1)), width, value);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32,
                  std::source_location where = std::source_location::current()) {
  const auto exchange = wisk::test::cuda_on_host::give(mask, value, "__shfl_xor_sync", where);
  return wisk::test::cuda_on_host::lane_value(exchange, exchange.lane ^ lanes, width, value);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, int lanes, int width = 32,
                   std::source_location where = std::source_location::current()) {
  const auto exchange = wisk::test::cuda_on_host::give(mask, value, "__shfl_down_sync", where);
  return wisk::test::cuda_on_host::lane_value(exchange, exchange.lane + lanes, width, value);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, int lanes, int width = 32,
                 std::source_location where = std::source_location::current()) {
  const auto exchange = wisk::test::cuda_on_host::give(mask, value, "__shfl_up_sync", where);
  return wisk::test::cuda_on_host::lane_value(exchange, exchange.lane - lanes, width, value);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              std::source_location where = std::source_location::current()) {
  const auto exchange =
      wisk::test::cuda_on_host::exchange_in_warp(mask, predicate != 0 ? 1u : 0u, "__ballot_sync", where);
  unsigned lanes = 0;
  for (int lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1u) != 0) lanes |= static_cast<unsigned>(value_of_lane(exchange, lane)) << lane;
  }
  return lanes;
}

inline int __any_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return __ballot_sync(mask, predicate, where) != 0 ? 1 : 0;
}

inline int __all_sync(unsigned mask, int predicate,
                      std::source_location where = std::source_location::current()) {
  return __ballot_sync(mask, predicate, where) == mask ? 1 : 0;
}

inline int __popc(unsigned bits) {
  return std::popcount(bits);
}

/// 1 + the number of the lowest bit that is set; 0 where none is.
inline int __ffs(int bits) {
  return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1;
}

// Atomics of integers, real ones, so that ThreadSanitizer knows them. They order no other accesses.
template <class T>
T atomicAdd(T* address, T value) {
  return std::atomic_ref(*address).fetch_add(value, std::memory_order_relaxed);
}

template <class T>
T atomicMax(T* address, T value) {
  std::atomic_ref target(*address);
  T old = target.load(std::memory_order_relaxed);
  while (old < value && !target.compare_exchange_weak(old, value, std::memory_order_relaxed)) {
  }
  return old;
}
