// Rotation of q and k, and the write of k and v to the cache. A thread takes the same few dimensions of one
// head of one token from the inputs to where they belong; nothing is exchanged. A key's pairs lie 64 bytes
// apart in its page and a value's elements 4: neighbours there are other tokens, which a decode step does
// not have, so those stores are of single words and elements.
// Compiled with denormals as zero.

#include <wisk/core/assert.hpp>

#include "convert.cuh"
#include "layer_cache.cuh"
#include "rotate_store.hpp"
#include "vectors.cuh"

namespace wisk::device::cuda {
namespace {

constexpr unsigned kThreads = 128;
constexpr int kPanel = static_cast<int>(PackedMatrix::kPanel);

struct Work {
  HeadRows q, k, v;
  const float* angles;  // [positions, 2, D/2]
  LayerCache cache;
  Step step;
  int heads, kv_heads, dim;
  std::byte* q_out;  // [T, H, D]
};

/// Neighbouring dimensions of one head, from an even one on.
template <int kCount>
struct Run {
  float value[kCount];
};

/// To elements [d, d + kCount) of a row of operands.
template <DType kType, int kCount>
__device__ void store_operands(const Run<kCount>& run, std::byte* row, int d) {
  const float(&x)[kCount] = run.value;
  if constexpr (kType == DType::kFloat32) {
    auto* out = reinterpret_cast<float*>(row) + d;
    if constexpr (kCount == 4) *reinterpret_cast<Floats*>(out) = {{x[0], x[1], x[2], x[3]}};
    if constexpr (kCount == 2) {
      out[0] = x[0];
      out[1] = x[1];
    }
  } else {
    auto* out = reinterpret_cast<std::uint32_t*>(row) + d / 2;
    if constexpr (kCount == 4)
      *reinterpret_cast<TwoWords*>(out) = {{bf16_pair(x[0], x[1]), bf16_pair(x[2], x[3])}};
    if constexpr (kCount == 2) *out = bf16_pair(x[0], x[1]);
  }
}

/// Row `slot` of the page's keys.
template <DType kType, int kCount>
__device__ void store_key(const Run<kCount>& run, std::byte* keys, int dim, int slot, int d) {
  if constexpr (kType == DType::kFloat32) {
    auto* out = reinterpret_cast<float*>(keys) + (slot / kPanel * dim + d) * kPanel + slot % kPanel;
    for (int i = 0; i < kCount; ++i) out[i * kPanel] = run.value[i];
  } else {
    auto* out =
        reinterpret_cast<std::uint32_t*>(keys) + (slot / kPanel * dim + d) / 2 * kPanel + slot % kPanel;
    for (int i = 0; i < kCount; i += 2) out[i / 2 * kPanel] = bf16_pair(run.value[i], run.value[i + 1]);
  }
}

/// Column `slot` of the page's values. A run lies within one panel.
template <DType kType, int kCount>
__device__ void store_value(const Run<kCount>& run, std::byte* values, int slot, int d) {
  const int panel = d / kPanel * kPageTokens * kPanel;
  if constexpr (kType == DType::kFloat32) {
    store_operands<kType>(run, values, panel + slot * kPanel + d % kPanel);
  } else {
    auto* out =
        reinterpret_cast<std::uint16_t*>(values) + panel + (slot / 2 * kPanel + d % kPanel) * 2 + slot % 2;
    for (int i = 0; i < kCount; ++i) out[2 * i] = float_to_bf16(run.value[i]);
  }
}

__device__ Run<4> load_run(const float* x) {
  const Floats floats = *reinterpret_cast<const Floats*>(x);
  return {{floats.value[0], floats.value[1], floats.value[2], floats.value[3]}};
}

/// Dimension d of a rotated head.
__device__ float rotated(const float* x, const float* angles, int half, int d) {
  const int i = d < half ? d : d - half;
  const float a = x[i], b = x[i + half], c = angles[i], s = angles[half + i];
  return d < half ? a * c - b * s : b * c + a * s;
}

enum class Kind { kQuery, kKey, kValue };

/// Of a token's heads: those of q, then of k, then of v.
struct Head {
  Kind kind;
  int index;  // among its kind

  __device__ Head(const Work& work, int i) {
    kind = i < work.heads ? Kind::kQuery : i < work.heads + work.kv_heads ? Kind::kKey : Kind::kValue;
    index = kind == Kind::kQuery ? i : (i - work.heads) % work.kv_heads;
  }
};

/// What a thread has of one head: kRuns runs, D/2 apart.
template <bool kVectors>
struct Unit {
  static constexpr int kCount = kVectors ? 4 : 2, kRuns = kVectors ? 2 : 1;
  Run<kCount> runs[kRuns];

  __device__ void load(const Work& work, int token, const Head& head, std::int32_t position, int d) {
    const int half = work.dim / 2;
    const HeadRows& rows = head.kind == Kind::kQuery ? work.q : head.kind == Kind::kKey ? work.k : work.v;
    const float* x = rows.data + token * rows.stride + static_cast<std::int64_t>(head.index) * work.dim;
    const float* angles = work.angles + static_cast<std::int64_t>(position) * work.dim;
    const bool rotates = head.kind != Kind::kValue;
    if constexpr (kVectors) {
      runs[0] = load_run(x + d);
      runs[1] = load_run(x + half + d);
      if (!rotates) return;
      const Run<4> c = load_run(angles + d), s = load_run(angles + half + d), a = runs[0], b = runs[1];
      for (int i = 0; i < 4; ++i) {
        runs[0].value[i] = a.value[i] * c.value[i] - b.value[i] * s.value[i];
        runs[1].value[i] = b.value[i] * c.value[i] + a.value[i] * s.value[i];
      }
    } else {
      for (int i = 0; i < 2; ++i) runs[0].value[i] = rotates ? rotated(x, angles, half, d + i) : x[d + i];
    }
  }

  template <DType kType>
  __device__ void store(const Work& work, int token, const Head& head, std::int32_t position, int d) const {
    const int slot = position % kPageTokens;
    std::byte* to = nullptr;
    if (head.kind == Kind::kQuery) {
      const std::int64_t row = static_cast<std::int64_t>(token) * work.heads + head.index;
      to = work.q_out + row * work.dim * static_cast<std::int64_t>(size_of(kType));
    } else {
      const int block = position / kPageTokens;
      to = work.cache.keys(page_of(work.step, work.step.page_rows[token], block), head.index);
    }
    for (int r = 0; r < kRuns; ++r) {
      const int first = d + r * work.dim / 2;
      if (head.kind == Kind::kQuery) store_operands<kType>(runs[r], to, first);
      if (head.kind == Kind::kKey) store_key<kType>(runs[r], to, work.dim, slot, first);
      if (head.kind == Kind::kValue) store_value<kType>(runs[r], to + work.cache.half_bytes, slot, first);
    }
  }
};

/// Thread i of the grid (one-dimensional): unit i % units of head i / units % (H + 2 G) of token
/// i / units / (H + 2 G). kVectors: all rows and angles begin at multiples of 16 bytes, D is a multiple of 8,
/// and unit u is dimensions [4 u, 4 u + 4) and [D/2 + 4 u, D/2 + 4 u + 4); else D is even, and it is
/// [2 u, 2 u + 2).
template <DType kType, bool kVectors>
__global__ void __launch_bounds__(kThreads) rotate_store_kernel(const Work work) {
  using Mine = Unit<kVectors>;
  const int units = work.dim / (Mine::kCount * Mine::kRuns), heads = work.heads + 2 * work.kv_heads;
  const auto thread = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int row = thread / units, token = row / heads, d = thread % units * Mine::kCount;
  if (token >= work.step.tokens) return;
  const Head head(work, row % heads);
  const std::int32_t position = work.step.positions[token];
  if (position < 0 && head.kind != Kind::kQuery) return;
  Mine mine = {};
  if (position >= 0) mine.load(work, token, head, position, d);
  mine.template store<kType>(work, token, head, position, d);
}

template <DType kType, bool kVectors>
void start(const Work& work, Stream stream) {
  const std::int64_t threads = static_cast<std::int64_t>(work.step.tokens) *
                               (work.heads + 2 * work.kv_heads) * (work.dim / (kVectors ? 8 : 2));
  WISK_ASSERT(threads <= 0x7fffffff - std::int64_t{kThreads});
  launch<NoShared>(rotate_store_kernel<kType, kVectors>,
                   static_cast<unsigned>((threads + kThreads - 1) / kThreads), kThreads, stream, work);
}

bool rows_take_vectors(const HeadRows& rows) {
  return takes_vectors(rows.data) && rows.stride % 4 == 0;
}

}  // namespace

void rotate_store(const HeadRows& q, const HeadRows& k, const HeadRows& v, int heads, const float* angles,
                  int layer, const Step& step, const KvCache& cache, std::byte* q_out, Stream stream) {
  WISK_ASSERT(step.tokens >= 0 && heads > 0 && cache.head_dim % 2 == 0);
  WISK_ASSERT(cache.dtype == DType::kBFloat16 || cache.dtype == DType::kFloat32);
  const Work work{q,    k, v, angles, layer_of(cache, layer), step, heads, cache.kv_heads, cache.head_dim,
                  q_out};
  const bool vectors = cache.head_dim % 8 == 0 && rows_take_vectors(q) && rows_take_vectors(k) &&
                       rows_take_vectors(v) && takes_vectors(angles) && takes_vectors(q_out);
  if (cache.dtype == DType::kBFloat16) {
    vectors ? start<DType::kBFloat16, true>(work, stream) : start<DType::kBFloat16, false>(work, stream);
  } else {
    vectors ? start<DType::kFloat32, true>(work, stream) : start<DType::kFloat32, false>(work, stream);
  }
}

}  // namespace wisk::device::cuda
