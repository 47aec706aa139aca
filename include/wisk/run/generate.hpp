#pragma once
// Completions of prompts by one checkpoint or one blend, without a job.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <wisk/comm/communicator.hpp>
#include <wisk/core/verdict.hpp>
#include <wisk/merge/recipe.hpp>
#include <wisk/run/job.hpp>
#include <wisk/sample/parameters.hpp>

namespace wisk::run {

/// One prompt: text, or token ids.
struct PromptInput {
  std::string id;  ///< key of its random numbers; empty: the text, or the ids
  std::string text;
  std::vector<std::int32_t> token_ids;  ///< when not empty: instead of the text
};

struct GenerateRequest {
  merge::Recipe recipe;
  std::vector<PromptInput> prompts;
  std::string chat;  ///< "": the text as it is; "auto" or a chat format: the text is the user's message
  bool add_special_tokens = true;
  bool prompt_logprobs = false;
  sample::SamplingParameters parameters;
  std::uint64_t seed = 0;
  ModelOptions model;
  EngineOptions engine;
};

struct Completion {
  std::uint32_t sample = 0;
  std::string text;
  FinishReason finish = FinishReason::kEndOfSequence;
  std::vector<std::int32_t> token_ids;
  std::vector<float> logprobs;  // [token_ids.size()]
};

/// What came of one prompt.
struct Generated {
  std::size_t index = 0;                 ///< of the prompt
  std::vector<std::int32_t> prompt_ids;  // [T]
  std::vector<float>
      prompt_logprobs;  // [T], natural log of each token's probability after those before; [0] is 0
  std::vector<std::int32_t> prompt_argmax;  // [T], the likeliest token in each position; [0] is -1
  std::vector<Completion> completions;      // by sample
};

/// The prompts are shared out over the replicas; each rank that leads one returns its own, by index. Throws
/// InputError and EnvironmentError. Collective over `world`.
std::vector<Generated> generate(const GenerateRequest& request, comm::Communicator& world);

}  // namespace wisk::run
