#pragma once
// Attention of one token and one key/value head over the pages of its sequence: the online softmax of Milakov
// and Gimelshein (arXiv 1805.02867) with blocks of kPageTokens keys from position 0, whoever computes it:
//   m' = max(m, max_j s_j);  p_j = exp(s_j - m');  l' = l exp(m - m') + sum_j p_j;  o' = o exp(m - m') +
//   sum_j p_j v_j
// Blocks that the token sees no key of are skipped; keys that it does not see within a block have p = 0.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include <wisk/device/device.hpp>

#include "elementwise.hpp"
#include "product.hpp"

namespace wisk::device {

/// Working memory of one thread. Grows once.
struct AttentionScratch {
  std::vector<float> scores;                // [heads per group, kPageTokens]
  std::vector<float> block;                 // [heads per group, padded D]
  std::vector<float> sums;                  // [heads per group, padded D]
  std::vector<float> maximum, denominator;  // [heads per group]
  void resize(int heads, int head_dim) {
    const auto h = static_cast<std::size_t>(heads), d = static_cast<std::size_t>(head_dim);
    scores.resize(h * kPageTokens);
    block.resize(h * d);
    sums.assign(h * d, 0.0f);
    maximum.assign(h, -std::numeric_limits<float>::infinity());
    denominator.assign(h, 0.0f);
  }
};

/// Scores of one head in one block become probabilities against the running maximum; returns exp(m - m').
/// first, last: the keys of the block that the token sees, first <= last.
template <class L>
float online_softmax(float* score /* [kPageTokens] */, int first, int last, const AttentionShape& shape,
                     Compute rounding, float& maximum, float& denominator) {
  using V = typename L::Vector;
  constexpr int kVectors = kPageTokens / L::kWidth;
  const float lowest = -std::numeric_limits<float>::infinity();
  V s[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    s[v] = L::mul(L::load(score + v * L::kWidth), L::set1(shape.scale));
    if (shape.softcap != 0) {
      s[v] = L::mul(L::set1(shape.softcap), tanh_lanes<L>(L::div(s[v], L::set1(shape.softcap))));
    }
    L::store(score + v * L::kWidth, s[v]);
  }
  for (int j = 0; j < first; ++j) score[j] = lowest;
  for (int j = last + 1; j < kPageTokens; ++j) score[j] = lowest;
  float largest = maximum;
  for (int j = first; j <= last; ++j) largest = std::max(largest, score[j]);
  V total = L::set1(0.0f);
  for (int v = 0; v < kVectors; ++v) {
    const V p = exp_lanes<L>(L::sub(L::load(score + v * L::kWidth), L::set1(largest)));
    total = L::add(total, p);  // key j in chain j mod 8
    L::store(score + v * L::kWidth, rounding == Compute::kBFloat16 ? L::round_to_bf16(p) : p);
  }
  float chain[L::kWidth];
  L::store(chain, total);
  const float sum =
      ((chain[0] + chain[4]) + (chain[2] + chain[6])) + ((chain[1] + chain[5]) + (chain[3] + chain[7]));
  float rescale[L::kWidth];
  L::store(rescale, exp_lanes<L>(L::set1(maximum - largest)));
  denominator = denominator * rescale[0] + sum;
  maximum = largest;
  return rescale[0];
}

/// out[h, :] for the `group` query heads that share key/value head `kv_head`; q and out point to the first of
/// them.
template <class L>
void attend(const float* q /* [group, D] */, int group, int kv_head, int position, const std::int32_t* pages,
            int layer, const AttentionShape& shape, const KvCache& cache, Compute rounding,
            AttentionScratch& scratch, float* out /* [group, D] */) {
  const int dim = shape.head_dim, padded = cache.padded_dim();
  scratch.resize(group, padded);
  const int earliest = shape.window == 0 ? 0 : std::max(0, position - shape.window + 1);
  for (int block = earliest / kPageTokens; block <= position / kPageTokens; ++block) {
    const int begin = block * kPageTokens;
    const int first = std::max(earliest - begin, 0), last = std::min(position - begin, kPageTokens - 1);
    const std::byte* keys = cache.keys(pages[block], layer, kv_head);
    const std::byte* values = keys + cache.half_bytes();
    with_weights<L>(cache.dtype, keys, kPageTokens, [&](const auto& w) {
      product_panel(q, dim, group, w, 0, kPageTokens, dim, scratch.scores.data(), kPageTokens);
    });
    float* scores = scratch.scores.data();
    float* sums = scratch.sums.data();
    with_weights<L>(cache.dtype, values, padded, [&](const auto& w) {
      for (int h = 0; h < group; ++h) {
        const auto head = static_cast<std::size_t>(h);
        const float rescale = online_softmax<L>(scores + h * kPageTokens, first, last, shape, rounding,
                                                scratch.maximum[head], scratch.denominator[head]);
        const auto factor = L::set1(rescale);
        for (int d = 0; d < padded; d += L::kWidth) {
          L::store(sums + h * padded + d, L::mul(L::load(sums + h * padded + d), factor));
        }
      }
      product_panel(scores, kPageTokens, group, w, 0, padded, last + 1, scratch.block.data(), padded);
      for (int i = 0; i < group * padded; i += L::kWidth) {
        L::store(sums + i, L::add(L::load(sums + i), L::load(scratch.block.data() + i)));
      }
    });
  }
  for (int h = 0; h < group; ++h) {
    const auto denominator = L::set1(scratch.denominator[static_cast<std::size_t>(h)]);
    float* sums = scratch.sums.data() + h * padded;
    for (int d = 0; d < padded; d += L::kWidth) {
      // Adding +0 makes a zero positive: its sign could depend on what an unseen key's slot holds.
      const auto y = L::add(L::div(L::load(sums + d), denominator), L::set1(0.0f));
      L::store(sums + d, rounding == Compute::kBFloat16 ? L::round_to_bf16(y) : y);
    }
    std::copy_n(sums, dim, out + h * dim);
  }
}

}  // namespace wisk::device
