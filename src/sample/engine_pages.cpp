// Whose pages the cache holds: prompts that nobody waits for go first, then the sequences that started last.
#include <algorithm>

#include <wisk/core/assert.hpp>

#include "engine_state.hpp"

namespace wisk::sample {

namespace {

/// Prompts kept for a later request of the same problem. Each holds a row of logits.
constexpr std::size_t kKeptPrompts = 16;

}  // namespace

int Engine::pages_for(std::int64_t tokens) {
  return static_cast<int>((tokens + device::kPageTokens - 1) / device::kPageTokens);
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
      const bool room = extend(batch[index]->pages, tokens);
      WISK_ASSERT(room);
      return true;
    }
  }
  return true;
}

/// Prompts that nobody waits for are kept for a while, in case more samples of their problem come.
void Engine::State::prune_prompts() {
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

}  // namespace wisk::sample
