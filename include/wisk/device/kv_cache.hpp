#pragma once
// Keys and values of all sequences, in pages of a fixed number of tokens.

#include <cstddef>
#include <cstdint>

#include <wisk/core/dtype.hpp>
#include <wisk/device/buffer.hpp>
#include <wisk/device/packed_matrix.hpp>

namespace wisk::device {

/// Tokens of one page, and of one block of attention: the size is part of the order of sums
/// (docs/numerics.md).
inline constexpr int kPageTokens = 32;

/// Memory of `pages` pages. A page holds, for every layer and local key/value head, the keys of kPageTokens
/// tokens as a PackedMatrix of kPageTokens rows and D columns holds them, then the values as one of D rows
/// and kPageTokens columns: so attention is two products. Owns its memory; move-only. Which page belongs to
/// whom is the engine's business.
struct KvCache {
  DType dtype = DType::kFloat32;  ///< bf16 where products round to bf16, else f32
  int layers = 0;
  int kv_heads = 0;  ///< local to this rank
  int head_dim = 0;  ///< D, even
  int pages = 0;
  Buffer data;  // [pages, layers, kv_heads, 2, kPageTokens * padded D]

  /// D rounded up to whole panels.
  [[nodiscard]] int padded_dim() const {
    constexpr int kPanel = static_cast<int>(PackedMatrix::kPanel);
    return (head_dim + kPanel - 1) / kPanel * kPanel;
  }

  [[nodiscard]] std::size_t half_bytes() const {
    return static_cast<std::size_t>(kPageTokens) * static_cast<std::size_t>(padded_dim()) * size_of(dtype);
  }
  [[nodiscard]] std::size_t page_bytes() const {
    return 2 * half_bytes() * static_cast<std::size_t>(layers) * static_cast<std::size_t>(kv_heads);
  }
  /// Keys of (page, layer, head); the values follow half_bytes() later.
  [[nodiscard]] std::byte* keys(int page, int layer, int head) const {
    const auto index =
        static_cast<std::size_t>(layer) * static_cast<std::size_t>(kv_heads) + static_cast<std::size_t>(head);
    return data.data() + static_cast<std::size_t>(page) * page_bytes() + index * 2 * half_bytes();
  }
};

}  // namespace wisk::device
