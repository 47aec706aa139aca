#pragma once
// Small kernels, right ones and ones with a bug, for the tests of the emulator. Grids are one-dimensional.

#include <launch.cuh>

#include <cstdint>

namespace wisk::test::planted {

constexpr unsigned kThreads = 64, kWholeWarp = 0xffffffffu;

struct Shared {
  float value[kThreads];
};

/// out[t] = t + 1 of the neighbour, through shared memory. kThreads threads.
template <bool kBarrier>
__global__ void neighbour(float* out /* [kThreads] */) {
  auto& shared = device::cuda::block_shared<Shared>();
  shared.value[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (kBarrier) __syncthreads();
  out[threadIdx.x] = shared.value[(threadIdx.x + 1) % kThreads];
}

/// The same within each warp.
template <bool kBarrier>
__global__ void neighbour_lane(float* out /* [kThreads] */) {
  auto& shared = device::cuda::block_shared<Shared>();
  shared.value[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (kBarrier) __syncwarp();
  out[threadIdx.x] = shared.value[threadIdx.x ^ 1u];
}

/// A pointer within an argument.
struct Nested {
  struct {
    int count;
    float* data;
  } array;
};

__global__ inline void writes_nested(const Nested nested) {
  nested.array.data[0] = static_cast<float>(nested.array.count);
}

/// Every block writes the same word.
__global__ inline void blocks_collide(float* out /* [1] */) {
  if (threadIdx.x == 0) out[0] = static_cast<float>(blockIdx.x);
}

/// Two barriers with work between them, twice: what one barrier orders, a later one need not.
template <bool kSecond>
__global__ void rounds(float* out /* [kThreads] */) {
  auto& shared = device::cuda::block_shared<Shared>();
  float sum = 0;
  for (int round = 0; round < 3; ++round) {
    shared.value[threadIdx.x] = static_cast<float>(round);
    __syncthreads();
    sum += shared.value[(threadIdx.x + 1) % kThreads];
    if (kSecond) __syncthreads();
  }
  out[threadIdx.x] = sum;
}

/// out[i] = i for i < count; kExtra more than there are.
template <int kExtra>
__global__ void fill(float* out, int count) {
  const int i = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (i < count + kExtra) out[i] = static_cast<float>(i);
}

template <int kExtra>
__global__ void fill_shared(float* out) {
  auto& shared = device::cuda::block_shared<Shared>();
  float* values = shared.value;
  values[threadIdx.x + kExtra] = 1;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

__global__ inline void misaligned(const float* x, float* out) {
  struct alignas(16) Vector {
    float value[4];
  };
  const auto vector = *reinterpret_cast<const Vector*>(x + 1);
  out[0] = vector.value[0];
}

__global__ inline void two_barriers(float* /*out*/) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ inline void leaves_before_barrier(float* /*out*/) {
  if (threadIdx.x == 5) return;
  __syncthreads();
}

__global__ inline void half_a_warp_shuffles(float* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_xor_sync(kWholeWarp, 1.0f, 1);
}

__global__ inline void lane_outside_mask(float* out) {
  out[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, 1.0f, 1);
}

__global__ inline void reads_absent_lane(float* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.0f, 20);
}

/// Sums over each warp by every kind of shuffle and vote; out[t] has what each gave.
__global__ inline void exchanges(float* out /* [kThreads, 6] */) {
  const unsigned lane = threadIdx.x % 32;
  const auto own = static_cast<float>(threadIdx.x);
  float* mine = out + 6 * threadIdx.x;
  mine[0] = __shfl_sync(kWholeWarp, own, 3);
  mine[1] = __shfl_xor_sync(kWholeWarp, own, 4);
  mine[2] = __shfl_down_sync(kWholeWarp, own, 2, 8);
  mine[3] = __shfl_up_sync(kWholeWarp, own, 1);
  mine[4] = static_cast<float>(__ballot_sync(kWholeWarp, lane < 5 ? 1 : 0));
  // Two halves of a warp on their own ways, each with its own barrier.
  if (lane < 16) {
    mine[5] = __shfl_xor_sync(0x0000ffffu, own, 1);
    __syncwarp(0x0000ffffu);
  } else {
    __syncwarp(0xffff0000u);
    mine[5] = __all_sync(0xffff0000u, 1) != 0 && __any_sync(0xffff0000u, 0) == 0 ? -1.0f : -2.0f;
  }
}

}  // namespace wisk::test::planted
