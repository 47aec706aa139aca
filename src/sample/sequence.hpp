#pragma once
// What the engine knows of a prompt and of a sample that grows from it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <wisk/sample/engine.hpp>

namespace wisk::sample {

/// A prompt in the cache, shared by its samples.
struct Prompt {
  std::int64_t tag = 0;
  std::uint64_t problem_key = 0;
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> pages;  // references of the prompt's own
  std::int64_t computed = 0;        // ids whose keys and values are in the cache
  /// Ids to compute before samples start: all, with the logits after them; or, where the device chooses, all
  /// but the last, which is then the first token that each sample computes for itself.
  std::int64_t needed = 0;
  std::vector<float> logits;  // [V] after the last id, where that is computed
  std::vector<float> maxima;  // [blocks] of them
  int waiting = 0;            // samples that have not started from it
  [[nodiscard]] bool ready() const { return computed == needed; }
};

/// A sample that has not started, or had to give its pages back.
struct Waiting {
  std::shared_ptr<Prompt> prompt;
  std::uint32_t sample = 0;
  std::vector<std::int32_t> tokens;
  std::vector<float> logprobs;
  std::unique_ptr<TextWatcher> watcher;
  std::size_t seen = 0;  // tokens that the watcher has seen
};

/// A sample in the batch.
struct Running {
  Waiting state;
  std::vector<std::int32_t> pages;
  std::int64_t computed = 0;  // tokens, prompt included, whose keys and values are in the cache
  bool finished = false;      // handed over; in the batch until the step that computes it is done
  [[nodiscard]] std::int64_t length() const {
    return static_cast<std::int64_t>(state.prompt->ids.size() + state.tokens.size());
  }
  [[nodiscard]] std::int32_t id_at(std::int64_t position) const {
    const auto p = static_cast<std::size_t>(position), prompt = state.prompt->ids.size();
    return p < prompt ? state.prompt->ids[p] : state.tokens[p - prompt];
  }
};

}  // namespace wisk::sample
