// Sums of blocks: a warp a block, sixteen bytes a lane and access. Chains: a thread an accumulator.

#include "xxh3.hpp"

#include <launch.cuh>
#include <ptx.cuh>

#include <wisk/core/assert.hpp>

#include "vectors.cuh"
#include "warp.cuh"

namespace wisk::device::cuda {
namespace {

constexpr int kSumThreads = 256, kChainThreads = 32;
constexpr int kPairsOfStripe = kHashAccumulators / 2;

/// The secret by words, and where the last stripe begins in it, as kernels take it.
struct Secret {
  std::uint64_t word[kHashSecret.size()];
  std::uint64_t last[kHashAccumulators];
};

Secret secret() {
  constexpr int kOfLastStripe = 121;
  Secret secret{};
  for (std::size_t i = 0; i < kHashSecret.size(); ++i) secret.word[i] = kHashSecret[i];
  for (int i = 0; i < kHashAccumulators; ++i) secret.last[i] = hash_secret_at(kOfLastStripe + 8 * i);
  return secret;
}

/// The product of the lower and the upper half.
__device__ std::uint64_t product_of_halves(std::uint64_t x) {
  return (x & 0xffffffffu) * (x >> 32);
}

__device__ std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint64_t>(high) << 32 | low;
}

/// 16 bytes: a quarter of a stripe, or what it adds to its two accumulators.
struct alignas(16) Pair {
  std::uint64_t word[2];
};

__device__ Pair load_pair(const std::byte* data /* a multiple of 16 */) {
  const Words words = load_once_16(data);
  return {{joined(words.word[0], words.word[1]), joined(words.word[2], words.word[3])}};
}

/// Each accumulator takes its own word, and the neighbour's as it is.
__device__ void add_pair(Pair& sums, const Pair& input, const std::uint64_t (&key)[2]) {
  for (int i = 0; i < 2; ++i) {
    sums.word[i] += input.word[i ^ 1] + product_of_halves(input.word[i] ^ key[i]);
  }
}

/// CTA r does run r; its warps take turns at the blocks. Lane l has pairs l and l + 32 of a block, both at
/// place l % 4 of their stripes.
__global__ void __launch_bounds__(kSumThreads)
    sum_blocks_kernel(const HashRun* runs /* [gridDim.x] */, const Secret secret,
                      Pair* sums /* [blocks, 4] */) {
  const HashRun run = runs[blockIdx.x];
  const int lane = static_cast<int>(threadIdx.x) % kLanes, place = lane % kPairsOfStripe;
  const int stripe = lane / kPairsOfStripe, apart = kLanes / kPairsOfStripe;
  const std::uint64_t key[2] = {secret.word[stripe + 2 * place], secret.word[stripe + 2 * place + 1]};
  const std::uint64_t later_key[2] = {secret.word[stripe + apart + 2 * place],
                                      secret.word[stripe + apart + 2 * place + 1]};
  for (std::uint32_t b = threadIdx.x / kLanes; b < run.blocks; b += kSumThreads / kLanes) {
    const std::byte* block = run.data + std::int64_t{b} * kHashBlock;
    const Pair first = load_pair(block + lane * sizeof(Pair)),
               second = load_pair(block + (lane + kLanes) * sizeof(Pair));
    Pair mine = {};
    add_pair(mine, first, key);
    add_pair(mine, second, later_key);
    for (int i = kPairsOfStripe; i < kLanes; i *= 2) {
      for (std::uint64_t& sum : mine.word) sum += __shfl_xor_sync(kWholeWarp, sum, i);
    }
    if (lane < kPairsOfStripe) {
      sums[(static_cast<std::int64_t>(run.first_sum) + b) * kPairsOfStripe + place] = mine;
    }
  }
}

/// After a block.
__device__ std::uint64_t scrambled(std::uint64_t accumulator, std::uint64_t key) {
  constexpr std::uint64_t kPrime = 0x9e3779b1;
  return (accumulator ^ (accumulator >> 47) ^ key) * kPrime;
}

/// The accumulator after `blocks` blocks. Their sums are asked for some blocks ahead: a scramble takes fewer
/// cycles than memory.
__device__ std::uint64_t after_blocks(std::uint64_t accumulator, const std::uint64_t* sums /* [blocks, 8] */,
                                      std::uint32_t blocks, std::uint64_t key) {
  constexpr std::uint32_t kAhead = 16;
  const auto ask = [&](std::uint32_t first, std::uint64_t(&into)[kAhead]) {
    for (std::uint32_t k = 0; k < kAhead; ++k) {
      into[k] = first + k < blocks ? sums[std::int64_t{first + k} * kHashAccumulators] : 0;
    }
  };
  std::uint64_t now[kAhead], next[kAhead];
  ask(0, now);
  for (std::uint32_t first = 0; first < blocks; first += kAhead) {
    ask(first + kAhead, next);
    for (std::uint32_t k = 0; k < kAhead; ++k) {
      if (first + k < blocks) accumulator = scrambled(accumulator + now[k], key);
      now[k] = next[k];
    }
  }
  return accumulator;
}

/// What the bytes behind the last whole block add to accumulator i: whole stripes, then the input's last 64
/// bytes once more.
__device__ std::uint64_t sum_of_tail(const HashChain& chain, int i, const Secret& secret) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(chain.tail);
  const std::int64_t stripes = (static_cast<std::int64_t>(chain.tail_bytes) - 1) / kHashStripe;
  std::uint64_t sum = 0;
  for (std::int64_t s = 0; s < stripes; ++s) {
    const std::uint64_t* stripe = words + s * kHashAccumulators;
    sum += stripe[i ^ 1] + product_of_halves(stripe[i] ^ secret.word[s + i]);
  }
  const std::uint64_t* last = words + static_cast<std::int64_t>(chain.tail_bytes) / 8 - kHashAccumulators;
  return sum + last[i ^ 1] + product_of_halves(last[i] ^ secret.last[i]);
}

/// Threads 8 c to 8 c + 7 of the grid (one-dimensional): the accumulators of chain c.
__global__ void __launch_bounds__(kChainThreads)
    take_sums_kernel(const HashChain* chains /* [count] */, std::int64_t count, const Secret secret,
                     const std::uint64_t* sums /* [blocks, 8] */,
                     std::uint64_t* accumulators /* [inputs, 8] */) {
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * kChainThreads + threadIdx.x;
  if (thread >= count * kHashAccumulators) return;
  const HashChain chain = chains[thread / kHashAccumulators];
  const int i = static_cast<int>(thread % kHashAccumulators);
  std::uint64_t& accumulator = accumulators[std::int64_t{chain.input} * kHashAccumulators + i];
  constexpr int kOfScramble = static_cast<int>(kHashSecret.size()) - kHashAccumulators;
  std::uint64_t value =
      after_blocks(accumulator, sums + std::int64_t{chain.first_sum} * kHashAccumulators + i, chain.blocks,
                   secret.word[kOfScramble + i]);
  if (chain.tail_bytes != 0) value += sum_of_tail(chain, i, secret);
  accumulator = value;
}

}  // namespace

void sum_hash_blocks(const HashRun* runs, std::int64_t count, std::uint64_t* sums, Stream stream) {
  WISK_ASSERT(count >= 0 && count <= 0x7fffffff && takes_vectors(sums));
  launch<NoShared>(sum_blocks_kernel, static_cast<unsigned>(count), kSumThreads, stream, runs, secret(),
                   reinterpret_cast<Pair*>(sums));
}

void take_hash_sums(const HashChain* chains, std::int64_t count, const std::uint64_t* sums,
                    std::uint64_t* accumulators, Stream stream) {
  const std::int64_t blocks = (count * kHashAccumulators + kChainThreads - 1) / kChainThreads;
  WISK_ASSERT(count >= 0 && blocks <= 0x7fffffff);
  launch<NoShared>(take_sums_kernel, static_cast<unsigned>(blocks), kChainThreads, stream, chains, count,
                   secret(), sums, accumulators);
}

}  // namespace wisk::device::cuda
