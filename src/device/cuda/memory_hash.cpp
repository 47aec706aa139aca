#include "memory_hash.hpp"

#include <algorithm>

#include <wisk/core/assert.hpp>

#include "vectors.cuh"

namespace wisk::device::cuda {

bool can_hash_on_device(const MemoryPart& part) {
  return part.bytes >= kHashShortest && part.bytes % sizeof(std::uint64_t) == 0 && takes_vectors(part.data);
}

HashPlan plan_hashes(std::span<const MemoryPart> parts, std::int64_t sums) {
  WISK_ASSERT(sums >= 1);
  HashPlan plan;
  std::int64_t used = sums;  // of the round's sums: the first part begins the first round
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto bytes = static_cast<std::int64_t>(parts[i].bytes);
    const std::int64_t blocks = (bytes - 1) / kHashBlock;  // those with bytes behind them
    std::int64_t done = 0;
    do {
      if (used == sums) {
        plan.rounds.push_back({plan.runs.size(), 0, plan.chains.size(), 0});
        used = 0;
      }
      HashPlan::Round& round = plan.rounds.back();
      const std::int64_t now = std::min(blocks - done, sums - used);
      HashChain chain;
      chain.first_sum = static_cast<std::uint32_t>(used);
      chain.blocks = static_cast<std::uint32_t>(now);
      chain.input = static_cast<std::uint32_t>(i);
      for (std::int64_t b = 0; b < now; b += HashRun::kMostBlocks) {
        plan.runs.push_back({parts[i].data + (done + b) * kHashBlock,
                             static_cast<std::uint32_t>(std::min(HashRun::kMostBlocks, now - b)),
                             static_cast<std::uint32_t>(used + b)});
        ++round.runs;
      }
      used += now;
      done += now;
      if (done == blocks) {
        chain.tail = parts[i].data + blocks * kHashBlock;
        chain.tail_bytes = static_cast<std::uint32_t>(bytes - blocks * kHashBlock);
      }
      plan.chains.push_back(chain);
      ++round.chains;
      plan.most_sums = std::max(plan.most_sums, used);
    } while (done < blocks);
  }
  return plan;
}

namespace {

__extension__ using Wide = unsigned __int128;

/// The halves of the product of two words, one xor the other.
std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::uint64_t hash_of_accumulators(std::span<const std::uint64_t, kHashAccumulators> accumulators,
                                   std::uint64_t bytes) {
  constexpr std::uint64_t kOfLength = 0x9e3779b185ebca87, kOfAvalanche = 0x165667919e3779f9;
  constexpr int kOfMerge = 11;  // where in the secret
  std::uint64_t hash = bytes * kOfLength;
  for (int i = 0; i < kHashAccumulators; i += 2) {
    const auto a = static_cast<std::size_t>(i);
    hash += folded_product(accumulators[a] ^ hash_secret_at(kOfMerge + 8 * i),
                           accumulators[a + 1] ^ hash_secret_at(kOfMerge + 8 * i + 8));
  }
  hash = (hash ^ hash >> 37) * kOfAvalanche;
  return hash ^ hash >> 32;
}

std::vector<std::uint64_t> MemoryHash::hash(std::span<const MemoryPart> parts, Stream stream) {
  if (parts.empty()) return {};
  const HashPlan plan = plan_hashes(parts, sums_);
  const std::size_t of_accumulators = parts.size() * sizeof kHashAccumulatorsAtFirst,
                    of_runs = plan.runs.size() * sizeof(HashRun),
                    of_chains = plan.chains.size() * sizeof(HashChain);
  const std::size_t bytes = of_accumulators + of_runs + of_chains;
  const auto sums = static_cast<std::size_t>(plan.most_sums) * sizeof kHashAccumulatorsAtFirst;
  if (device_sums_.bytes() < sums) device_sums_ = DeviceArray(sums);
  if (device_.bytes() < bytes) {
    host_ = PinnedBuffer(bytes);
    device_ = DeviceArray(bytes);
  }
  auto* accumulators = host_.as<std::uint64_t>();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::ranges::copy(kHashAccumulatorsAtFirst, accumulators + i * kHashAccumulators);
  }
  std::ranges::copy(std::as_bytes(std::span(plan.runs)), host_.data() + of_accumulators);
  std::ranges::copy(std::as_bytes(std::span(plan.chains)), host_.data() + of_accumulators + of_runs);
  copy_to_device(device_.data(), host_.data(), bytes, stream);
  const auto* runs = reinterpret_cast<const HashRun*>(device_.data() + of_accumulators);
  const auto* chains = reinterpret_cast<const HashChain*>(device_.data() + of_accumulators + of_runs);
  for (const HashPlan::Round& round : plan.rounds) {
    sum_hash_blocks(runs + round.first_run, static_cast<std::int64_t>(round.runs),
                    device_sums_.as<std::uint64_t>(), stream);
    take_hash_sums(chains + round.first_chain, static_cast<std::int64_t>(round.chains),
                   device_sums_.as<std::uint64_t>(), device_.as<std::uint64_t>(), stream);
  }
  copy_to_host(accumulators, device_.data(), of_accumulators, stream);
  synchronize(stream);
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    hashes.push_back(hash_of_accumulators(std::span<const std::uint64_t, kHashAccumulators>(
                                              accumulators + i * kHashAccumulators, kHashAccumulators),
                                          parts[i].bytes));
  }
  return hashes;
}

}  // namespace wisk::device::cuda
