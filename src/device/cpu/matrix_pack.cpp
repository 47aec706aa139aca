#include "matrix_pack.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include <wisk/core/assert.hpp>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wisk::device {

namespace {

constexpr std::int64_t kPanel = PackedMatrix::kPanel;

/// The rows of a panel are blended so many columns at a time: they stay in the second cache level until they
/// are transposed.
constexpr std::int64_t kColumns = 2048;

/// A matrix of at least this size does not stay in the caches until it is used: it is written around them.
constexpr std::size_t kStreamedBytes = std::size_t{1} << 20;

// A word is a pair of 2-byte elements, or a float: rows [kPanel, words], `stride` words apart, become
// panel [words, kPanel].

void transpose_words(const std::uint32_t* rows, std::int64_t stride, std::int64_t begin, std::int64_t words,
                     std::uint32_t* panel) {
  for (std::int64_t w = begin; w < words; ++w) {
    for (std::int64_t r = 0; r < kPanel; ++r) panel[w * kPanel + r] = rows[r * stride + w];
  }
}

#if defined(__x86_64__)
/// Eight rows of eight words, transposed in registers.
[[gnu::target("avx2"), gnu::always_inline]] inline void transpose_eight(const std::uint32_t* rows,
                                                                        std::int64_t stride,
                                                                        __m256i (&out)[8]) {
  __m256i in[8], pairs[8], quads[8];
  for (int r = 0; r < 8; ++r) in[r] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows + r * stride));
  for (int r = 0; r < 8; r += 2) {
    pairs[r] = _mm256_unpacklo_epi32(in[r], in[r + 1]);
    pairs[r + 1] = _mm256_unpackhi_epi32(in[r], in[r + 1]);
  }
  for (int r = 0; r < 8; r += 4) {
    quads[r] = _mm256_unpacklo_epi64(pairs[r], pairs[r + 2]);
    quads[r + 1] = _mm256_unpackhi_epi64(pairs[r], pairs[r + 2]);
    quads[r + 2] = _mm256_unpacklo_epi64(pairs[r + 1], pairs[r + 3]);
    quads[r + 3] = _mm256_unpackhi_epi64(pairs[r + 1], pairs[r + 3]);
  }
  for (int w = 0; w < 4; ++w) {
    out[w] = _mm256_permute2x128_si256(quads[w], quads[w + 4], 0x20);
    out[w + 4] = _mm256_permute2x128_si256(quads[w], quads[w + 4], 0x31);
  }
}

[[gnu::target("avx2")]] void transpose_words_avx2(const std::uint32_t* rows, std::int64_t stride,
                                                  std::int64_t words, std::uint32_t* panel, bool streamed) {
  std::int64_t w = 0;
  for (; w + 8 <= words; w += 8) {
    __m256i left[8], right[8];
    transpose_eight(rows + w, stride, left);
    transpose_eight(rows + 8 * stride + w, stride, right);
    auto* out = reinterpret_cast<__m256i*>(panel + w * kPanel);
    for (int i = 0; i < 8; ++i) {
      if (streamed) {  // whole cache lines; panels are aligned to them
        _mm256_stream_si256(out + 2 * i, left[i]);
        _mm256_stream_si256(out + 2 * i + 1, right[i]);
      } else {
        _mm256_storeu_si256(out + 2 * i, left[i]);
        _mm256_storeu_si256(out + 2 * i + 1, right[i]);
      }
    }
  }
  transpose_words(rows, stride, w, words, panel);
}
#endif

void into_panel(const std::uint32_t* rows, std::int64_t stride, std::int64_t words, std::uint32_t* panel,
                bool streamed) {
#if defined(__x86_64__)
  static const bool kAvx2 = __builtin_cpu_supports("avx2") != 0;
  if (kAvx2) return transpose_words_avx2(rows, stride, words, panel, streamed);
#endif
  static_cast<void>(streamed);
  transpose_words(rows, stride, 0, words, panel);
}

void finish_streamed_stores() {
#if defined(__x86_64__)
  _mm_sfence();  // before another thread is told that they are there
#endif
}

/// Storage bits of a row to bf16 bits, in place.
void round_row(std::byte* row, DType storage, std::int64_t columns) {
  auto* out = reinterpret_cast<std::uint16_t*>(row);
  for (std::int64_t k = 0; k < columns; ++k) {
    if (storage == DType::kFloat32) {
      float value;
      std::memcpy(&value, row + 4 * k, sizeof value);
      out[k] = float_to_bf16(value);
    } else {
      out[k] = float_to_bf16(f16_to_float(out[k]));
    }
  }
}

}  // namespace

void pack_panels(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
                 DType storage, std::int64_t begin, std::int64_t end) {
  WISK_ASSERT(matrix.dtype == storage || matrix.dtype == DType::kBFloat16);
  const std::int64_t most = std::min(kColumns, matrix.columns);
  const std::int64_t stride = (most + 7) / 8 * 8 + 16;  // words; rows a power of two apart would share a set
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(stride * kPanel));
  std::vector<BlendInput> sources(inputs.begin(), inputs.end());
  const bool wide = matrix.dtype == DType::kFloat32, streamed = matrix.data.bytes() >= kStreamedBytes;
  for (std::int64_t panel = begin; panel < end; ++panel) {
    auto* out = reinterpret_cast<std::uint32_t*>(matrix.panel(panel));
    const std::int64_t count = std::min(kPanel, matrix.rows - panel * kPanel);
    for (std::int64_t column = 0; column < matrix.columns; column += kColumns) {
      const std::int64_t columns = std::min(kColumns, matrix.columns - column);
      const std::int64_t words = wide ? columns : (columns + 1) / 2;
      for (std::int64_t r = 0; r < kPanel; ++r) {
        std::uint32_t* row = rows.data() + r * stride;
        row[words - 1] = 0;  // an odd last column's partner
        if (r >= count) {
          std::fill(row, row + words, 0u);
          continue;
        }
        const std::int64_t offset =
            (window.first_row + panel * kPanel + r) * window.row_stride + window.first_column + column;
        for (std::size_t i = 0; i < sources.size(); ++i)
          sources[i].data = inputs[i].data + static_cast<std::size_t>(offset) * size_of(inputs[i].dtype);
        auto* bytes = reinterpret_cast<std::byte*>(row);
        blend(sources, static_cast<std::size_t>(columns), storage, bytes);
        if (matrix.dtype != storage) {
          round_row(bytes, storage, columns);
          if (columns % 2 != 0) row[words - 1] &= 0xffffu;
        }
      }
      into_panel(rows.data(), stride, words, out + (wide ? column : column / 2) * kPanel, streamed);
    }
  }
  if (streamed) finish_streamed_stores();
}

void unpack_row(const PackedMatrix& matrix, std::int64_t index, float* out) {
  const std::int64_t lane = index % kPanel;
  const std::byte* data = matrix.panel(index / kPanel);
  for (std::int64_t k = 0; k < matrix.columns; ++k) {
    if (matrix.dtype == DType::kFloat32) {
      out[k] = reinterpret_cast<const float*>(data)[k * kPanel + lane];
    } else {
      const std::uint16_t bits =
          reinterpret_cast<const std::uint16_t*>(data)[(k / 2 * kPanel + lane) * 2 + k % 2];
      out[k] = matrix.dtype == DType::kBFloat16 ? bf16_to_float(bits) : f16_to_float(bits);
    }
  }
}

void widen(const std::byte* data, DType dtype, std::int64_t count, float* out) {
  if (dtype == DType::kFloat32) {
    std::memcpy(out, data, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, data + 2 * i, sizeof bits);
    out[i] = dtype == DType::kBFloat16 ? bf16_to_float(bits) : f16_to_float(bits);
  }
}

}  // namespace wisk::device
