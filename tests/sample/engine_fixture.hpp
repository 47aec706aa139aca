#pragma once
// What the engine has to give, found the slow way: one sequence at a time, everything computed again for
// every token.

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <wisk/sample/choose.hpp>
#include <wisk/sample/engine.hpp>

#include "model/model_fixture.hpp"

namespace wisk::test {

using Key = std::pair<std::int64_t, std::uint32_t>;  // tag, sample

/// Stops after a token that is a multiple of `divisor` (0: never). Its text is every token before that one.
class MultipleWatcher final : public sample::TextWatcher {
 public:
  explicit MultipleWatcher(int divisor) : divisor_(divisor) {}
  bool push(std::int32_t token) override {
    if (divisor_ != 0 && token % divisor_ == 0) return true;
    text_ += std::to_string(token) + ' ';
    return false;
  }
  std::string take_text() override { return std::move(text_); }

 private:
  int divisor_;
  std::string text_;
};

/// One problem and the number of its samples.
struct Problem {
  std::int64_t tag = 0;
  std::vector<std::int32_t> prompt;
  int samples = 1;
  [[nodiscard]] std::uint64_t key() const { return 1000003u * static_cast<std::uint64_t>(tag) + 17u; }
};

inline std::vector<std::int32_t> prompt_of(int length, int seed, std::int64_t vocabulary) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < length; ++i)
    ids.push_back(static_cast<std::int32_t>((i * 31 + i * i * 7 + seed * 13 + 3) % vocabulary));
  return ids;
}

struct Outcome {
  std::vector<std::int32_t> tokens;
  std::vector<float> logprobs;
  std::optional<FinishReason> finish;
  std::string text;
  bool operator==(const Outcome&) const = default;
};

using Outcomes = std::map<Key, Outcome>;

inline Outcome naive(LoadedModel& model, const Problem& problem, std::uint32_t index,
                     const sample::Sampling& sampling, int divisor) {
  const auto vocabulary = static_cast<std::size_t>(model.architecture.vocabulary);
  sample::Chooser chooser(static_cast<int>(vocabulary));
  MultipleWatcher watcher(divisor);
  std::vector<std::int32_t> ids = problem.prompt;
  Outcome out;
  while (!out.finish) {
    const std::vector<float> logits = model.logits(ids, ids.size());
    const auto choice =
        chooser.choose(std::span(logits).last(vocabulary), sampling.parameters,
                       {sampling.seed, problem.key(), index, static_cast<std::uint32_t>(out.tokens.size())});
    ids.push_back(choice.token);
    out.tokens.push_back(choice.token);
    out.logprobs.push_back(choice.logprob);
    if (std::count(sampling.end_tokens.begin(), sampling.end_tokens.end(), choice.token) != 0) {
      out.finish = FinishReason::kEndOfSequence;
    } else if (watcher.push(choice.token)) {
      out.finish = FinishReason::kStopString;
    } else if (static_cast<int>(out.tokens.size()) == sampling.parameters.max_tokens) {
      out.finish = FinishReason::kLength;
    }
  }
  out.text = watcher.take_text();
  return out;
}

inline Outcomes naive(LoadedModel& model, const std::vector<Problem>& problems,
                      const sample::Sampling& sampling, int divisor) {
  Outcomes all;
  for (const Problem& problem : problems) {
    for (int s = 0; s < problem.samples; ++s) {
      const auto index = static_cast<std::uint32_t>(s);
      all[{problem.tag, index}] = naive(model, problem, index, sampling, divisor);
    }
  }
  return all;
}

/// Requests of `problems`, each for at most `most` samples, without those that `finished` has; a sample that
/// is there unfinished starts from what it has.
inline std::deque<sample::Request> requests_for(const std::vector<Problem>& problems, int most,
                                                const Outcomes& known = {}) {
  std::deque<sample::Request> requests;
  for (const Problem& problem : problems) {
    sample::Request request{problem.tag, problem.key(), problem.prompt, {}};
    for (int s = 0; s < problem.samples; ++s) {
      sample::SampleStart start{static_cast<std::uint32_t>(s), {}, {}};
      if (const auto found = known.find({problem.tag, start.sample}); found != known.end()) {
        if (found->second.finish) continue;
        start.tokens = found->second.tokens;
        start.logprobs = found->second.logprobs;
      }
      request.samples.push_back(std::move(start));
      if (static_cast<int>(request.samples.size()) == most)
        requests.push_back(std::exchange(request, {problem.tag, problem.key(), problem.prompt, {}}));
    }
    if (!request.samples.empty()) requests.push_back(std::move(request));
  }
  return requests;
}

/// What one run of the engine did.
struct EngineRun {
  bool complete = false;
  Outcomes outcomes;
  int twice = 0;   ///< samples handed over more than once
  int asked = 0;   ///< how often it asked whether it is interrupted
  Outcomes saved;  ///< what it last told of samples that had begun
};

/// interrupt_at: the step before which the run is interrupted; -1: never. `save_due`: of the engine.
inline EngineRun run_engine(sample::Engine& engine, const sample::Sampling& sampling,
                            std::deque<sample::Request> requests, int divisor, int interrupt_at = -1,
                            std::function<bool()> save_due = {}) {
  EngineRun run;
  sample::EngineCallbacks callbacks;
  callbacks.next = [&]() -> std::optional<sample::Request> {
    if (requests.empty()) return std::nullopt;
    sample::Request request = std::move(requests.front());
    requests.pop_front();
    return request;
  };
  callbacks.done = [&](sample::Drawn&& drawn) {
    const Key key{drawn.tag, drawn.sample};
    if (run.outcomes.contains(key)) ++run.twice;
    run.outcomes[key] = {std::move(drawn.tokens), std::move(drawn.logprobs), drawn.finish,
                         std::move(drawn.text)};
  };
  callbacks.interrupted = [&] {
    // A run that does not end would hang the test: far more steps than any of these needs is a failure.
    if (run.asked > 200000) throw std::runtime_error("the engine makes no progress");
    return run.asked++ == interrupt_at;
  };
  callbacks.save_due = std::move(save_due);
  callbacks.unfinished = [&](const sample::Begun& begun) {
    run.saved[{begun.tag, begun.sample}] = {{begun.tokens.begin(), begun.tokens.end()},
                                            {begun.logprobs.begin(), begun.logprobs.end()},
                                            std::nullopt,
                                            {}};
  };
  callbacks.make_watcher = [&] { return std::make_unique<MultipleWatcher>(divisor); };
  run.complete = engine.run(sampling, callbacks);
  return run;
}

/// "" when they are the same, else the first difference.
inline std::string difference(const Outcomes& found, const Outcomes& expected) {
  for (const auto& [key, outcome] : expected) {
    const std::string where = "tag " + std::to_string(key.first) + " sample " + std::to_string(key.second);
    const auto place = found.find(key);
    if (place == found.end()) return where + " is missing";
    if (place->second.tokens != outcome.tokens) {
      const auto [a, b] = std::mismatch(place->second.tokens.begin(), place->second.tokens.end(),
                                        outcome.tokens.begin(), outcome.tokens.end());
      return where + ": tokens differ from number " + std::to_string(a - place->second.tokens.begin());
    }
    if (place->second.logprobs != outcome.logprobs) return where + ": logprobs differ";
    if (place->second.finish != outcome.finish) return where + ": another finish";
    if (place->second.text != outcome.text) return where + ": another text";
  }
  return found.size() == expected.size()
             ? ""
             : std::to_string(found.size()) + " samples instead of " + std::to_string(expected.size());
}

}  // namespace wisk::test
