#include <wisk/run/outline.hpp>

#include <algorithm>

#include <wisk/model/transformer.hpp>
#include <wisk/model/weights.hpp>
#include <wisk/sample/engine.hpp>

#include "sizes.hpp"

namespace wisk::run {

namespace {

constexpr std::uint64_t kProgramBytes = std::uint64_t{1} << 30;  // program, MPI, results in memory
constexpr int kUsualBatchOfCpu = 64;

}  // namespace

std::uint64_t pages_wanted(std::int64_t longest, int batch) {
  const auto per_sequence = static_cast<std::uint64_t>(sample::Engine::pages_for(longest)) + 1;
  return per_sequence * static_cast<std::uint64_t>(batch) * 3 / 2 + per_sequence;
}

MemoryOfRank memory_of_rank(const Plan& plan, bool on_gpu) {
  const int ranks = plan.job.model.tensor_parallel;
  const Checkpoints& c = plan.checkpoints;
  const std::uint64_t page = model::Transformer::page_bytes(c.architecture, c.compute, ranks);
  const std::uint64_t given = plan.job.engine.kv_cache_bytes;
  int batch = plan.job.engine.max_batch;
  if (batch == 0) batch = on_gpu ? kSequencesOfGpu : given > 0 ? kMostSequencesOfCpu : kUsualBatchOfCpu;
  std::uint64_t cache = page * pages_wanted(plan.longest, batch);
  if (given > 0) cache = std::min(cache, given);
  const std::uint64_t weights = model::Weights::bytes_for(c.architecture, c.storage, c.compute, ranks);
  if (on_gpu) return {kProgramBytes, weights + beside_weights_of_gpu(cache)};
  return {weights + cache + kProgramBytes, 0};
}

std::int64_t most_tokens(const Plan& plan) {
  std::int64_t tokens = 0;
  for (std::size_t a = 0; a < plan.job.arms.size(); ++a) {
    const Arm& arm = plan.job.arms[a];
    if (arm.sampled_as != a) continue;
    for (const auto& prompt : plan.prompts)
      tokens +=
          static_cast<std::int64_t>(prompt.size()) + std::int64_t{arm.decode.samples} * arm.decode.max_tokens;
  }
  return tokens;
}

Outline outline_of(const std::filesystem::path& job_file, const std::vector<std::string>& overrides) {
  const Plan plan = open_plan(job_file, overrides);
  Outline outline;
  outline.name = plan.job.name;
  outline.task = plan.task.name();
  outline.k = plan.job.k;
  for (std::size_t a = 0; a < plan.job.arms.size(); ++a) {
    const Arm& arm = plan.job.arms[a];
    const bool own = arm.sampled_as == a;
    outline.arms.push_back(
        {arm.name, arm.recipe.in_words(), arm.decode.samples, own ? "" : plan.job.arms[arm.sampled_as].name});
    outline.cells += own ? static_cast<std::int64_t>(plan.prompts.size()) : 0;
  }
  const auto& problems = plan.task.problems();
  const auto on = [&](task::SplitSide side) {
    return std::count_if(problems.begin(), problems.end(),
                         [side](const task::Problem& problem) { return problem.side == side; });
  };
  outline.problems = static_cast<std::int64_t>(problems.size());
  outline.choose = on(task::SplitSide::kChoose);
  outline.report = on(task::SplitSide::kReport);
  outline.skipped_golds = static_cast<std::int64_t>(plan.task.skipped_golds());
  outline.samples = plan.samples();
  outline.most_tokens = most_tokens(plan);
  outline.longest = plan.longest;
  outline.on_cpu = memory_of_rank(plan, false);
  outline.on_gpu = memory_of_rank(plan, true);
  outline.device = plan.job.engine.device;
  return outline;
}

}  // namespace wisk::run
