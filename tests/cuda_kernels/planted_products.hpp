#pragma once
// A small product through cp.async, ldmatrix and mma, right or with a bug, for the tests of the emulator.

#include <launch.cuh>
#include <ptx.cuh>

#include <cstdint>

namespace wisk::test::planted {

/// What is wrong with a product.
enum class Flaw {
  kNone,
  kWaitTooWeak,         // the stage that is read may not have landed
  kNoBarrierAfterWait,  // another thread's copies may not have landed
  kNoBarrierAtEnd,      // a stage is overwritten while another warp reads it
  kNeverCommitted,
  kWrongLane,   // ldmatrix gets the rows of the halves exchanged
  kNoSwizzle,   // right, but with bank conflicts
  kMisaligned,  // a source address that is not a multiple of 16
  kHalfAWarp,   // lanes that do not take part in ldmatrix
};

constexpr int kStages = 2, kProductK = 96, kRows = 16;
constexpr unsigned kProductThreads = 64;

struct ProductShared {
  // Of each stage 16 rows of 16 k each of a and of b: two units of 16 bytes a row.
  device::cuda::Words a[kStages][2 * kRows], b[kStages][2 * kRows];
};

template <Flaw kFlaw>
__device__ int unit_of(int row, int half) {
  return 2 * row + (kFlaw == Flaw::kNoSwizzle ? half : half ^ (row >> 2 & 1));
}

/// Begins to copy 16 columns from k on: threads [0, 32) those of a, [32, 64) those of b.
template <Flaw kFlaw>
__device__ void copy_stage(const std::uint16_t* a, const std::uint16_t* b, int k, ProductShared& shared) {
  const int thread = static_cast<int>(threadIdx.x), row = thread % 32 / 2, half = thread % 2;
  const int stage = k / 16 % kStages, unit = unit_of<kFlaw>(row, half);
  const std::uint16_t* from = (thread < 32 ? a : b) + row * kProductK + k + 8 * half;
  device::cuda::cp_async_16(thread < 32 ? &shared.a[stage][unit] : &shared.b[stage][unit],
                            from + (kFlaw == Flaw::kMisaligned ? 1 : 0), k < kProductK);
  if (kFlaw != Flaw::kNeverCommitted) device::cuda::cp_async_commit();
}

/// out = a b^T. One block; warp w makes columns [8w, 8w + 8). Rows begin at multiples of 16 bytes.
template <Flaw kFlaw>
__global__ void product(const std::uint16_t* a /* [16, kProductK], bf16 */,
                        const std::uint16_t* b /* [16, kProductK], bf16 */, float* out /* [16, 16] */) {
  auto& shared = device::cuda::block_shared<ProductShared>();
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  float c[4] = {0, 0, 0, 0};
  copy_stage<kFlaw>(a, b, 0, shared);
  for (int k = 0; k < kProductK; k += 16) {
    copy_stage<kFlaw>(a, b, k + 16, shared);
    device::cuda::cp_async_wait<kFlaw == Flaw::kWaitTooWeak ? 2 : 1>();
    if (kFlaw != Flaw::kNoBarrierAfterWait) __syncthreads();
    const int from = kFlaw == Flaw::kWrongLane ? lane ^ 8 : lane;
    const int unit = unit_of<kFlaw>(from % 16, from / 16);
    std::uint32_t a_words[4], b_words[4];
    if (kFlaw != Flaw::kHalfAWarp || lane < 16)
      device::cuda::ldmatrix_x4(a_words, &shared.a[k / 16 % kStages][unit]);
    device::cuda::ldmatrix_x4(b_words, &shared.b[k / 16 % kStages][unit]);
    const std::uint32_t b_fragment[2] = {b_words[warp], b_words[warp + 2]};
    device::cuda::mma_m16n8k16(c, a_words, b_fragment);
    if (kFlaw != Flaw::kNoBarrierAtEnd) __syncthreads();
  }
  for (int i = 0; i < 4; ++i) {
    out[(lane / 4 + i / 2 * 8) * 16 + 8 * warp + 2 * (lane % 4) + i % 2] = c[i];
  }
}

/// out[i] = unit `stride` i of shared memory, by load_shared_16. 32 threads, stride <= 4.
__global__ inline void strided_loads(int stride, std::uint32_t* out /* [32] */) {
  struct Shared {
    device::cuda::Words unit[128];
  };
  auto& shared = device::cuda::block_shared<Shared>();
  for (std::uint32_t i = threadIdx.x; i < 128; i += 32) shared.unit[i] = {{i, i, i, i}};
  __syncwarp();
  out[threadIdx.x] =
      device::cuda::load_shared_16(&shared.unit[static_cast<int>(threadIdx.x) * stride]).word[0];
}

/// One mma: out[0] = sum of a[p] b[p] over eight pairs, everything else zero. 32 threads.
__global__ inline void one_sum(const std::uint32_t* a /* [8] */, const std::uint32_t* b /* [8] */,
                               float* out) {
  const unsigned t = threadIdx.x;  // lanes 0 to 3 hold row 0 and column 0
  float c[4] = {0, 0, 0, 0};
  const std::uint32_t row[4] = {t < 4 ? a[t] : 0, 0, t < 4 ? a[t + 4] : 0, 0};
  const std::uint32_t column[2] = {t < 4 ? b[t] : 0, t < 4 ? b[t + 4] : 0};
  device::cuda::mma_m16n8k16(c, row, column);
  if (t == 0) out[0] = c[0];
}

}  // namespace wisk::test::planted
