#pragma once
// Operators whose rows (tokens) do not touch each other, for rows [begin, end). Templates over the lanes, so
// that each instruction set compiles its own; the bits are the same.

#include <cstdint>
#include <span>

#include <wisk/device/device.hpp>

namespace wisk::device {

inline constexpr std::size_t kMostParts = 8;

/// ((p0 + p1) + (p2 + p3)) + ... of `count` parts, a power of two of at most kMostParts.
template <class V, class Part, class Add>
V tree_sum(std::size_t count, const Part& part_at, const Add& add) {
  V part[kMostParts];
  for (std::size_t s = 0; s < count; ++s) part[s] = part_at(s);
  for (; count > 1; count /= 2) {
    for (std::size_t s = 0; s < count / 2; ++s) part[s] = add(part[2 * s], part[2 * s + 1]);
  }
  return part[0];
}

/// x[i] (+)= tree(parts)[i] + bias[i % width]; see Device::add_parts.
template <class L>
void add_parts_rows(std::span<const float* const> parts, const float* bias, std::int64_t width,
                    bool accumulate, float* x, std::int64_t begin, std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r) {
    std::int64_t c = 0;
    for (; c + L::kWidth <= width; c += L::kWidth) {
      auto sum = tree_sum<typename L::Vector>(
          parts.size(), [&](std::size_t s) { return L::load(parts[s] + r * width + c); }, L::add);
      if (bias != nullptr) sum = L::add(sum, L::load(bias + c));
      float* out = x + r * width + c;
      L::store(out, accumulate ? L::add(L::load(out), sum) : sum);
    }
    for (; c < width; ++c) {
      auto sum = tree_sum<float>(
          parts.size(), [&](std::size_t s) { return parts[s][r * width + c]; },
          [](float a, float b) { return a + b; });
      if (bias != nullptr) sum += bias[c];
      float& out = x[r * width + c];
      out = accumulate ? out + sum : sum;
    }
  }
}

/// Rotates and rounds every head of the rows; see Device::rotate_and_store.
template <class L>
void rope_rows(float* x /* [T, heads, D] */, std::int64_t heads, std::int64_t head_dim,
               const float* angles /* [positions, 2, D/2] */,
               std::span<const std::int32_t> positions /* [T] */, Compute rounding, std::int64_t begin,
               std::int64_t end) {
  const std::int64_t half = head_dim / 2;
  const bool narrow = rounding == Compute::kBFloat16;
  for (std::int64_t t = begin; t < end; ++t) {
    const float* cosine = angles + positions[static_cast<std::size_t>(t)] * head_dim;
    const float* sine = cosine + half;
    for (std::int64_t h = 0; h < heads; ++h) {
      float* first = x + (t * heads + h) * head_dim;
      float* second = first + half;
      std::int64_t d = 0;
      for (; d + L::kWidth <= half; d += L::kWidth) {
        const auto c = L::load(cosine + d), s = L::load(sine + d), a = L::load(first + d),
                   b = L::load(second + d);
        const auto left = L::sub(L::mul(a, c), L::mul(b, s)), right = L::add(L::mul(b, c), L::mul(a, s));
        L::store(first + d, narrow ? L::round_to_bf16(left) : left);
        L::store(second + d, narrow ? L::round_to_bf16(right) : right);
      }
      for (; d < half; ++d) {
        const float a = first[d], b = second[d];
        const float left = a * cosine[d] - b * sine[d], right = b * cosine[d] + a * sine[d];
        first[d] = narrow ? round_to_bf16(left) : left;
        second[d] = narrow ? round_to_bf16(right) : right;
      }
    }
  }
}

/// Writes the keys and values of tokens [begin, end) into their pages: a token is row `slot` of its page's
/// keys and column `slot` of its values.
template <class L>
void store_kv_rows(const float* k /* [T, G, D] */, const float* v /* [T, G, D] */, int layer,
                   const StepTokens& step, const KvCache& cache, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t kPanel = PackedMatrix::kPanel;
  const std::int64_t dim = cache.head_dim;
  for (std::int64_t t = begin; t < end; ++t) {
    const auto token = static_cast<std::size_t>(t);
    const std::int32_t position = step.positions[token];
    const std::int32_t page =
        step.pages[static_cast<std::size_t>(step.page_rows[token] + position / kPageTokens)];
    const std::int64_t slot = position % kPageTokens;
    for (int head = 0; head < cache.kv_heads; ++head) {
      const float* key = k + (t * cache.kv_heads + head) * dim;
      const float* value = v + (t * cache.kv_heads + head) * dim;
      std::byte* keys = cache.keys(page, layer, head);
      std::byte* values = keys + cache.half_bytes();
      if (cache.dtype == DType::kFloat32) {
        auto* key_out = reinterpret_cast<float*>(keys) + slot / kPanel * dim * kPanel + slot % kPanel;
        auto* value_out = reinterpret_cast<float*>(values) + slot * kPanel;
        for (std::int64_t d = 0; d < dim; ++d) {
          key_out[d * kPanel] = key[d];
          value_out[d / kPanel * kPageTokens * kPanel + d % kPanel] = value[d];
        }
      } else {  // D is even: whole pairs of a key
        auto* key_out =
            reinterpret_cast<std::uint32_t*>(keys) + slot / kPanel * (dim / 2) * kPanel + slot % kPanel;
        auto* value_out = reinterpret_cast<std::uint16_t*>(values) + slot / 2 * 2 * kPanel + slot % 2;
        for (std::int64_t d = 0; d < dim; d += 2) {
          key_out[d / 2 * kPanel] = float_to_bf16(key[d]) | std::uint32_t{float_to_bf16(key[d + 1])} << 16;
        }
        for (std::int64_t d = 0; d < dim; ++d) {
          value_out[d / kPanel * kPageTokens * kPanel + d % kPanel * 2] = float_to_bf16(value[d]);
        }
      }
    }
  }
}

}  // namespace wisk::device
