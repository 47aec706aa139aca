// One step: which tokens it takes, the forward pass, and what is chosen from its logits.
#include <algorithm>

#include <wisk/core/assert.hpp>
#include <wisk/core/clock.hpp>

#include "engine_state.hpp"

namespace wisk::sample {

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
  ends.clear();
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
    const std::int64_t end = std::min(prompt->needed, prompt->computed + budget);
    const bool wanted = !on_device && end == prompt->needed;
    if (!extend(prompt->pages, end)) {
      if (!step.ids.empty()) break;  // what is in this step will free pages
      drop_prompts(prompt.get());
      const bool room = extend(prompt->pages, end);
      WISK_ASSERT(room);
    }
    step.add(prompt->pages, prompt->computed, end, wanted,
             [&](std::int64_t p) { return prompt->ids[static_cast<std::size_t>(p)]; });
    if (wanted) targets.push_back({nullptr, prompt.get()});
    counters.prefill_tokens += end - prompt->computed;
    budget -= end - prompt->computed;
    prompt->computed = end;
  }
}

Choice Engine::State::choose(std::span<const float> logits, std::span<const float> maxima, const Draw& draw,
                             int member) {
  static_assert(kBlockIds == device::kLogitBlock);
  return choosers[static_cast<std::size_t>(member)].choose(logits, maxima, sampling->parameters, draw);
}

/// The next token of every sequence whose logits came; a prompt keeps its row for its samples' first tokens.
void Engine::State::choose_tokens(const model::Logits& logits) {
  choices.assign(targets.size(), {});
  device.for_each(static_cast<std::int64_t>(targets.size()), [&](std::int64_t r, int member) {
    const auto row = logits.row(static_cast<std::size_t>(r)),
               maxima = logits.row_maxima(static_cast<std::size_t>(r));
    const Target& target = targets[static_cast<std::size_t>(r)];
    if (target.prompt != nullptr) {
      target.prompt->logits.assign(row.begin(), row.end());
      target.prompt->maxima.assign(maxima.begin(), maxima.end());
      return;
    }
    const Waiting& sample = target.sequence->state;
    const Draw draw{sampling->seed, sample.prompt->problem_key, sample.sample,
                    static_cast<std::uint32_t>(sample.tokens.size())};
    choices[static_cast<std::size_t>(r)] = choose(row, maxima, draw, member);
  });
}

void Engine::State::compute() {
  ++counters.steps;
  if (on_device) {
    compute_on_device();
  } else {
    compute_on_host();
  }
}

/// One forward pass; then every sequence whose logits came chooses its next token.
void Engine::State::compute_on_host() {
  Stopwatch watch;
  const model::Logits logits =
      transformer.forward({step.ids, step.positions, step.page_rows, step.pages}, cache, step.rows);
  counters.forward_seconds += watch.seconds();
  watch.restart();
  choose_tokens(logits);
  counters.choose_seconds += watch.seconds();
  // Rows of sequences come first, in the order of the batch.
  std::size_t row = 0, kept = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    bool finished = false;
    if (row < targets.size() && targets[row].sequence == batch[i].get()) {
      append(*batch[i], choices[row++]);
      finished = finish_if_done(batch[i]->state);
    }
    if (finished) {
      pool.release(batch[i]->pages);
    } else {
      if (kept != i) batch[kept] = std::move(batch[i]);
      ++kept;
    }
  }
  batch.resize(kept);
}

}  // namespace wisk::sample
