#pragma once
// Keys and values of all sequences, in pages of a fixed number of tokens.

#include <cstddef>
#include <cstdint>

#include <wisk/core/dtype.hpp>
#include <wisk/device/buffer.hpp>

namespace wisk::device {

/// Tokens of one page, and of one block of attention: the size is part of the order of sums
/// (docs/numerics.md).
inline constexpr int kPageTokens = 32;

/// Memory of `pages` pages. A page holds, for every layer and local key/value head, the keys of kPageTokens
/// tokens packed as a matrix of kPageTokens rows and D columns, then the values packed as D rows and
/// kPageTokens columns: the layout of a PackedMatrix panel (pairs together in bf16), so that attention is two
/// products. Owns its memory; move-only. Which page belongs to whom is the engine's business.
struct KvCache {
  DType dtype = DType::kFloat32;  ///< bf16 where products round to bf16, else f32
  int layers = 0;
  int kv_heads = 0;  ///< local to this rank
  int head_dim = 0;  ///< D, even
  int pages = 0;
  Buffer data;  // [pages, layers, kv_heads, 2, kPageTokens * padded D]

  /// Width of a value in its panel: whole vectors.
  [[nodiscard]] int padded_dim() const { return (head_dim + 7) / 8 * 8; }

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
