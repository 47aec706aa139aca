#pragma once
// The random numbers that choose a token: one Gumbel variable for each token id, a pure function of (seed,
// problem, sample, position, id), drawn top-down so that most of a large vocabulary is never touched.
//
// A block of 64 ids first draws its maximum M, a Gumbel with location log(count), and the id that holds it,
// uniform; every other id is a Gumbel truncated at M: Maddison, Tarlow, Minka, "A* Sampling" (NIPS 2014),
// section 3 and appendix B. With exponentials instead of Gumbels (g = -log e) this reads: the first arrival
// of `count` unit-rate clocks is e0 = -log(u) / count, the clock that rang is uniform, the others ring at e0
// + an exponential of their own.

#include <algorithm>
#include <bit>
#include <cstdint>

#include <wisk/core/math.hpp>
#include <wisk/core/philox.hpp>

namespace wisk {

/// What a random number is a function of. Not of the rank, the batch, the arm or how often a run was
/// interrupted.
struct Draw {
  std::uint64_t seed = 0;         ///< the job's
  std::uint64_t problem_key = 0;  ///< hash of the problem's id, not its row
  std::uint32_t sample = 0;       ///< 0 .. N-1
  std::uint32_t position = 0;     ///< index among the generated tokens
};

inline constexpr int kBlockIds = 64;

constexpr int block_count(int vocabulary) {
  return (vocabulary + kBlockIds - 1) / kBlockIds;
}

/// Ids in a block: 64, or fewer in the last one.
constexpr int ids_in_block(int block, int vocabulary) {
  // Not std::min: in a kernel a reference to a constant of the host is a trap, without a word of nvcc.
  const int left = vocabulary - block * kBlockIds;
  return left < kBlockIds ? left : kBlockIds;
}

/// A number in (0, 1), never 0 or 1: an odd multiple of 2^-53 made of 52 of 64 random bits.
constexpr double uniform_of(std::uint32_t low, std::uint32_t high) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(high) << 32) | low;
  // As the mantissa of a double in [1, 2), then less 1 - 2^-53: exact, and vectorisable without a 64-bit
  // conversion.
  return std::bit_cast<double>((bits >> 12) | 0x3ff0000000000000u) - (1.0 - 0x1p-53);
}

/// The largest Gumbel of a block.
struct BlockNoise {
  double arrival = 0;  ///< e0 = exp(-maximum)
  double maximum = 0;  ///< M
  int holder = 0;      ///< the id that holds it
};

/// The noise of one token's choice. A value; its functions are pure and thread-safe.
class Noise {
 public:
  constexpr explicit Noise(const Draw& draw)
      : state_(philox4x32(
            {static_cast<std::uint32_t>(draw.problem_key), static_cast<std::uint32_t>(draw.problem_key >> 32),
             draw.sample, draw.position},
            {static_cast<std::uint32_t>(draw.seed), static_cast<std::uint32_t>(draw.seed >> 32)})) {}

  /// The maximum of block `block`, which has `count` ids (1..64), the first being 64 * block.
  [[nodiscard]] constexpr BlockNoise block(int block, int count) const {
    const PhiloxCounter bits = words(kBlockStream, static_cast<std::uint32_t>(block));
    BlockNoise noise;
    noise.arrival = -math::log(uniform_of(bits[0], bits[1])) / count;
    noise.maximum = -math::log(noise.arrival);
    // The upper 32 bits of a product: uniform over `count` to 2^-26 relative, exactly so for 64.
    noise.holder =
        block * kBlockIds +
        static_cast<int>((static_cast<std::uint64_t>(bits[2]) * static_cast<std::uint64_t>(count)) >> 32);
    return noise;
  }

  [[nodiscard]] constexpr double block_maximum(int block, int count) const {
    return this->block(block, count).maximum;
  }

  /// The Gumbel of token `id` of the block whose maximum is `of_block`; never above that maximum.
  [[nodiscard]] constexpr double gumbel(int id, const BlockNoise& of_block) const {
    if (id == of_block.holder) return of_block.maximum;
    const PhiloxCounter bits = words(kIdStream, static_cast<std::uint32_t>(id));
    const double own = -math::log(uniform_of(bits[0], bits[1]));
    return std::min(of_block.maximum, -math::log(of_block.arrival + own));
  }

 private:
  static constexpr std::uint32_t kBlockStream = 0, kIdStream = 1;

  /// 128 random bits of `index` in one of the two streams: the first hash's words are half key, half counter.
  [[nodiscard]] constexpr PhiloxCounter words(std::uint32_t stream, std::uint32_t index) const {
    return philox4x32({index, stream, state_[2], state_[3]}, {state_[0], state_[1]});
  }

  PhiloxCounter state_;
};

}  // namespace wisk
