// RMSNorm. The sum of squares is the CPU's: sixteen chains (element i in chain i mod 16), added as the tree
// of docs/numerics.md; so sixteen threads add up a row, which the others have put into shared memory.
// Compiled with denormals as zero.

#include "norm.hpp"

#include <launch.cuh>

#include <cmath>

#include <wisk/core/assert.hpp>

#include "row_units.cuh"
#include "rows.hpp"
#include "warp.cuh"

namespace wisk::device::cuda {
namespace {

constexpr int kThreads = 256, kChains = 16, kChainSteps = 8;
constexpr int kBlocks =
    4;  // of a multiprocessor: enough to load while others add up, few enough for registers

/// How a block's threads share its rows. A row is in shared memory kStretch elements at a time; one that fits
/// whole is read from global memory once.
template <int kRows_, int kStretch_>
struct Shape {
  static constexpr int kRows = kRows_, kStretch = kStretch_;
  static constexpr int kRowThreads = kThreads / kRows;  // whole warps
  struct Shared {
    Floats x[kRows][kStretch / 4];
    float scale[kRows];
  };
};
using WideRows = Shape<1, 8192>;
using NarrowRows = Shape<8, 256>;  // a warp a row: heads

/// chain + the squares of elements c, c + 16, ... of x[0, count), in order. Loads come before the chain of
/// sums.
__device__ float add_squares(float chain, const float* x, int c, int count) {
  int i = c;
  for (; i + kChains * (kChainSteps - 1) < count; i += kChains * kChainSteps) {
    float value[kChainSteps];
    for (int s = 0; s < kChainSteps; ++s) value[s] = x[i + kChains * s];
    for (int s = 0; s < kChainSteps; ++s) chain = fmaf(value[s], value[s], chain);
  }
  for (; i < count; i += kChains) chain = fmaf(x[i], x[i], chain);
  return chain;
}

/// 1 / sqrt(mean of squares + eps) of the thread's row, whose units are make(u); shared.x holds the last
/// stretch of it then. All threads of the block call it; make() is called for each unit once, by the same
/// thread each time. Where the row is not `active` it is not called.
template <class S, class Make>
__device__ float scale_of_row(int width, float eps, bool active, typename S::Shared& shared,
                              const Make& make) {
  const int row = static_cast<int>(threadIdx.x) / S::kRowThreads,
            t = static_cast<int>(threadIdx.x) % S::kRowThreads;
  float chain = 0;
  for (int begin = 0; begin < width; begin += S::kStretch) {
    if (begin > 0) __syncthreads();
    const int left = width - begin, units = ((left < S::kStretch ? left : S::kStretch) + 3) / 4;
    for (int u = t; u < units; u += S::kRowThreads) {
      shared.x[row][u] = active ? make(begin / 4 + u) : Floats{};
    }
    __syncthreads();
    if (t < kChains) chain = add_squares(chain, &shared.x[row][0].value[0], t, 4 * units);
  }
  if (t < kLanes) {
    for (int apart = kChains / 2; apart > 0; apart /= 2) chain += __shfl_xor_sync(kWholeWarp, chain, apart);
    if (t == 0) shared.scale[row] = 1.0f / sqrtf(chain / static_cast<float>(width) + eps);
  }
  __syncthreads();
  return shared.scale[row];
}

/// Where the norm's result goes.
struct Output {
  std::byte* data;  // [rows, width] of bf16 or f32
  bool bf16;
};

__device__ void store_normalised(const Floats& x, float scale, const float* weight, const Output& out,
                                 std::int64_t offset, int u, int width, bool vectors) {
  const Floats w = load_unit(weight, u, width, vectors);
  Floats y;
  for (int e = 0; e < 4; ++e) y.value[e] = x.value[e] * scale * w.value[e];
  if (out.bf16) {
    store_unit_bf16(y, reinterpret_cast<std::uint16_t*>(out.data) + offset, u, width, vectors);
  } else {
    store_unit(y, reinterpret_cast<float*>(out.data) + offset, u, width, vectors);
  }
}

/// Block b normalises rows b * S::kRows and so on. `vectors`: all rows of all arrays are aligned to their
/// units.
template <class S>
__global__ void __launch_bounds__(kThreads, kBlocks)
    rms_norm_kernel(const float* x /* [rows, width] */, const float* weight /* [width] */, float eps,
                    std::int64_t rows, int width, bool vectors, Output out /* [rows, width] */) {
  auto& shared = block_shared<typename S::Shared>();
  const int of_block = static_cast<int>(threadIdx.x) / S::kRowThreads;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * S::kRows + of_block, offset = row * width;
  const bool active = row < rows, whole = width <= S::kStretch;
  const auto load = [&](int u) { return load_unit(x + offset, u, width, vectors); };
  const float scale = scale_of_row<S>(width, eps, active, shared, load);
  if (!active) return;
  for (int u = static_cast<int>(threadIdx.x) % S::kRowThreads; 4 * u < width; u += S::kRowThreads) {
    store_normalised(whole ? shared.x[of_block][u] : load(u), scale, weight, out, offset, u, width, vectors);
  }
}

/// Block b does row b. See ResidualAndNorm; post_weight and weight may be null, not both. `vectors`: as
/// above.
__global__ void __launch_bounds__(kThreads, kBlocks)
    residual_and_norm_kernel(const Parts parts /* each [rows, width] */,
                             const float* post_weight /* [width] */, float* x /* [rows, width] */,
                             const float* weight /* [width] */, float eps, int width, bool vectors,
                             Output out /* [rows, width] */) {
  using S = WideRows;
  auto& shared = block_shared<S::Shared>();
  Floats* staged = shared.x[0];
  const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * width;
  const bool whole = width <= S::kStretch;
  const auto sum = [&](int u) { return sum_of_parts(parts, offset, u, width, vectors); };
  float post_scale = 1;
  if (post_weight != nullptr) post_scale = scale_of_row<S>(width, eps, true, shared, sum);
  // Adds a unit to x, from where it is: in shared memory if it was there and still is.
  const auto add = [&](int u) {
    Floats y = post_weight != nullptr && whole ? staged[u] : sum(u);
    if (post_weight != nullptr) {
      const Floats w = load_unit(post_weight, u, width, vectors);
      for (int e = 0; e < 4; ++e) y.value[e] = y.value[e] * post_scale * w.value[e];
    }
    Floats result = load_unit(x + offset, u, width, vectors);
    for (int e = 0; e < 4; ++e) result.value[e] += y.value[e];
    store_unit(result, x + offset, u, width, vectors);
    return result;
  };
  if (weight == nullptr) {
    for (int u = static_cast<int>(threadIdx.x); 4 * u < width; u += kThreads) add(u);
  } else {
    const float scale = scale_of_row<S>(width, eps, true, shared, add);
    for (int u = static_cast<int>(threadIdx.x); 4 * u < width; u += kThreads) {  // x: what this thread wrote
      const Floats value = whole ? staged[u] : load_unit(x + offset, u, width, vectors);
      store_normalised(value, scale, weight, out, offset, u, width, vectors);
    }
  }
}

bool takes_units(const Output& out) {
  return out.bf16 ? aligned_to(out.data, sizeof(Halves)) : takes_vectors(out.data);
}

}  // namespace

void rms_norm(const float* x, const float* weight, float eps, std::int64_t rows, std::int64_t width,
              Compute rounding, std::byte* out, Stream stream) {
  WISK_ASSERT(rows >= 0 && rows <= 0x7fffffff && width > 0 && width <= kMostUnitElements);
  const Output output{out, rounding == Compute::kBFloat16};
  const bool vectors = takes_vectors(x) && takes_vectors(weight) && takes_units(output) && width % 4 == 0;
  if (width <= NarrowRows::kStretch) {
    constexpr std::int64_t kRows = NarrowRows::kRows;
    launch<NarrowRows::Shared>(rms_norm_kernel<NarrowRows>, static_cast<unsigned>((rows + kRows - 1) / kRows),
                               kThreads, stream, x, weight, eps, rows, static_cast<int>(width), vectors,
                               output);
  } else {
    launch<WideRows::Shared>(rms_norm_kernel<WideRows>, static_cast<unsigned>(rows), kThreads, stream, x,
                             weight, eps, rows, static_cast<int>(width), vectors, output);
  }
}

void add_parts_and_norm(const ResidualAndNorm& work, std::int64_t rows, std::int64_t width, Stream stream) {
  if (work.post_weight == nullptr && work.weight == nullptr) {
    return add_parts(work.parts, work.bias, rows, width, true, work.x, stream);
  }
  WISK_ASSERT(rows >= 0 && rows <= 0x7fffffff && width > 0 && width <= kMostUnitElements);
  const Output output{work.out, work.rounding == Compute::kBFloat16};
  const bool vectors = take_units(work.parts, work.bias, width) && takes_vectors(work.x) &&
                       takes_units(output) && takes_vectors(work.weight) && takes_vectors(work.post_weight);
  launch<WideRows::Shared>(residual_and_norm_kernel, static_cast<unsigned>(rows), kThreads, stream,
                           parts_of(work.parts, work.bias), work.post_weight, work.x, work.weight, work.eps,
                           static_cast<int>(width), vectors, output);
}

}  // namespace wisk::device::cuda
