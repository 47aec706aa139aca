// A step on a device that chooses tokens itself: the host looks at the texts of the step before while the
// device computes. A sample whose text turns out to be complete has then been given a token too many, which
// is dropped; one that ends by its token's id leaves before the next step.
#include <algorithm>

#include <wisk/core/assert.hpp>
#include <wisk/core/clock.hpp>

#include "engine_state.hpp"

namespace wisk::sample {

/// By its id, or as the last that is allowed: nobody has to read the text to know.
bool Engine::State::ends_with_its_last_token(const Waiting& sample) const {
  return static_cast<int>(sample.tokens.size()) >= sampling->parameters.max_tokens ||
         std::binary_search(sampling->end_tokens.begin(), sampling->end_tokens.end(), sample.tokens.back());
}

/// Looks at the texts of all tokens so far.
void Engine::State::settle() {
  for (Waiting& sample : ended) {
    const bool done = finish_if_done(sample);
    WISK_ASSERT(done);
  }
  ended.clear();
  for (const auto& sequence : batch) sequence->finished = finish_if_done(sequence->state);
}

/// The same when no step is under way.
void Engine::State::settle_now() {
  if (!on_device) return;
  settle();
  std::erase_if(batch, [&](const std::unique_ptr<Running>& sequence) {
    if (sequence->finished) pool.release(sequence->pages);
    return sequence->finished;
  });
  std::erase_if(waiting, [&](Waiting& sample) {
    if (!finish_if_done(sample)) return false;
    --sample.prompt->waiting;
    return true;
  });
}

void Engine::State::compute_on_device() {
  draws.clear();
  for (const Target& target : targets) {
    const Waiting& sample = target.sequence->state;
    draws.push_back(
        {sample.prompt->problem_key, sample.sample, static_cast<std::uint32_t>(sample.tokens.size()), 1, 0});
  }
  Stopwatch watch;
  transformer.begin({step.ids, step.positions, step.page_rows, step.pages}, cache, step.rows,
                    {choosing, draws});
  counters.forward_seconds += watch.seconds();
  settle();
  watch.restart();
  const auto chosen = transformer.choices();
  counters.forward_seconds += watch.seconds();
  WISK_ASSERT(chosen.size() == targets.size());
  std::size_t row = 0, kept = 0;
  for (auto& sequence : batch) {
    bool leaves = sequence->finished;
    if (row < targets.size() && targets[row].sequence == sequence.get()) {
      const device::RowChoice& choice = chosen[row];
      const device::RowDraw& draw = draws[row++];
      if (!leaves) {
        if (choice.broken != 0) {
          throw_broken(static_cast<std::size_t>(choice.nan), static_cast<std::size_t>(choice.infinite),
                       static_cast<std::size_t>(transformer.architecture().vocabulary),
                       {choosing.seed, draw.problem_key, draw.sample, draw.position});
        }
        append(*sequence, {choice.token, choice.logprob});
        leaves = ends_with_its_last_token(sequence->state);
        if (leaves) ended.push_back(std::move(sequence->state));
      }
    }
    if (leaves) {
      pool.release(sequence->pages);
    } else {
      std::swap(batch[kept++], sequence);
    }
  }
  batch.resize(kept);
}

}  // namespace wisk::sample
