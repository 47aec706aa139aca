// RMSNorm: one block a row. The sum of squares is the CPU's: sixteen chains (element i in chain i mod 16),
// added as the tree of docs/numerics.md. Compiled with denormals as zero.

#include <cmath>

#include <wisk/core/assert.hpp>

#include "convert.cuh"
#include "kernels.hpp"
#include "vectors.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 128, kChains = 16, kWholeWarp = 0xffffffffu;
constexpr std::int64_t kStretch =
    2048;  // elements of a row in shared memory at a time, a multiple of kChains

struct Shared {
  Floats x[kStretch / 4];
  float scale;
};

/// x[0, count) of a row to shared memory.
__device__ void stage(const float* x, std::int64_t count, bool vectors, Shared& shared) {
  float* staged = &shared.x[0].value[0];
  const std::int64_t whole = vectors ? count / 4 : 0;
  for (std::int64_t i = threadIdx.x; i < whole; i += kThreads) {
    shared.x[i] = reinterpret_cast<const Floats*>(x)[i];
  }
  for (std::int64_t i = 4 * whole + threadIdx.x; i < count; i += kThreads) staged[i] = x[i];
}

/// Block b normalises row b; kThreads threads. `vectors`: every row of x begins at a multiple of 16 bytes.
__global__ void __launch_bounds__(kThreads)
    rms_norm_kernel(const float* x /* [rows, width] */, const float* weight /* [width] */, float eps,
                    std::int64_t width, bool vectors, bool to_bf16, float* out /* [rows, width] */) {
  auto& shared = block_shared<Shared>();
  const float* staged = &shared.x[0].value[0];
  const float* row = x + blockIdx.x * width;
  float chain = 0;
  for (std::int64_t begin = 0; begin < width; begin += kStretch) {
    const std::int64_t count = width - begin < kStretch ? width - begin : kStretch;
    stage(row + begin, count, vectors, shared);
    __syncthreads();
    if (threadIdx.x < kChains) {
      for (std::int64_t i = threadIdx.x; i < count; i += kChains) chain = fmaf(staged[i], staged[i], chain);
    }
    __syncthreads();
  }
  if (threadIdx.x < 32) {
    for (int apart = kChains / 2; apart > 0; apart /= 2) chain += __shfl_xor_sync(kWholeWarp, chain, apart);
    if (threadIdx.x == 0) shared.scale = 1.0f / sqrtf(chain / static_cast<float>(width) + eps);
  }
  __syncthreads();
  const float scale = shared.scale;
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    out[blockIdx.x * width + i] = rounded_to_bf16_if(to_bf16, row[i] * scale * weight[i]);
  }
}

}  // namespace

void rms_norm(const float* x, const float* weight, float eps, std::int64_t rows, std::int64_t width,
              Compute rounding, float* out, Stream stream) {
  WISK_ASSERT(rows >= 0 && rows <= 0x7fffffff && width > 0);
  const bool vectors = takes_vectors(x) && width % 4 == 0;
  launch<Shared>(rms_norm_kernel, static_cast<unsigned>(rows), kThreads, stream, x, weight, eps, width,
                 vectors, rounding == Compute::kBFloat16, out);
}

}  // namespace wisk::device::cuda
