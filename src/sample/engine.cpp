#include <wisk/sample/engine.hpp>

#include <algorithm>

#include <wisk/core/assert.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>

#include "engine_state.hpp"

namespace wisk::sample {

Engine::Engine(device::Device& device, model::Transformer& transformer, const EngineLimits& limits)
    : state_(std::make_unique<State>(device, transformer, limits)) {
  // On a device with memory of its own it is taken now: later nobody could ask for less.
  if (device.is_host_memory()) return;
  transformer.reserve(limits.max_batch + limits.prefill_chunk, limits.max_batch, state_->cache);
  transformer.reserve(limits.max_batch, limits.max_batch, state_->cache);  // such steps are padded
}

Engine::~Engine() = default;

const EngineCounters& Engine::counters() const {
  return state_->counters;
}

bool Engine::run(const Sampling& sampling, const EngineCallbacks& callbacks) {
  state_->sampling = &sampling;
  state_->callbacks = &callbacks;
  state_->more = true;
  const SamplingParameters& p = sampling.parameters;
  state_->choosing = {sampling.seed, p.temperature, p.top_k, p.top_p, p.min_p};
  state_->on_device = state_->transformer.chooses();
  if (state_->on_device) check(p);
  try {
    return state_->run();
  } catch (...) {
    state_->end_step();
    state_->forget_everything();
    throw;
  }
}

/// On a device with memory of its own a step may still be under way, and use what is about to be forgotten.
void Engine::State::end_step() noexcept {
  if (device.is_host_memory()) return;
  try {
    device.wait();
  } catch (const std::exception&) {  // what was thrown first says more
  }
}

bool Engine::State::run() {
  for (;;) {
    if (callbacks->interrupted()) {
      settle_now();
      hand_over_unfinished();
      return false;
    }
    if (callbacks->save_due && callbacks->save_due()) show_unfinished();
    fetch();
    admit();
    build_step();
    if (step.ids.empty()) {
      settle_now();
      if (batch.empty() && waiting.empty() && !more) break;
      continue;  // everything admitted ended with its first token
    }
    compute();
  }
  release_everything();
  return true;
}

/// Asks for work until the batch is full and the samples that wait fill half of it again: enough for prompts
/// to be computed before their samples are due, and little that another replica could have taken.
void Engine::State::fetch() {
  const auto enough = [this] {
    const auto ahead = static_cast<int>(waiting.size());
    return ahead >= (limits.max_batch + 1) / 2 && ahead + static_cast<int>(batch.size()) >= limits.max_batch;
  };
  while (more && !enough()) {
    std::optional<Request> request = callbacks->next();
    if (request) {
      accept(std::move(*request));
    } else {
      more = false;
    }
  }
}

void Engine::State::accept(Request&& request) {
  WISK_ASSERT(!request.prompt.empty());
  const auto length = static_cast<std::int64_t>(request.prompt.size()) + sampling->parameters.max_tokens;
  const std::int64_t context = transformer.architecture().max_positions;
  if (length > context) {
    throw InputError("prompt of " + std::to_string(request.prompt.size()) + " tokens with max_tokens " +
                         std::to_string(sampling->parameters.max_tokens),
                     "at most " + std::to_string(context) + " positions (max_position_embeddings)",
                     std::to_string(length));
  }
  const int needed = pages_for(length) + 1;  // a prompt's partly filled page is there twice
  if (needed > pool.size()) {
    throw EnvironmentError("key/value cache: expected room for one sequence of " + std::to_string(length) +
                           " tokens (" + std::to_string(needed) + " pages), found " +
                           std::to_string(pool.size()) +
                           " pages: raise engine.kv_cache or lower decode.max_tokens");
  }
  const std::shared_ptr<Prompt> prompt = prompt_of(request);
  prompt->waiting += static_cast<int>(request.samples.size());
  for (SampleStart& start : request.samples) {
    Waiting item{
        prompt, start.sample, std::move(start.tokens), std::move(start.logprobs), callbacks->make_watcher(),
        0};
    // What was saved may hold tokens behind the one that ends it: nobody had looked at them then.
    if (finish_if_done(item)) {
      --prompt->waiting;
    } else {
      waiting.push_back(std::move(item));
    }
  }
}

/// The prompt in the cache under the request's tag, or a new one.
std::shared_ptr<Prompt> Engine::State::prompt_of(Request& request) {
  for (const auto& prompt : prompts) {
    if (prompt->tag == request.tag) return prompt;
  }
  auto prompt = std::make_shared<Prompt>();
  prompt->tag = request.tag;
  prompt->problem_key = request.problem_key;
  prompt->ids = std::move(request.prompt);
  prompt->needed = static_cast<std::int64_t>(prompt->ids.size()) - (on_device ? 1 : 0);
  prompts.push_back(prompt);
  return prompt;
}

/// Fills the batch with samples whose prompt is ready.
void Engine::State::admit() {
  for (auto next = waiting.begin();
       next != waiting.end() && static_cast<int>(batch.size()) < limits.max_batch;) {
    if (!next->prompt->ready()) {
      ++next;
      continue;
    }
    Waiting item = std::move(*next);
    next = waiting.erase(next);
    if (!start(std::move(item))) break;  // no pages left: it is back at the front
    next = waiting.begin();
  }
  choose_first_tokens();
  prune_prompts();
}

/// The first tokens of samples that begin, from the logits that their prompts have kept.
void Engine::State::choose_first_tokens() {
  if (fresh.empty()) return;
  const Stopwatch watch;
  choices.assign(fresh.size(), {});
  device.for_each(static_cast<std::int64_t>(fresh.size()), [&](std::int64_t i, int member) {
    const Waiting& sample = fresh[static_cast<std::size_t>(i)]->state;
    const Draw draw{sampling->seed, sample.prompt->problem_key, sample.sample, 0};
    choices[static_cast<std::size_t>(i)] = choose(sample.prompt->logits, sample.prompt->maxima, draw, member);
  });
  counters.choose_seconds += watch.seconds();
  for (std::size_t i = 0; i < fresh.size(); ++i) append(*fresh[i], choices[i]);
  // A sample whose first token is its last leaves at once.
  std::erase_if(batch, [&](const std::unique_ptr<Running>& sequence) {
    if (std::find(fresh.begin(), fresh.end(), sequence.get()) == fresh.end() ||
        !finish_if_done(sequence->state))
      return false;
    pool.release(sequence->pages);
    return true;
  });
  fresh.clear();
}

/// Puts a sample into the batch on top of its prompt's pages. False when there is no page for it now.
bool Engine::State::start(Waiting&& item) {
  const std::vector<std::int32_t>& shared = item.prompt->pages;
  const bool partial = item.prompt->needed % device::kPageTokens != 0;
  // A page for the copy or for the first token, so that a sample never starts only to be preempted at once.
  if (!make_room(1)) {
    if (batch.empty()) drop_prompts(item.prompt.get());  // nothing else would ever free a page
    if (!make_room(1)) {
      waiting.push_front(std::move(item));
      return false;
    }
  }
  auto running = std::make_unique<Running>();
  running->pages = shared;
  for (std::size_t i = 0; i + (partial ? 1 : 0) < shared.size(); ++i) pool.share(shared[i]);
  if (partial) {
    running->pages.back() = pool.take();
    device.copy_page(cache, shared.back(), running->pages.back());
  }
  running->computed = item.prompt->needed;
  --item.prompt->waiting;
  running->state = std::move(item);
  if (running->state.tokens.empty() && !on_device) {
    fresh.push_back(running.get());
  } else {
    counters.recomputed_tokens += running->length() - running->computed - 1;
  }
  batch.push_back(std::move(running));
  return true;
}

void Engine::State::append(Running& sequence, const Choice& choice) {
  sequence.state.tokens.push_back(choice.token);
  sequence.state.logprobs.push_back(choice.logprob);
  ++counters.generated_tokens;
}

/// Looks at the tokens that nobody has looked at; hands a finished sample over. Tokens behind the one that
/// finishes it were drawn before anybody knew: they are dropped.
bool Engine::State::finish_if_done(Waiting& sample) {
  while (sample.seen < sample.tokens.size()) {
    const std::int32_t token = sample.tokens[sample.seen++];
    std::optional<FinishReason> finish;
    if (std::binary_search(sampling->end_tokens.begin(), sampling->end_tokens.end(), token)) {
      finish = FinishReason::kEndOfSequence;
    } else if (sample.watcher->push(token)) {
      finish = FinishReason::kStopString;
    } else if (static_cast<int>(sample.seen) >= sampling->parameters.max_tokens) {
      finish = FinishReason::kLength;
    }
    if (!finish) continue;
    sample.tokens.resize(sample.seen);
    sample.logprobs.resize(sample.seen);
    callbacks->done({sample.prompt->tag, sample.sample, std::move(sample.tokens), std::move(sample.logprobs),
                     finish, sample.watcher->take_text()});
    return true;
  }
  return false;
}

void Engine::State::show_unfinished() const {
  const auto show = [&](const Waiting& sample) {
    if (!sample.tokens.empty())
      callbacks->unfinished({sample.prompt->tag, sample.sample, sample.tokens, sample.logprobs});
  };
  for (const auto& sequence : batch) show(sequence->state);
  for (const Waiting& sample : waiting) show(sample);
}

/// What is unfinished goes back to the caller; samples that had not begun give nothing.
void Engine::State::hand_over_unfinished() {
  const auto hand_over = [&](Waiting& sample) {
    if (sample.tokens.empty()) return;
    callbacks->done({sample.prompt->tag,
                     sample.sample,
                     std::move(sample.tokens),
                     std::move(sample.logprobs),
                     std::nullopt,
                     {}});
  };
  for (auto& sequence : batch) hand_over(sequence->state);
  for (Waiting& sample : waiting) hand_over(sample);
  release_everything();
}

void Engine::State::release_everything() {
  for (auto& sequence : batch) pool.release(sequence->pages);
  for (auto& prompt : prompts) pool.release(prompt->pages);
  batch.clear();
  waiting.clear();
  prompts.clear();
  ended.clear();
  WISK_ASSERT(pool.free() == pool.size());
}

/// After an exception, wherever it came from: a sequence that was being started may hold pages that nobody
/// knows of.
void Engine::State::forget_everything() {
  batch.clear();
  fresh.clear();
  ended.clear();
  waiting.clear();
  prompts.clear();
  pool = PagePool(pool.size());
}

}  // namespace wisk::sample
