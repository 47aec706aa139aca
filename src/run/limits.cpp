// How many sequences and pages an engine works with, and the engine.
#include <algorithm>

#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>
#include <wisk/run/model_setup.hpp>
#include <wisk/sample/engine.hpp>

#include "memory.hpp"
#include "sizes.hpp"

namespace wisk::run {

namespace {

/// Bytes for keys and values beside the weights, where the job does not say: of what this rank may have of a
/// GPU's free memory, or of the host's.
std::uint64_t cache_budget(std::uint64_t weights, const EngineOptions& options, const Topology& topology) {
  const auto ranks = static_cast<std::uint64_t>(topology.node->size());
  if (!topology.gpu) {  // half: checkpoints are mapped, and others have work here, too
    const std::uint64_t share = available_memory() / ranks;
    return share > weights ? (share - weights) / 2 : 0;
  }
  const std::uint64_t share = topology.gpu_free_bytes / (options.share_gpu ? ranks : 1);
  return share > weights ? cache_of_gpu(share - weights) : 0;
}

/// On a GPU as many as sizes.hpp says. On the CPU: the widest values of a step, the feed-forward's
/// gates and inputs (2 x [rows, F], f32), stay in the second cache level of the cores that work on them.
/// Fewer rows than 32 wait for weights; with more than 256 nothing is gained and the cache of keys grows.
int batch_size(const Checkpoints& checkpoints, const EngineOptions& options, const Topology& topology) {
  if (options.max_batch > 0) return options.max_batch;
  if (topology.gpu) return kSequencesOfGpu;
  const std::int64_t row =
      2 * static_cast<std::int64_t>(sizeof(float)) * checkpoints.architecture.feed_forward;
  const std::int64_t cache =
      device::cpu_cache_bytes(cpu_options(options, topology)) * topology.replica->size();
  double fewest[] = {-static_cast<double>(
      std::clamp<std::int64_t>(cache / row / 16 * 16, kFewestSequencesOfCpu, kMostSequencesOfCpu))};
  topology.replica->all_reduce_max(fewest);
  return static_cast<int>(-fewest[0]);
}

/// Pages for the cache: what `largest_batch` sequences of `longest` tokens need, if that fits the memory
/// budget, else what fits.
int plan_pages(const Checkpoints& checkpoints, const EngineOptions& options, const Topology& topology,
               std::int64_t longest, int largest_batch) {
  const std::uint64_t page =
      model::Transformer::page_bytes(checkpoints.architecture, checkpoints.compute, topology.replica->size());
  const auto per_sequence = static_cast<std::uint64_t>(sample::Engine::pages_for(longest)) + 1;
  const std::uint64_t wanted = pages_wanted(longest, largest_batch);
  std::uint64_t budget = options.kv_cache_bytes;
  if (budget == 0) {
    const std::uint64_t weights = model::Weights::bytes_for(checkpoints.architecture, checkpoints.storage,
                                                            checkpoints.compute, topology.replica->size());
    budget = cache_budget(weights, options, topology);
  }
  double fewest[] = {-static_cast<double>(std::min(wanted, budget / page))};
  topology.replica->all_reduce_max(fewest);
  const auto pages = static_cast<std::uint64_t>(-fewest[0]);
  if (pages < per_sequence) {
    throw EnvironmentError("key/value cache: expected at least " +
                           std::to_string((per_sequence * page + 1023) / 1024) + " KiB for one sequence of " +
                           std::to_string(longest) + " tokens, found " + std::to_string(budget / 1024) +
                           " KiB: raise engine.kv_cache or lower decode.max_tokens");
  }
  constexpr std::uint64_t kMostPages = std::uint64_t{1} << 30;
  return static_cast<int>(std::min(pages, kMostPages));
}

}  // namespace

sample::EngineLimits plan_limits(const Checkpoints& checkpoints, const EngineOptions& options,
                                 const Topology& topology, std::int64_t longest) {
  constexpr int kPrefillOfCpu = 128, kPrefillOfGpu = 1024;  // more rows than those give products nothing
  sample::EngineLimits limits;
  limits.max_batch = batch_size(checkpoints, options, topology);
  limits.prefill_chunk = options.prefill_chunk;
  if (limits.prefill_chunk == 0) limits.prefill_chunk = topology.gpu ? kPrefillOfGpu : kPrefillOfCpu;
  limits.pages = plan_pages(checkpoints, options, topology, longest, limits.max_batch);
  return limits;
}

std::unique_ptr<sample::Engine> make_engine(ResidentModel& resident, sample::EngineLimits limits,
                                            const Topology& topology, std::int64_t longest) {
  for (;;) {
    std::unique_ptr<sample::Engine> engine;
    std::string trouble;
    try {
      engine = std::make_unique<sample::Engine>(resident.device(), resident.transformer(), limits);
    } catch (const OutOfMemory& error) {
      trouble = error.what();
    }
    double failed[] = {engine == nullptr ? 1.0 : 0.0};
    topology.replica->all_reduce_max(failed);
    if (failed[0] == 0) return engine;
    engine.reset();
    const int fewest = sample::Engine::pages_for(longest) + 1;
    if (!topology.gpu || (limits.max_batch == 1 && limits.prefill_chunk == 1 && limits.pages <= fewest)) {
      throw OutOfMemory(trouble.empty() ? "memory: another rank of this model has too little" : trouble);
    }
    limits.max_batch = std::max(limits.max_batch / 2, 1);
    limits.prefill_chunk = std::max(limits.prefill_chunk / 2, 1);
    limits.pages = std::max(limits.pages / 2, fewest);
    if (topology.leads()) {
      log_warning("not enough memory on " + topology.replica->host() + " for what was planned (" + trouble +
                  "): " + std::to_string(limits.max_batch) + " sequences at once instead");
    }
  }
}

}  // namespace wisk::run
