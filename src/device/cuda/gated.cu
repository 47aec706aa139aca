// act(gate) * up, four elements a thread. The activations are the CPU's own templates. Compiled with
// denormals as zero.

#include <launch.cuh>

#include <wisk/core/assert.hpp>

#include "convert.cuh"
#include "cpu/gated.hpp"
#include "kernels.hpp"
#include "scalar_lane.cuh"
#include "vectors.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kPack = 4;

template <Activation kActivation>
__device__ float gated_one(float gate, float up, bool to_bf16) {
  const float active =
      kActivation == Activation::kSilu ? silu_lanes<ScalarLane>(gate) : gelu_tanh_lanes<ScalarLane>(gate);
  return rounded_to_bf16_if(to_bf16, active * up);
}

/// Thread t of the grid (one-dimensional): elements [kPack t, kPack t + kPack), those below `count`.
/// `vectors`: all three begin at multiples of 16 bytes.
template <Activation kActivation>
__global__ void __launch_bounds__(kThreads)
    gated_kernel(const float* gate, const float* up, std::int64_t count, bool vectors, bool to_bf16,
                 float* out /* [count], as all */) {
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) * kPack;
  if (vectors && first + kPack <= count) {
    const Floats g = *reinterpret_cast<const Floats*>(gate + first);
    const Floats u = *reinterpret_cast<const Floats*>(up + first);
    Floats result;
    for (int e = 0; e < kPack; ++e) {
      result.value[e] = gated_one<kActivation>(g.value[e], u.value[e], to_bf16);
    }
    *reinterpret_cast<Floats*>(out + first) = result;
    return;
  }
  for (std::int64_t i = first; i < first + kPack && i < count; ++i) {
    out[i] = gated_one<kActivation>(gate[i], up[i], to_bf16);
  }
}

}  // namespace

void gated(Activation activation, const float* gate, const float* up, std::int64_t count, Compute rounding,
           float* out, Stream stream) {
  constexpr std::int64_t kOfBlock = static_cast<std::int64_t>(kThreads) * kPack;
  const std::int64_t blocks = (count + kOfBlock - 1) / kOfBlock;
  WISK_ASSERT(count >= 0 && blocks <= 0x7fffffff);
  const bool vectors = takes_vectors(gate) && takes_vectors(up) && takes_vectors(out);
  const auto kernel =
      activation == Activation::kSilu ? gated_kernel<Activation::kSilu> : gated_kernel<Activation::kGeluTanh>;
  launch<NoShared>(kernel, static_cast<unsigned>(blocks), kThreads, stream, gate, up, count, vectors,
                   rounding == Compute::kBFloat16, out);
}

}  // namespace wisk::device::cuda
