// cap * tanh(x / cap), four elements a thread; tanh is the CPU's own template. Compiled with denormals as
// zero.
#include "softcap.hpp"

#include <launch.cuh>

#include <wisk/core/assert.hpp>

#include "cpu/elementwise.hpp"
#include "scalar_lane.cuh"
#include "vectors.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kPack = 4;

__device__ float capped(float x, float cap) {
  return cap * tanh_lanes<ScalarLane>(x / cap);
}

/// Thread t of the grid (one-dimensional): elements [kPack t, kPack t + kPack), those below `count`.
/// `vectors`: x begins at a multiple of 16 bytes.
__global__ void __launch_bounds__(kThreads)
    softcap_kernel(float* x /* [count] */, std::int64_t count, float cap, bool vectors) {
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kPack;
  if (vectors && first + kPack <= count) {
    auto& four = *reinterpret_cast<Floats*>(x + first);
    Floats values = four;
    for (float& value : values.value) value = capped(value, cap);
    four = values;
    return;
  }
  for (std::int64_t i = first; i < first + kPack && i < count; ++i) x[i] = capped(x[i], cap);
}

}  // namespace

void softcap(float* x, std::int64_t count, float cap, Stream stream) {
  constexpr std::int64_t kOfBlock = static_cast<std::int64_t>(kThreads) * kPack;
  const std::int64_t blocks = (count + kOfBlock - 1) / kOfBlock;
  WISK_ASSERT(count >= 0 && blocks <= 0x7fffffff);
  launch<NoShared>(softcap_kernel, static_cast<unsigned>(blocks), kThreads, stream, x, count, cap,
                   takes_vectors(x));
}

}  // namespace wisk::device::cuda
