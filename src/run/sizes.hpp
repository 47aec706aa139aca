#pragma once
// How large a job is, from headers alone.

#include <cstdint>

#include <wisk/run/outline.hpp>

#include "plan.hpp"

namespace wisk::run {

/// Sequences at once on a GPU where the job does not say. From some 256 on products take longer than reading
/// the weights, which is all that more sequences would share (docs/performance.md).
inline constexpr int kSequencesOfGpu = 256;
/// And on the CPU, by its caches: limits.cpp.
inline constexpr int kFewestSequencesOfCpu = 32, kMostSequencesOfCpu = 256;

/// Of a GPU's memory beside the weights so much is for keys and values where the job does not say; the rest
/// for a step's values, graphs and NCCL, and what remains of that keeps the ingredients.
constexpr std::uint64_t cache_of_gpu(std::uint64_t beside_weights) {
  return beside_weights / 4 * 3;
}

/// What has to be free beside the weights for a cache of so many bytes.
constexpr std::uint64_t beside_weights_of_gpu(std::uint64_t cache) {
  return (cache + 2) / 3 * 4;
}

/// Pages of a cache that `batch` sequences of at most `longest` tokens find room in, and the prompts that
/// wait or are kept: half as many again.
std::uint64_t pages_wanted(std::int64_t longest, int batch);

/// What a rank needs on the CPU or on a GPU: weights, keys and values of a full batch (of a usual one where
/// neither engine.max_batch nor engine.kv_cache says more), and the program. The checkpoints are mapped: what
/// a job of a control group maps is given back when memory is short.
MemoryOfRank memory_of_rank(const Plan& plan, bool on_gpu);

/// Tokens that are computed when every sample is as long as it may be.
std::int64_t most_tokens(const Plan& plan);

}  // namespace wisk::run
