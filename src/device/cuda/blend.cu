// The blend: eight elements a thread, all inputs in turn, sums in registers.

#include <launch.cuh>

#include <wisk/core/assert.hpp>

#include "blend_terms.cuh"
#include "kernels.hpp"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 256;

/// Elements [0, head) and those after head + kPack * packs go one by one.
struct Split {
  std::int64_t count, head, packs;
};

__device__ void store_bits(std::byte* data, DType type, std::int64_t i, std::uint32_t bits) {
  if (type == DType::kFloat32) {
    reinterpret_cast<std::uint32_t*>(data)[i] = bits;
  } else {
    reinterpret_cast<std::uint16_t*>(data)[i] = static_cast<std::uint16_t>(bits);
  }
}

/// out + first elements is aligned to 16 bytes.
template <DType kOut>
__device__ void store_pack(const float* sums, std::byte* out, std::int64_t first) {
  if constexpr (kOut == DType::kFloat32) {
    Words low, high;
    for (int e = 0; e < 4; ++e) {
      low.word[e] = narrowed(kOut, sums[e]);
      high.word[e] = narrowed(kOut, sums[e + 4]);
    }
    auto* vectors = reinterpret_cast<Words*>(out + 4 * first);
    vectors[0] = low;
    vectors[1] = high;
  } else {
    Words words;
    for (int w = 0; w < 4; ++w)
      words.word[w] = narrowed(kOut, sums[2 * w]) | (narrowed(kOut, sums[2 * w + 1]) << 16);
    *reinterpret_cast<Words*>(out + 2 * first) = words;
  }
}

/// Thread t of the grid (one-dimensional, at least one block): pack t, and the t-th of the elements before
/// and after the packs, of which there are fewer than kThreads.
template <DType kOut>
__global__ void __launch_bounds__(kThreads)
    blend_kernel(const Terms terms, const Split split, std::byte* out /* [split.count] */) {
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (thread < split.packs) {
    const std::int64_t first = split.head + kPack * thread;
    float sums[kPack] = {};
    for (int j = 0; j < terms.count; ++j) {
      std::uint32_t bits[kPack];
      load_pack(terms, j, first, bits);
      for (int e = 0; e < kPack; ++e) sums[e] = next_sum(terms, j, bits[e], sums[e]);
    }
    store_pack<kOut>(sums, out, first);
  }
  const std::int64_t i = thread < split.head ? thread : thread + kPack * split.packs;
  if (i >= split.count || thread >= kThreads) return;
  float sum = 0;
  for (int j = 0; j < terms.count; ++j) {
    sum = next_sum(terms, j, load_bits(terms.data[j], terms.dtype[j], i), sum);
  }
  store_bits(out, kOut, i, narrowed(kOut, sum));
}

/// The head ends where `out` is aligned to 16 bytes.
Split split_of(const std::byte* out, DType type, std::size_t count) {
  std::size_t head = 0;
  while (head < count && !takes_vectors(out + head * size_of(type))) ++head;
  return {static_cast<std::int64_t>(count), static_cast<std::int64_t>(head),
          static_cast<std::int64_t>((count - head) / kPack)};
}

}  // namespace

void blend(std::span<const BlendInput> inputs, std::size_t count, DType out_type, std::byte* out,
           Stream stream) {
  WISK_ASSERT(!inputs.empty() && inputs.size() <= kMostBlendInputs);
  WISK_ASSERT(aligned_to(out, size_of(out_type)));
  if (count == 0) return;
  if (is_copy(inputs, out_type)) {
    return copy_bytes(out, inputs[0].data, count * size_of(out_type), stream);
  }
  const Split split = split_of(out, out_type, count);
  const std::int64_t blocks = (split.packs + kThreads - 1) / kThreads;
  WISK_ASSERT(blocks <= 0x7fffffff);
  const auto kernel = out_type == DType::kBFloat16  ? blend_kernel<DType::kBFloat16>
                      : out_type == DType::kFloat16 ? blend_kernel<DType::kFloat16>
                                                    : blend_kernel<DType::kFloat32>;
  launch_with_denormals<NoShared>(kernel, static_cast<unsigned>(blocks == 0 ? 1 : blocks), kThreads, stream,
                                  terms_of(inputs, split.head, kPack), split, out);
}

}  // namespace wisk::device::cuda
