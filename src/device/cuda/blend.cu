// The blend: eight elements a thread, all inputs in turn, sums in registers.

#include <cmath>

#include <launch.cuh>

#include <wisk/core/assert.hpp>

#include "convert.cuh"
#include "kernels.hpp"
#include "vectors.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr int kPack = 8;  // elements of a thread: one vector of 16-bit elements, two of f32

struct Terms {
  const std::byte* data[kMostBlendInputs];
  float coefficient[kMostBlendInputs];
  DType dtype[kMostBlendInputs];
  bool vectors[kMostBlendInputs];  // data[j] + head elements is aligned to 16 bytes
  int count;
};

/// Elements [0, head) and those after head + kPack * packs go one by one.
struct Split {
  std::int64_t count, head, packs;
};

__device__ std::uint32_t load_bits(const std::byte* data, DType type, std::int64_t i) {
  if (type == DType::kFloat32) return reinterpret_cast<const std::uint32_t*>(data)[i];
  return reinterpret_cast<const std::uint16_t*>(data)[i];
}

__device__ void store_bits(std::byte* data, DType type, std::int64_t i, std::uint32_t bits) {
  if (type == DType::kFloat32) {
    reinterpret_cast<std::uint32_t*>(data)[i] = bits;
  } else {
    reinterpret_cast<std::uint16_t*>(data)[i] = static_cast<std::uint16_t>(bits);
  }
}

/// Term 0 is a product, later ones are fused multiply-adds.
__device__ float next_sum(int term, float coefficient, float value, float sum) {
  return term == 0 ? coefficient * value : fmaf(coefficient, value, sum);
}

/// values[e] = element first + e, e < kPack, of term j.
__device__ void load_pack(const Terms& terms, int j, std::int64_t first, float* values) {
  const DType type = terms.dtype[j];
  if (!terms.vectors[j]) {
    for (int e = 0; e < kPack; ++e) values[e] = widened(type, load_bits(terms.data[j], type, first + e));
  } else if (type == DType::kFloat32) {
    const auto* vectors = reinterpret_cast<const Floats*>(terms.data[j] + 4 * first);
    const Floats low = vectors[0], high = vectors[1];
    for (int e = 0; e < 4; ++e) {
      values[e] = low.value[e];
      values[e + 4] = high.value[e];
    }
  } else {
    const Words words = *reinterpret_cast<const Words*>(terms.data[j] + 2 * first);
    for (int e = 0; e < kPack; ++e)
      values[e] = widened(type, (words.word[e / 2] >> (16 * (e % 2))) & 0xffffu);
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
      float values[kPack];
      load_pack(terms, j, first, values);
      for (int e = 0; e < kPack; ++e) sums[e] = next_sum(j, terms.coefficient[j], values[e], sums[e]);
    }
    store_pack<kOut>(sums, out, first);
  }
  const std::int64_t i = thread < split.head ? thread : thread + kPack * split.packs;
  if (i >= split.count || thread >= kThreads) return;
  float sum = 0;
  for (int j = 0; j < terms.count; ++j) {
    const float value = widened(terms.dtype[j], load_bits(terms.data[j], terms.dtype[j], i));
    sum = next_sum(j, terms.coefficient[j], value, sum);
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

Terms terms_of(std::span<const BlendInput> inputs, std::int64_t head) {
  Terms terms{};
  for (const BlendInput& input : inputs) {
    WISK_ASSERT(aligned_to(input.data, size_of(input.dtype)));
    const int j = terms.count++;
    terms.data[j] = input.data;
    terms.coefficient[j] = static_cast<float>(input.coefficient);
    terms.dtype[j] = input.dtype;
    terms.vectors[j] = takes_vectors(input.data + static_cast<std::size_t>(head) * size_of(input.dtype));
  }
  return terms;
}

}  // namespace

void blend(std::span<const BlendInput> inputs, std::size_t count, DType out_type, std::byte* out,
           Stream stream) {
  WISK_ASSERT(!inputs.empty() && inputs.size() <= kMostBlendInputs);
  WISK_ASSERT(aligned_to(out, size_of(out_type)));
  if (count == 0) return;
  if (inputs.size() == 1 && inputs[0].coefficient == 1.0 && inputs[0].dtype == out_type) {
    return copy_bytes(out, inputs[0].data, count * size_of(out_type), stream);
  }
  const Split split = split_of(out, out_type, count);
  const std::int64_t blocks = (split.packs + kThreads - 1) / kThreads;
  WISK_ASSERT(blocks <= 0x7fffffff);
  const auto kernel = out_type == DType::kBFloat16  ? blend_kernel<DType::kBFloat16>
                      : out_type == DType::kFloat16 ? blend_kernel<DType::kFloat16>
                                                    : blend_kernel<DType::kFloat32>;
  launch_with_denormals<NoShared>(kernel, static_cast<unsigned>(blocks == 0 ? 1 : blocks), kThreads, stream,
                                  terms_of(inputs, split.head), split, out);
}

}  // namespace wisk::device::cuda
