#pragma once
// The sampling engine: draws the samples of many problems at once from one model.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <wisk/core/verdict.hpp>
#include <wisk/model/transformer.hpp>
#include <wisk/sample/parameters.hpp>

namespace wisk::sample {

/// Reads the text of one sample as it grows and says when it has to stop. Owned by its sample.
class TextWatcher {
 public:
  virtual ~TextWatcher() = default;
  /// The next generated token, in order; never an end token. True when a stop string is complete.
  virtual bool push(std::int32_t token) = 0;
  /// The text so far, without the stop string; called once, after the last token.
  virtual std::string take_text() = 0;
};

/// A sample that is to be drawn; with what an interrupted run had drawn of it.
struct SampleStart {
  std::uint32_t sample = 0;          ///< index of the sample, part of its random numbers
  std::vector<std::int32_t> tokens;  ///< drawn already
  std::vector<float> logprobs;       // [tokens.size()]
};

/// Samples of one problem: they share its prompt.
struct Request {
  std::int64_t tag = 0;              ///< the caller's own; requests of one tag have one prompt
  std::uint64_t problem_key = 0;     ///< key of the random numbers
  std::vector<std::int32_t> prompt;  ///< token ids, at least one
  std::vector<SampleStart> samples;
};

/// A sample that is done, or, with `finish` empty, what there was of it when the engine was interrupted.
struct Drawn {
  std::int64_t tag = 0;
  std::uint32_t sample = 0;
  std::vector<std::int32_t> tokens;  ///< the end token included
  std::vector<float> logprobs;       ///< natural log of each token's probability under the raw logits
  std::optional<FinishReason> finish;
  std::string text;
};

/// What there is of a sample that goes on. Views, for the time of the call.
struct Begun {
  std::int64_t tag;
  std::uint32_t sample;
  std::span<const std::int32_t> tokens;  // [T]
  std::span<const float> logprobs;       // [T]
};

struct EngineLimits {
  int max_batch = 64;       ///< sequences in one step
  int prefill_chunk = 128;  ///< prompt tokens in one step, besides those
  int pages = 0;            ///< of the cache
};

/// What an arm samples with.
struct Sampling {
  SamplingParameters parameters;
  std::uint64_t seed = 0;
  std::vector<std::int32_t> end_tokens;  ///< sorted; a sample ends with the first of them
};

/// Called by the engine, all on the calling thread. Where several ranks hold the model, every rank is given
/// the same answers: the calls come in the same order on each.
struct EngineCallbacks {
  std::function<std::optional<Request>()> next;  ///< more work for this arm; nullopt: no more
  std::function<void(Drawn&&)> done;             ///< a finished sample
  std::function<bool()> interrupted;             ///< asked before every step
  /// Asked before every step; when true, `unfinished` is told of every sample that has begun. May be empty.
  std::function<bool()> save_due;
  std::function<void(const Begun&)> unfinished;
  std::function<std::unique_ptr<TextWatcher>()> make_watcher;
};

/// Work and time of an engine since it was made.
struct EngineCounters {
  std::int64_t generated_tokens = 0, prefill_tokens = 0,
               recomputed_tokens = 0;  ///< the last: after preemptions and resumes
  std::int64_t steps = 0, preemptions = 0;
  double forward_seconds = 0, choose_seconds = 0;
  [[nodiscard]] std::int64_t computed_tokens() const {
    return generated_tokens + prefill_tokens + recomputed_tokens;
  }
};

/// Continuous batching over a paged cache: finished sequences are replaced at once, nothing is padded; a
/// prompt is computed once and its pages are shared by its samples (a partly filled last page is copied).
/// When pages run out, the sequence that started last gives its pages back and is computed again later, to
/// the same bits. Results depend on nothing of this: see the tests. Owns its cache; one thread.
class Engine {
 public:
  /// Throws EnvironmentError when there is no memory for the cache, or for the largest step.
  Engine(device::Device& device, model::Transformer& transformer, const EngineLimits& limits);
  ~Engine();

  /// Draws until `next` has no more, or until interrupted: then hands what is unfinished to `done` with an
  /// empty `finish`, and returns false. The cache is empty afterwards. Throws InputError when a prompt with
  /// max_tokens is longer than the model's context, EnvironmentError when the cache has not enough pages for
  /// one such sequence; what was under way is then forgotten, and the engine can run again.
  bool run(const Sampling& sampling, const EngineCallbacks& callbacks);

  [[nodiscard]] const EngineCounters& counters() const;

  /// Pages that one sequence of `tokens` tokens needs.
  static int pages_for(std::int64_t tokens);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wisk::sample
