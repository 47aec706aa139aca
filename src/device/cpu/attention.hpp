#pragma once
// Attention of some tokens and one key/value head over the pages of their sequences: the online softmax of
// Milakov and Gimelshein (arXiv 1805.02867) with blocks of kPageTokens keys from position 0, whoever computes
// it:
//   m' = max(m, max_j s_j);  p_j = exp(s_j - m');  l' = l exp(m - m') + sum_j p_j;  o' = o exp(m - m') +
//   sum_j p_j v_j
// Blocks that a token sees no key of are skipped; keys that it does not see within a block have p = 0.
//
// Neighbours that see the same keys of one page (samples on their problem's prompt, the tokens of a prefill)
// are rows of one product with that page, which is read once for all of them and all heads of the group.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include <wisk/device/device.hpp>

#include "elementwise.hpp"
#include "product.hpp"

namespace wisk::device {

/// Working memory of one thread. Grows once. R rows are (token, head of the group), token by token.
struct AttentionScratch {
  std::vector<float> queries;                        // [R, D]
  std::vector<float> scores;                         // [R, kPageTokens]
  std::vector<float> block, sums;                    // [R, padded D]
  std::vector<float> maximum, denominator, rescale;  // [R]
  void reset(std::size_t rows, std::size_t dim, std::size_t padded) {
    queries.resize(rows * dim);
    scores.resize(rows * kPageTokens);
    block.resize(rows * padded);
    sums.assign(rows * padded, 0.0f);
    maximum.assign(rows, -std::numeric_limits<float>::infinity());
    denominator.assign(rows, 0.0f);
    rescale.resize(rows);
  }
};

/// The largest of eight lanes and more; a NaN among `s` counts for nothing.
template <class L, std::size_t N>
float largest_of(const typename L::Vector (&s)[N], float at_least) {
  auto largest = L::set1(at_least);
  for (const auto& v : s) largest = L::max(v, largest);
  return largest_lane<L>(largest);
}

/// Scores of one row in one block become probabilities against the running maximum; returns exp(m - m').
/// first, last: the keys of the block that the token sees, first <= last.
template <class L>
float online_softmax(float* score /* [kPageTokens] */, int first, int last, const AttentionShape& shape,
                     Compute rounding, float& maximum, float& denominator) {
  using V = typename L::Vector;
  constexpr int kVectors = kPageTokens / L::kWidth;
  V s[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    s[v] = L::mul(L::load(score + v * L::kWidth), L::set1(shape.scale));
    if (shape.softcap != 0) {
      s[v] = L::mul(L::set1(shape.softcap), tanh_lanes<L>(L::div(s[v], L::set1(shape.softcap))));
    }
  }
  if (first > 0 || last < kPageTokens - 1) {
    for (int v = 0; v < kVectors; ++v) L::store(score + v * L::kWidth, s[v]);
    constexpr float kUnseen = -std::numeric_limits<float>::infinity();
    std::fill(score, score + first, kUnseen);
    std::fill(score + last + 1, score + kPageTokens, kUnseen);
    for (int v = 0; v < kVectors; ++v) s[v] = L::load(score + v * L::kWidth);
  }
  const float largest = largest_of<L>(s, maximum);
  V total = L::set1(0.0f);
  for (int v = 0; v < kVectors; ++v) {
    const V p = exp_lanes<L>(L::sub(s[v], L::set1(largest)));
    total = L::add(total, p);  // key j in chain j mod 8
    L::store(score + v * L::kWidth, rounding == Compute::kBFloat16 ? L::round_to_bf16(p) : p);
  }
  float rescale[L::kWidth];
  L::store(rescale, exp_lanes<L>(L::set1(maximum - largest)));
  denominator = denominator * rescale[0] + sum_of_lanes<L>(total);
  maximum = largest;
  return rescale[0];
}

/// What one token sees of a block: keys [first, last] of page `page`; nothing where last < first.
struct SeenKeys {
  std::int32_t page = -1;
  int first = 0, last = -1;
  [[nodiscard]] bool nothing() const { return last < first; }
};

inline SeenKeys seen_keys(const StepTokens& step, int token, int block, int window) {
  const auto t = static_cast<std::size_t>(token);
  const int position = step.positions[t], begin = block * kPageTokens;
  const int earliest = window == 0 ? 0 : std::max(0, position - window + 1);
  SeenKeys seen{-1, std::max(earliest - begin, 0), std::min(position - begin, kPageTokens - 1)};
  if (!seen.nothing()) seen.page = step.pages[static_cast<std::size_t>(step.page_rows[t] + block)];
  return seen;
}

/// One block for rows [row, row + rows) of the scratch, which see its keys up to `last`.
template <class L, DType T>
void attend_block(const std::byte* keys, const KvCache& cache, const AttentionShape& shape, Compute rounding,
                  std::size_t row, std::int64_t rows, int first_token, int group, int block, int last,
                  const StepTokens& step, AttentionScratch& scratch) {
  constexpr std::int64_t kPanel = PackedMatrix::kPanel;
  const std::int64_t dim = shape.head_dim, padded = cache.padded_dim();
  const auto bytes = [](std::int64_t columns) {
    return static_cast<std::ptrdiff_t>(PackedMatrix::panel_bytes_for(T, columns));
  };
  float* scores = scratch.scores.data() + row * kPageTokens;
  float* weighted = scratch.block.data() + row * static_cast<std::size_t>(padded);
  float* sums = scratch.sums.data() + row * static_cast<std::size_t>(padded);
  product_panels<L, T>(scratch.queries.data() + row * static_cast<std::size_t>(dim), dim, rows,
                       {keys, bytes(dim)}, kPageTokens / kPanel, dim, scores, kPageTokens);
  for (std::int64_t r = 0; r < rows; ++r) {
    const int token = first_token + static_cast<int>(r) / group;
    const std::size_t i = row + static_cast<std::size_t>(r);
    scratch.rescale[i] =
        online_softmax<L>(scores + r * kPageTokens, seen_keys(step, token, block, shape.window).first, last,
                          shape, rounding, scratch.maximum[i], scratch.denominator[i]);
  }
  product_panels<L, T>(scores, kPageTokens, rows, {keys + cache.half_bytes(), bytes(kPageTokens)},
                       padded / kPanel, last + 1, weighted, padded);
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto factor = L::set1(scratch.rescale[row + static_cast<std::size_t>(r)]);
    for (std::int64_t d = r * padded; d < (r + 1) * padded; d += L::kWidth) {
      L::store(sums + d, L::add(L::mul(L::load(sums + d), factor), L::load(weighted + d)));
    }
  }
}

/// out[t, h, :] for tokens [begin, end) of the step and the query heads h that share key/value head
/// `kv_head`.
template <class L>
void attend(const float* q /* [T, H, D] */, int begin, int end, int kv_head, const AttentionShape& shape,
            int layer, const StepTokens& step, const KvCache& cache, Compute rounding,
            AttentionScratch& scratch, float* out /* [T, H, D] */) {
  const int dim = shape.head_dim, padded = cache.padded_dim(), group = shape.heads / shape.kv_heads;
  const auto width = static_cast<std::size_t>(group * dim);  // of a token's rows
  const auto offset = [&](int token) {
    return (std::ptrdiff_t{token} * shape.heads + std::ptrdiff_t{kv_head} * group) * dim;
  };
  scratch.reset(static_cast<std::size_t>((end - begin) * group), static_cast<std::size_t>(dim),
                static_cast<std::size_t>(padded));
  int blocks = 0;
  for (int t = begin; t < end; ++t) {
    std::copy_n(q + offset(t), width, scratch.queries.data() + static_cast<std::size_t>(t - begin) * width);
    blocks = std::max(blocks, step.positions[static_cast<std::size_t>(t)] / kPageTokens + 1);
  }
  for (int block = 0; block < blocks; ++block) {
    for (int t = begin, next; t < end; t = next) {
      next = t + 1;
      const SeenKeys seen = seen_keys(step, t, block, shape.window);
      if (seen.nothing()) continue;
      for (; next < end; ++next) {
        const SeenKeys other = seen_keys(step, next, block, shape.window);
        if (other.page != seen.page || other.last != seen.last) break;
      }
      with_dtype(cache.dtype, [&](auto type) {
        attend_block<L, decltype(type)::value>(cache.keys(seen.page, layer, kv_head), cache, shape, rounding,
                                               static_cast<std::size_t>((t - begin) * group),
                                               std::int64_t{next - t} * group, t, group, block, seen.last,
                                               step, scratch);
      });
    }
  }
  for (int row = 0; row < (end - begin) * group; ++row) {
    const auto denominator = L::set1(scratch.denominator[static_cast<std::size_t>(row)]);
    float* sums = scratch.sums.data() + row * padded;
    for (int d = 0; d < padded; d += L::kWidth) {
      // Adding +0 makes a zero positive: its sign could depend on what an unseen key's slot holds.
      const auto y = L::add(L::div(L::load(sums + d), denominator), L::set1(0.0f));
      L::store(sums + d, rounding == Compute::kBFloat16 ? L::round_to_bf16(y) : y);
    }
    std::copy_n(sums, dim, out + offset(begin + row / group) + row % group * dim);
  }
}

}  // namespace wisk::device
