#pragma once
// XXH3-64 of device memory, where it lies: its parts that can be computed side by side, by kernels. The
// algorithm for inputs of more than 240 bytes is section "XXH3" of xxHash's specification
// (doc/xxhash_spec.md): eight accumulators take stripes of 64 bytes; after each block of sixteen stripes they
// are scrambled. What a block's stripes add does not depend on the accumulators, so the blocks' sums are
// computed side by side; then a chain of scrambles, eight numbers long, takes them in.

#include <stream.hpp>

#include <array>
#include <cstdint>

namespace wisk::device::cuda {

inline constexpr int kHashAccumulators = 8;
inline constexpr std::int64_t kHashStripe = 64, kHashBlock = 16 * kHashStripe;  ///< bytes
/// Shorter inputs are hashed in other ways.
inline constexpr std::int64_t kHashShortest = 241;

/// The secret of XXH3, its 192 bytes as little-endian words.
inline constexpr std::array<std::uint64_t, 24> kHashSecret = {
    0xbe4ba423396cfeb8, 0x1cad21f72c81017c, 0xdb979083e96dd4de, 0x1f67b3b7a4a44072, 0x78e5c0cc4ee679cb,
    0x2172ffcc7dd05a82, 0x8e2443f7744608b8, 0x4c263a81e69035e0, 0xcb00c391bb52283c, 0xa32e531b8b65d088,
    0x4ef90da297486471, 0xd8acdea946ef1938, 0x3f349ce33f76faa8, 0x1d4f0bc7c7bbdcf9, 0x3159b4cd4be0518a,
    0x647378d9c97e9fc8, 0xc3ebd33483acc5ea, 0xeb6313faffa081c5, 0x49daf0b751dd0d17, 0x9e68d429265516d3,
    0xfca1477d58be162b, 0xce31d07ad1b8f88f, 0x280416958f3acb45, 0x7e404bbbcafbd7af};

/// Eight bytes of the secret from byte `at`.
constexpr std::uint64_t hash_secret_at(int at) {
  const auto word = static_cast<std::size_t>(at / 8);
  const int shift = at % 8 * 8;
  return shift == 0 ? kHashSecret[word] : kHashSecret[word] >> shift | kHashSecret[word + 1] << (64 - shift);
}

/// Neighbouring blocks of an input, as many as a CTA sums.
struct alignas(16) HashRun {
  static constexpr std::int64_t kMostBlocks = 64;
  const std::byte* data = nullptr;  ///< a multiple of 16
  std::uint32_t blocks = 0;         ///< at most kMostBlocks
  std::uint32_t first_sum = 0;      ///< where the sums of the first block go
};

/// Blocks of an input whose sums an input's accumulators take in next, and what is left of it then.
struct HashChain {
  const std::byte* tail = nullptr;  ///< a multiple of 8; the input's last 64 bytes end tail_bytes behind it
  std::uint32_t tail_bytes = 0;     ///< 1 to 1024, a multiple of 8; 0: other blocks follow in a later call
  std::uint32_t first_sum = 0, blocks = 0;
  std::uint32_t input = 0;  ///< which accumulators
};

/// sums[first_sum + b] := what the stripes of a run's block b add to the accumulators.
void sum_hash_blocks(const HashRun* runs /* [count] */, std::int64_t count,
                     std::uint64_t* sums /* [blocks, 8], aligned to 16 bytes */, Stream stream);

/// Takes the sums of `chains`, each of another input, into the accumulators, which hold
/// kHashAccumulatorsAtFirst before an input's first chain. After the last one the hash follows from them and
/// the input's length (hash_of_accumulators).
void take_hash_sums(const HashChain* chains /* [count] */, std::int64_t count,
                    const std::uint64_t* sums /* [blocks, 8] */,
                    std::uint64_t* accumulators /* [inputs, 8] */, Stream stream);

inline constexpr std::array<std::uint64_t, kHashAccumulators> kHashAccumulatorsAtFirst = {
    0xc2b2ae3d,         0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9,
    0x85ebca77c2b2ae63, 0x85ebca77,         0x27d4eb2f165667c5, 0x9e3779b1};

}  // namespace wisk::device::cuda
