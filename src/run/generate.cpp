#include <wisk/run/generate.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/run/interrupt.hpp>
#include <wisk/run/model_setup.hpp>
#include <wisk/sample/choose.hpp>
#include <wisk/sample/engine.hpp>
#include <wisk/tokenizer/chat.hpp>

#include "stop_watcher.hpp"
#include "together.hpp"

namespace wisk::run {

namespace {

/// Everything that is opened before a token is computed.
struct Setup {
  Checkpoints checkpoints;
  tokenizer::Tokenizer tokenizer;
  std::vector<std::vector<std::int32_t>> prompts;  // [prompts]
  std::int64_t longest = 0;
  std::vector<std::int32_t> end_tokens;  ///< sorted
};

/// `format` none: the prompt's text as it is.
std::vector<std::int32_t> encode(const PromptInput& prompt, std::optional<tokenizer::ChatFormat> format,
                                 bool add_special_tokens, const tokenizer::Tokenizer& tokenizer) {
  if (!prompt.token_ids.empty()) return prompt.token_ids;
  if (!format) return tokenizer.encode(prompt.text, add_special_tokens);
  const std::vector<tokenizer::Message> messages = {{"user", prompt.text}};
  return tokenizer.encode(tokenizer::render_chat(*format, tokenizer, messages), false);
}

Setup set_up(const GenerateRequest& request) {
  std::vector<std::filesystem::path> folders;
  for (const merge::Ingredient& ingredient : request.recipe.ingredients) folders.push_back(ingredient.folder);
  Setup setup{open_checkpoints(folders, request.model), shared_tokenizer(folders), {}, 0, {}};
  setup.end_tokens = with_stop_tokens(setup.checkpoints.end_tokens, request.parameters.stop, setup.tokenizer);
  std::optional<tokenizer::ChatFormat> format;
  if (!request.chat.empty()) {
    format = chat_format_of(request.chat, setup.tokenizer, "--chat");
    setup.end_tokens = with_turn_end(setup.end_tokens, *format, setup.tokenizer);
  }
  for (std::size_t i = 0; i < request.prompts.size(); ++i) {
    setup.prompts.push_back(encode(request.prompts[i], format, request.add_special_tokens, setup.tokenizer));
    const std::int64_t length =
        checked_length(setup.prompts.back(), request.parameters.max_tokens, setup.checkpoints.architecture,
                       "prompt " + std::to_string(i + 1), "max-tokens");
    setup.longest = std::max(setup.longest, length);
  }
  return setup;
}

/// What a prompt's token was worth to the model in front of it.
struct Score {
  float logprob;        // natural log
  std::int32_t argmax;  // the likeliest token instead
};

/// Scores of the rows' targets: by the device where it chooses tokens, as it does those of completions.
std::vector<Score> score(model::Transformer& transformer, const device::StepTokens& step,
                         device::KvCache& cache, std::span<const std::int32_t> rows /* [R] */,
                         std::span<const std::int32_t> targets /* [R] */) {
  std::vector<Score> scores;
  if (transformer.chooses()) {
    device::Choosing greedy;
    greedy.temperature = 0;
    const device::StepChoice choice{greedy, {}, targets};
    transformer.begin(step, cache, rows, choice);
    for (const device::RowChoice& row : transformer.choices()) scores.push_back({row.logprob, row.token});
    return scores;
  }
  const auto less = [](float a, float b) { return a < b || (std::isnan(a) && !std::isnan(b)); };
  const model::Logits logits = transformer.forward(step, cache, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = logits.row(i);
    scores.push_back({sample::log_probability(row, targets[i]),
                      static_cast<std::int32_t>(std::ranges::max_element(row, less) - row.begin())});
  }
  return scores;
}

/// Log-probabilities of a prompt's own tokens but the first, computed in chunks. Throws InputError where a
/// token has none.
void score_prompt(ResidentModel& resident, Generated& row) {
  constexpr std::size_t kChunk = 32;
  const std::span<const std::int32_t> ids = row.prompt_ids;
  model::Transformer& transformer = resident.transformer();
  device::KvCache cache =
      transformer.make_cache(sample::Engine::pages_for(static_cast<std::int64_t>(ids.size())));
  std::vector<std::int32_t> pages(static_cast<std::size_t>(cache.pages));
  std::iota(pages.begin(), pages.end(), 0);
  row.prompt_logprobs.assign(1, 0.0f);
  row.prompt_argmax.assign(1, -1);
  for (std::size_t begin = 0; begin + 1 < ids.size(); begin += kChunk) {
    const std::size_t count = std::min(kChunk, ids.size() - 1 - begin);
    std::vector<std::int32_t> positions(count), rows(count);
    const std::vector<std::int32_t> page_rows(count, 0);
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(begin));
    std::iota(rows.begin(), rows.end(), 0);
    for (const Score& token : score(transformer, {ids.subspan(begin, count), positions, page_rows, pages},
                                    cache, rows, ids.subspan(begin + 1, count))) {
      if (std::isnan(token.logprob)) {
        throw InputError("prompt " + std::to_string(row.index + 1) + ", token " +
                             std::to_string(row.prompt_logprobs.size() + 1),
                         "logits that are numbers", "NaN or +inf among them (are the weights broken?)");
      }
      row.prompt_logprobs.push_back(token.logprob);
      row.prompt_argmax.push_back(token.argmax);
    }
  }
}

std::uint64_t key_of(const PromptInput& prompt) {
  if (!prompt.id.empty()) return xxh3(prompt.id);
  return prompt.token_ids.empty() ? xxh3(prompt.text) : xxh3(std::as_bytes(std::span(prompt.token_ids)));
}

}  // namespace

std::vector<Generated> generate(const GenerateRequest& request, comm::Communicator& world) {
  const InterruptHandler handler;
  const Setup setup = rank_zero_first(world, [&] { return set_up(request); });
  Topology topology;
  sample::EngineLimits limits;
  one_rank_complains(world, [&] {
    topology = make_topology(world, request.model.tensor_parallel, setup.checkpoints.architecture);
  });
  place_ranks(world, request.engine, topology);
  one_rank_complains(
      world, [&] { limits = plan_limits(setup.checkpoints, request.engine, topology, setup.longest); });
  ResidentModel resident(setup.checkpoints, request.engine, topology);
  resident.blend(request.recipe);

  std::vector<Generated> rows;  // of this replica
  const auto replicas = static_cast<std::size_t>(topology.replicas),
             mine = static_cast<std::size_t>(topology.replica_index);
  for (std::size_t i = mine; i < setup.prompts.size(); i += replicas) {
    rows.emplace_back();
    rows.back().index = i;
    rows.back().prompt_ids = setup.prompts[i];
    rows.back().completions.resize(static_cast<std::size_t>(request.parameters.samples));
    if (request.prompt_logprobs) score_prompt(resident, rows.back());
  }
  if (request.parameters.max_tokens > 0) {
    const auto engine = make_engine(resident, limits, topology, setup.longest);
    const sample::Sampling sampling{request.parameters, request.seed, setup.end_tokens};
    std::size_t next = 0;
    sample::EngineCallbacks callbacks;
    callbacks.next = [&]() -> std::optional<sample::Request> {
      if (next == rows.size()) return std::nullopt;
      sample::Request work;
      work.tag = static_cast<std::int64_t>(next);
      work.problem_key = key_of(request.prompts[rows[next].index]);
      work.prompt = rows[next].prompt_ids;
      for (int s = 0; s < request.parameters.samples; ++s)
        work.samples.push_back({static_cast<std::uint32_t>(s), {}, {}});
      ++next;
      return work;
    };
    callbacks.done = [&](sample::Drawn&& drawn) {
      if (!drawn.finish) return;
      rows[static_cast<std::size_t>(drawn.tag)].completions[drawn.sample] = {
          drawn.sample, std::move(drawn.text), *drawn.finish, std::move(drawn.tokens),
          std::move(drawn.logprobs)};
    };
    callbacks.interrupted = [&] { return topology.agree(InterruptHandler::requested()); };
    callbacks.make_watcher = [&] {
      return std::make_unique<StopWatcher>(setup.tokenizer, request.parameters.stop);
    };
    if (!engine->run(sampling, callbacks))
      throw Interrupted("generate was interrupted by a signal; nothing was written");
  } else {
    for (Generated& row : rows) row.completions.clear();
  }
  if (!topology.leads()) rows.clear();
  return rows;
}

}  // namespace wisk::run
