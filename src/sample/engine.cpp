#include <wisk/sample/engine.hpp>

#include <algorithm>
#include <deque>
#include <list>

#include <wisk/core/assert.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>
#include <wisk/sample/choose.hpp>

#include "page_pool.hpp"
#include "sequence.hpp"

namespace wisk::sample {

namespace {

/// Prompts kept for a later request of the same problem. Each holds a row of logits.
constexpr std::size_t kKeptPrompts = 16;

/// The tokens of a step, as they are collected.
struct StepBuilder {
  std::vector<std::int32_t> ids, positions, page_rows, pages, rows;
  void clear() {
    for (auto* v : {&ids, &positions, &page_rows, &pages, &rows}) v->clear();
  }
  /// Adds tokens [begin, end) of a sequence whose pages are `table`; its last token's logits when `wanted`.
  template <class IdAt>
  void add(const std::vector<std::int32_t>& table, std::int64_t begin, std::int64_t end, bool wanted,
           const IdAt& id_at) {
    const auto row = static_cast<std::int32_t>(pages.size());
    pages.insert(pages.end(), table.begin(), table.end());
    for (std::int64_t p = begin; p < end; ++p) {
      ids.push_back(id_at(p));
      positions.push_back(static_cast<std::int32_t>(p));
      page_rows.push_back(row);
    }
    if (wanted) rows.push_back(static_cast<std::int32_t>(ids.size()) - 1);
  }
};

}  // namespace

int Engine::pages_for(std::int64_t tokens) {
  return static_cast<int>((tokens + device::kPageTokens - 1) / device::kPageTokens);
}

struct Engine::State {
  State(device::Device& d, model::Transformer& t, const EngineLimits& l)
      : device(d), transformer(t), limits(l), cache(t.make_cache(l.pages)), pool(l.pages) {
    for (int m = 0; m < d.members(); ++m)
      choosers.emplace_back(static_cast<int>(t.architecture().vocabulary));
  }

  // One step of the engine, in order.
  void fetch();
  void admit();
  void build_step();
  void compute();

  void accept(Request&& request);
  std::shared_ptr<Prompt> prompt_of(Request& request);
  bool start(Waiting&& waiting);
  void append(Running& sequence, const Choice& choice);
  bool finish_if_done(Running& sequence);
  bool make_room(int pages);
  bool extend(std::vector<std::int32_t>& pages, std::int64_t tokens);
  bool extend_running(std::size_t index, std::int64_t tokens);
  void preempt(std::size_t index);
  void drop_prompts(const Prompt* keep);
  void build_sequences(std::int64_t& budget);
  void build_prompts(std::int64_t& budget);
  void hand_over_unfinished();
  void release_everything();

  device::Device& device;
  model::Transformer& transformer;
  EngineLimits limits;
  device::KvCache cache;
  PagePool pool;
  std::vector<Chooser> choosers;  // [members]
  EngineCounters counters;

  const Sampling* sampling = nullptr;
  const EngineCallbacks* callbacks = nullptr;
  bool more = true;                             // `next` may have more
  std::deque<Waiting> waiting;                  // in the order of arrival; preempted ones at the front
  std::vector<std::unique_ptr<Running>> batch;  // in the order of start
  std::list<std::shared_ptr<Prompt>> prompts;   // in the cache or to be computed, oldest first
  StepBuilder step;
  struct Target {  // whose logits a row of the step gives
    Running* sequence;
    Prompt* prompt;
  };
  std::vector<Target> targets;  // [rows]
};

Engine::Engine(device::Device& device, model::Transformer& transformer, const EngineLimits& limits)
    : state_(std::make_unique<State>(device, transformer, limits)) {}

Engine::~Engine() = default;

const EngineCounters& Engine::counters() const {
  return state_->counters;
}

bool Engine::run(const Sampling& sampling, const EngineCallbacks& callbacks) {
  State& s = *state_;
  s.sampling = &sampling;
  s.callbacks = &callbacks;
  s.more = true;
  for (;;) {
    if (callbacks.interrupted()) {
      s.hand_over_unfinished();
      return false;
    }
    s.fetch();
    s.admit();
    s.build_step();
    if (s.step.ids.empty()) {
      if (s.batch.empty() && s.waiting.empty() && !s.more) break;
      continue;  // everything admitted ended with its first token
    }
    s.compute();
  }
  s.release_everything();
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
    Waiting item{prompt, start.sample, std::move(start.tokens), std::move(start.logprobs),
                 callbacks->make_watcher()};
    for (const std::int32_t token : item.tokens) item.watcher->push(token);
    waiting.push_back(std::move(item));
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
    if (!start(std::move(item))) return;  // no pages left: it is back at the front
    next = waiting.begin();
  }
  // Prompts that nobody waits for are kept for a while, in case more samples of their problem come.
  std::size_t idle = 0;
  for (auto p = prompts.rbegin(); p != prompts.rend(); ++p) idle += (*p)->waiting == 0 ? 1 : 0;
  for (auto p = prompts.begin(); p != prompts.end() && idle > kKeptPrompts;) {
    if ((*p)->waiting == 0) {
      pool.release((*p)->pages);
      p = prompts.erase(p);
      --idle;
    } else {
      ++p;
    }
  }
}

/// Puts a sample into the batch on top of its prompt's pages. False when there is no page for it now.
bool Engine::State::start(Waiting&& item) {
  const std::vector<std::int32_t>& shared = item.prompt->pages;
  const bool partial = item.prompt->ids.size() % device::kPageTokens != 0;
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
  running->computed = static_cast<std::int64_t>(item.prompt->ids.size());
  --item.prompt->waiting;
  running->state = std::move(item);
  if (running->state.tokens.empty()) {
    const Draw draw{sampling->seed, running->state.prompt->problem_key, running->state.sample, 0};
    const Stopwatch watch;
    append(*running, choosers[0].choose(running->state.prompt->logits, sampling->parameters, draw));
    counters.choose_seconds += watch.seconds();
    if (finish_if_done(*running)) {
      pool.release(running->pages);
      return true;
    }
  } else {
    counters.recomputed_tokens += static_cast<std::int64_t>(running->state.tokens.size()) - 1;
  }
  batch.push_back(std::move(running));
  return true;
}

void Engine::State::append(Running& sequence, const Choice& choice) {
  sequence.state.tokens.push_back(choice.token);
  sequence.state.logprobs.push_back(choice.logprob);
  ++counters.generated_tokens;
}

/// Looks at the last token; hands a finished sample over.
bool Engine::State::finish_if_done(Running& sequence) {
  Waiting& sample = sequence.state;
  std::optional<FinishReason> finish;
  if (std::binary_search(sampling->end_tokens.begin(), sampling->end_tokens.end(), sample.tokens.back())) {
    finish = FinishReason::kEndOfSequence;
  } else if (sample.watcher->push(sample.tokens.back())) {
    finish = FinishReason::kStopString;
  } else if (static_cast<int>(sample.tokens.size()) >= sampling->parameters.max_tokens) {
    finish = FinishReason::kLength;
  }
  if (!finish) return false;
  callbacks->done({sample.prompt->tag, sample.sample, std::move(sample.tokens), std::move(sample.logprobs),
                   finish, sample.watcher->take_text()});
  return true;
}

/// Frees pages of prompts that nobody waits for until `pages` are free. False when that was not enough.
bool Engine::State::make_room(int pages) {
  for (auto p = prompts.begin(); p != prompts.end() && pool.free() < pages;) {
    if ((*p)->waiting == 0) {
      pool.release((*p)->pages);
      p = prompts.erase(p);
    } else {
      ++p;
    }
  }
  return pool.free() >= pages;
}

/// All prompts but one leave the cache, to be computed again when their samples are due.
void Engine::State::drop_prompts(const Prompt* keep) {
  for (const auto& prompt : prompts) {
    if (prompt.get() == keep) continue;
    pool.release(prompt->pages);
    prompt->computed = 0;
    prompt->logits.clear();
  }
}

void Engine::State::preempt(std::size_t index) {
  Running& victim = *batch[index];
  pool.release(victim.pages);
  ++victim.state.prompt->waiting;
  const bool kept =
      std::any_of(prompts.begin(), prompts.end(), [&](const auto& p) { return p == victim.state.prompt; });
  if (!kept) {  // its prompt had left the cache: it is computed again too
    victim.state.prompt->computed = 0;
    victim.state.prompt->logits.clear();
    prompts.push_back(victim.state.prompt);
  }
  waiting.push_front(std::move(victim.state));
  batch.erase(batch.begin() + static_cast<std::ptrdiff_t>(index));
  ++counters.preemptions;
}

/// Gives a table of pages room for `tokens` tokens, if there are pages that nobody needs.
bool Engine::State::extend(std::vector<std::int32_t>& pages, std::int64_t tokens) {
  const int missing = pages_for(tokens) - static_cast<int>(pages.size());
  if (missing <= 0) return true;
  if (!make_room(missing)) return false;
  for (int i = 0; i < missing; ++i) pages.push_back(pool.take());
  return true;
}

/// The same for sequence `index` of the batch: the sequences that started last give way, itself at the end.
/// False when it gave way itself.
bool Engine::State::extend_running(std::size_t index, std::int64_t tokens) {
  while (!extend(batch[index]->pages, tokens)) {
    if (batch.size() > 1) {
      const bool itself = index + 1 == batch.size();
      preempt(batch.size() - 1);
      if (itself) return false;
    } else {
      drop_prompts(nullptr);  // accept() saw to it that one sequence alone has room
      WISK_ASSERT(extend(batch[index]->pages, tokens));
    }
  }
  return true;
}

/// Collects the next token of every sequence in the batch, then as many tokens of prompts (and of prefixes
/// that are computed again) as one step takes.
void Engine::State::build_step() {
  step.clear();
  targets.clear();
  std::int64_t budget = limits.prefill_chunk;
  build_sequences(budget);
  build_prompts(budget);
}

void Engine::State::build_sequences(std::int64_t& budget) {
  // Pages first: giving them may send later sequences of the batch back to waiting.
  std::vector<std::int64_t> ends;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::int64_t missing = batch[i]->length() - batch[i]->computed;
    const std::int64_t taken = missing == 1 ? 1 : std::min(missing, budget);
    const std::int64_t end = batch[i]->computed + taken;
    if (!extend_running(i, end)) break;
    if (missing > 1) budget -= taken;
    ends.push_back(end);
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Running& sequence = *batch[i];
    if (ends[i] == sequence.computed) continue;
    const bool wanted = ends[i] == sequence.length();
    step.add(sequence.pages, sequence.computed, ends[i], wanted,
             [&](std::int64_t p) { return sequence.id_at(p); });
    if (wanted) targets.push_back({&sequence, nullptr});
    sequence.computed = ends[i];
  }
}

void Engine::State::build_prompts(std::int64_t& budget) {
  for (const auto& prompt : prompts) {
    if (budget <= 0) break;
    if (prompt->ready() || prompt->waiting == 0) continue;
    const auto length = static_cast<std::int64_t>(prompt->ids.size());
    const std::int64_t end = std::min(length, prompt->computed + budget);
    const int missing = pages_for(end) - static_cast<int>(prompt->pages.size());
    if (missing > 0 && !make_room(missing)) {
      if (!step.ids.empty()) break;  // what is in this step will free pages
      drop_prompts(prompt.get());
      WISK_ASSERT(make_room(missing));
    }
    for (int i = 0; i < missing; ++i) prompt->pages.push_back(pool.take());
    step.add(prompt->pages, prompt->computed, end, end == length,
             [&](std::int64_t p) { return prompt->ids[static_cast<std::size_t>(p)]; });
    if (end == length) targets.push_back({nullptr, prompt.get()});
    counters.prefill_tokens += end - prompt->computed;
    budget -= end - prompt->computed;
    prompt->computed = end;
  }
}

/// One forward pass; then every sequence whose logits came chooses its next token.
void Engine::State::compute() {
  Stopwatch watch;
  const std::span<const float> logits =
      transformer.forward({step.ids, step.positions, step.page_rows, step.pages}, cache, step.rows);
  counters.forward_seconds += watch.seconds();
  ++counters.steps;
  watch.restart();
  const auto vocabulary = static_cast<std::size_t>(transformer.architecture().vocabulary);
  std::vector<Choice> choices(targets.size());
  device.for_each(static_cast<std::int64_t>(targets.size()), [&](std::int64_t r, int member) {
    const auto row = logits.subspan(static_cast<std::size_t>(r) * vocabulary, vocabulary);
    const Target& target = targets[static_cast<std::size_t>(r)];
    if (target.prompt != nullptr) {
      target.prompt->logits.assign(row.begin(), row.end());
      return;
    }
    const Waiting& sample = target.sequence->state;
    const Draw draw{sampling->seed, sample.prompt->problem_key, sample.sample,
                    static_cast<std::uint32_t>(sample.tokens.size())};
    choices[static_cast<std::size_t>(r)] =
        choosers[static_cast<std::size_t>(member)].choose(row, sampling->parameters, draw);
  });
  counters.choose_seconds += watch.seconds();
  for (std::size_t r = 0; r < targets.size(); ++r) {
    if (targets[r].sequence != nullptr) append(*targets[r].sequence, choices[r]);
  }
  std::vector<bool> chosen(batch.size(), false);
  for (std::size_t i = 0, r = 0; i < batch.size(); ++i) {
    if (r < targets.size() && targets[r].sequence == batch[i].get()) {
      chosen[i] = true;
      ++r;
    }
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (chosen[i] && finish_if_done(*batch[i])) {
      pool.release(batch[i]->pages);
    } else {
      if (kept != i) batch[kept] = std::move(batch[i]);
      ++kept;
    }
  }
  batch.resize(kept);
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
  WISK_ASSERT(pool.free() == pool.size());
}

}  // namespace wisk::sample
