#include "choose_lanes.hpp"

#include <algorithm>
#include <array>
#include <limits>

// Two versions of each pass, one for AVX2, the loader takes the one that the machine can run. Without
// contraction
// (-ffp-contract=off) both give the same bits. A macro, because an attribute cannot depend on the machine.
#if defined(__x86_64__) && !defined(__clang__)
#define WISK_LANE_CLONES [[gnu::target_clones("avx2", "default")]]
#else
#define WISK_LANE_CLONES
#endif

namespace wisk::sample {
namespace {

using Block = std::array<float, kBlockIds>;
constexpr float kNone = -std::numeric_limits<float>::infinity();

/// The 64 logits of a block: in place, or for a last block that is shorter copied to `padded` and filled with
/// -inf.
inline const float* block_at(std::span<const float> logits, std::size_t block, Block& padded) {
  const std::size_t first = block * kBlockIds;
  if (first + kBlockIds <= logits.size()) return logits.data() + first;
  padded.fill(kNone);
  std::copy(logits.begin() + static_cast<std::ptrdiff_t>(first), logits.end(), padded.begin());
  return padded.data();
}

// Combines halves until one value is left: constant trip counts, so that the compiler uses whole vectors.
template <std::size_t kHalf = kBlockIds / 2>
inline float tree(Block& values, auto combine) {
  for (std::size_t i = 0; i < kHalf; ++i) values[i] = combine(values[i], values[i + kHalf]);
  if constexpr (kHalf > 1) {
    return tree<kHalf / 2>(values, combine);
  } else {
    return values[0];
  }
}

}  // namespace

WISK_LANE_CLONES void block_maxima(std::span<const float> logits, std::span<float> maxima) {
  Block padded, values;
  for (std::size_t block = 0; block < maxima.size(); ++block) {
    const float* x = block_at(logits, block, padded);
    for (std::size_t i = 0; i < kBlockIds; ++i)
      values[i] = x[i] >= kNone ? x[i] : kNone;  // a NaN loses every comparison
    maxima[block] = tree(values, [](float a, float b) { return a > b ? a : b; });
  }
}

WISK_LANE_CLONES double sum_exp(std::span<const float> logits, float largest, float scale) {
  const auto blocks = static_cast<std::size_t>(block_count(static_cast<int>(logits.size())));
  Block padded, values;
  double total = 0;
  for (std::size_t block = 0; block < blocks; ++block) {
    const float* x = block_at(logits, block, padded);
    for (std::size_t i = 0; i < kBlockIds; ++i) values[i] = math::exp_of_negative((x[i] - largest) * scale);
    total += static_cast<double>(tree(values, [](float a, float b) { return a + b; }));
  }
  return total;
}

WISK_LANE_CLONES void noise_maxima(const Noise& noise, int vocabulary, std::span<const std::int32_t> blocks,
                                   std::span<double> maxima) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    maxima[i] = noise.block_maximum(blocks[i], ids_in_block(blocks[i], vocabulary));
  }
}

}  // namespace wisk::sample
