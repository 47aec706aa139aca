// The engine against a naive loop: batching, paging, sharing, preemption, resumption and interruption change
// nothing.
#include <wisk/sample/engine.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include <wisk/core/error.hpp>

#include "sample/engine_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk {
namespace {

using sample::Engine;
using test::Problem;

constexpr int kDivisor = 29;  // of the watcher: four or five tokens of the vocabulary stop a sample

/// A tiny model, shared by the tests of a name.
struct Tiny {
  explicit Tiny(const char* name, device::Compute compute = device::Compute::kFloat32, int threads = 1)
      : self(comm::make_self_communicator()),
        model(test::source_folder() / "tests/golden/models" / name, {.compute = compute, .threads = threads},
              *self) {}
  Engine engine(int batch, int chunk, int pages) {
    return Engine(*model.device, model.transformer, {batch, chunk, pages});
  }
  [[nodiscard]] std::vector<std::int32_t> prompt(int length, int seed) const {
    return test::prompt_of(length, seed, model.architecture.vocabulary);
  }
  std::unique_ptr<comm::Communicator> self;
  test::LoadedModel model;
};

sample::Sampling sampling_of(int max_tokens) {
  sample::Sampling sampling;
  sampling.parameters.max_tokens = max_tokens;
  sampling.seed = 99;
  sampling.end_tokens = {2, 17, 51, 90};
  return sampling;
}

/// Pages that the longest of them needs, a copy of its prompt's last page included: the documented minimum.
int least_pages(const std::vector<Problem>& problems, const sample::Sampling& sampling) {
  int least = 0;
  for (const Problem& p : problems) {
    least = std::max(
        least,
        Engine::pages_for(static_cast<std::int64_t>(p.prompt.size()) + sampling.parameters.max_tokens) + 1);
  }
  return least;
}

class EngineOf : public ::testing::TestWithParam<std::tuple<const char*, device::Compute>> {
 protected:
  EngineOf() : tiny_(std::get<0>(GetParam()), std::get<1>(GetParam())) {}
  Tiny tiny_;
};

TEST_P(EngineOf, AnyBatchChunkAndCacheGiveTheNaiveSamples) {
  const std::vector<Problem> problems = {{4, tiny_.prompt(31, 1), 3},
                                         {9, tiny_.prompt(32, 2), 2},
                                         {2, tiny_.prompt(33, 3), 4},
                                         {7, tiny_.prompt(1, 4), 3},
                                         {5, tiny_.prompt(64, 5), 3}};
  const sample::Sampling sampling = sampling_of(40);
  const test::Outcomes expected = test::naive(tiny_.model, problems, sampling, kDivisor);
  const int least = least_pages(problems, sampling);
  std::int64_t preemptions = 0;
  for (const int batch : {1, 2, 64}) {
    for (const int chunk : {1, 3, 128}) {
      for (const int pages : {least, least + 1, least + 3, 80}) {
        Engine engine = tiny_.engine(batch, chunk, pages);
        const test::EngineRun run =
            test::run_engine(engine, sampling, test::requests_for(problems, 2), kDivisor);
        EXPECT_EQ(test::difference(run.outcomes, expected), "") << batch << ' ' << chunk << ' ' << pages;
        EXPECT_TRUE(run.complete);
        EXPECT_EQ(run.twice, 0);
        if (batch == 64 && pages == least) preemptions += engine.counters().preemptions;
        if (pages == 80) {
          EXPECT_EQ(engine.counters().preemptions, 0);
          EXPECT_EQ(engine.counters().prefill_tokens, 31 + 32 + 33 + 1 + 64) << "each prompt once";
          EXPECT_EQ(engine.counters().recomputed_tokens, 0);
        }
        std::int64_t tokens = 0;
        for (const auto& [key, outcome] : run.outcomes)
          tokens += static_cast<std::int64_t>(outcome.tokens.size());
        EXPECT_EQ(engine.counters().generated_tokens, tokens);
      }
    }
  }
  EXPECT_GT(preemptions, 0) << "the small cache is meant to run out";
}

TEST_P(EngineOf, EveryWayToStop) {
  const std::vector<Problem> problems = {{1, tiny_.prompt(9, 1), 30}};
  std::map<FinishReason, int> seen;
  for (const int max_tokens : {1, 2, 12}) {
    const sample::Sampling sampling = sampling_of(max_tokens);
    const test::Outcomes expected = test::naive(tiny_.model, problems, sampling, kDivisor);
    Engine engine = tiny_.engine(8, 128, 40);
    const test::EngineRun run =
        test::run_engine(engine, sampling, test::requests_for(problems, 30), kDivisor);
    EXPECT_EQ(test::difference(run.outcomes, expected), "") << max_tokens;
    for (const auto& [key, outcome] : run.outcomes) ++seen[*outcome.finish];
  }
  EXPECT_GT(seen[FinishReason::kEndOfSequence], 0);
  EXPECT_GT(seen[FinishReason::kStopString], 0);
  EXPECT_GT(seen[FinishReason::kLength], 0);
}

TEST_P(EngineOf, ResumesFromPrefixesOfEveryLength) {
  sample::Sampling sampling = sampling_of(36);
  sampling.end_tokens.clear();
  const std::vector<Problem> problems = {{3, tiny_.prompt(30, 8), 36}};
  const test::Outcomes whole = test::naive(tiny_.model, {{3, problems[0].prompt, 36}}, sampling, 0);
  test::Outcomes known = whole;
  for (auto& [key, outcome] : known) {  // sample s has drawn s tokens: 0 .. 35
    outcome.tokens.resize(key.second);
    outcome.logprobs.resize(key.second);
    outcome.finish.reset();
  }
  for (const int chunk : {1, 5, 128}) {
    for (const int pages : {4, 80}) {
      Engine engine = tiny_.engine(16, chunk, pages);
      const test::EngineRun run =
          test::run_engine(engine, sampling, test::requests_for(problems, 7, known), 0);
      EXPECT_EQ(test::difference(run.outcomes, whole), "") << chunk << ' ' << pages;
    }
  }
}

/// A device may have drawn tokens before anybody saw that the one before them ends the sample, and a saved
/// beginning holds them.
TEST_P(EngineOf, ASavedBeginningMayReachBehindTheEnd) {
  const std::vector<Problem> problems = {{1, tiny_.prompt(5, 1), 6}};
  const sample::Sampling sampling = sampling_of(20);
  test::Outcomes expected = test::naive(tiny_.model, problems, sampling, kDivisor), beyond = expected;
  for (auto& [key, outcome] : beyond) {
    outcome.finish = std::nullopt;
    outcome.tokens.insert(outcome.tokens.end(), key.second % 3, 5);
    outcome.logprobs.insert(outcome.logprobs.end(), key.second % 3, -1.0f);
  }
  Engine engine = tiny_.engine(4, 16, 20);
  const test::EngineRun run =
      test::run_engine(engine, sampling, test::requests_for(problems, 4, beyond), kDivisor);
  EXPECT_TRUE(run.complete);
  EXPECT_EQ(test::difference(run.outcomes, expected), "");
}

TEST_P(EngineOf, InterruptedAtAnyStepAndResumed) {
  const std::vector<Problem> problems = {{1, tiny_.prompt(33, 1), 4}, {2, tiny_.prompt(5, 2), 3}};
  const sample::Sampling sampling = sampling_of(20);
  const test::Outcomes expected = test::naive(tiny_.model, problems, sampling, kDivisor);
  for (const int pages : {least_pages(problems, sampling), 40}) {
    bool complete = false;
    for (int step = 0; !complete; ++step) {
      Engine engine = tiny_.engine(3, 16, pages);
      test::EngineRun first =
          test::run_engine(engine, sampling, test::requests_for(problems, 2), kDivisor, step);
      complete = first.complete;
      for (const auto& [key, outcome] : first.outcomes) {
        const std::vector<std::int32_t>& all = expected.at(key).tokens;
        ASSERT_TRUE(outcome.tokens.size() <= all.size() &&
                    std::equal(outcome.tokens.begin(), outcome.tokens.end(), all.begin()));
        EXPECT_FALSE(outcome.tokens.empty());
      }
      // The rest in the same engine: its cache must be empty.
      test::EngineRun second =
          test::run_engine(engine, sampling, test::requests_for(problems, 2, first.outcomes), kDivisor);
      for (auto& [key, outcome] : second.outcomes) first.outcomes[key] = outcome;
      ASSERT_EQ(test::difference(first.outcomes, expected), "") << "interrupted before step " << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EngineOf,
                         ::testing::Combine(::testing::Values("qwen2", "llama", "gemma2"),
                                            ::testing::Values(device::Compute::kFloat32,
                                                              device::Compute::kBFloat16)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) +
                                  (std::get<1>(test.param) == device::Compute::kFloat32 ? "_f32" : "_bf16");
                         });

TEST(EngineWork, SamplesOfOneProblemMayComeApart) {
  Tiny tiny("qwen2");
  const sample::Sampling sampling = sampling_of(10);
  // Six problems in turn, one sample at a time: a prompt stays for the later requests of its tag.
  std::vector<Problem> problems;
  std::int64_t prompts = 0;
  for (int p = 0; p < 6; ++p) {
    problems.push_back({p, tiny.prompt(20 + p, p), 4});
    prompts += 20 + p;
  }
  std::deque<sample::Request> requests, mixed = test::requests_for(problems, 1);
  for (std::size_t s = 0; s < 4; ++s) {
    for (std::size_t p = 0; p < 6; ++p) requests.push_back(mixed[4 * p + s]);
  }
  Engine engine = tiny.engine(4, 64, 60);
  const test::EngineRun run = test::run_engine(engine, sampling, requests, kDivisor);
  EXPECT_EQ(test::difference(run.outcomes, test::naive(tiny.model, problems, sampling, kDivisor)), "");
  EXPECT_EQ(engine.counters().prefill_tokens, prompts);
}

TEST(EngineWork, ManyProblemsForgetOldPrompts) {
  Tiny tiny("qwen2");
  const sample::Sampling sampling = sampling_of(3);
  std::vector<Problem> problems;
  for (int p = 0; p < 60; ++p) problems.push_back({p, tiny.prompt(1 + p % 40, p), 1});
  for (const int pages : {3, 30}) {
    Engine engine = tiny.engine(4, 64, pages);
    const test::EngineRun run = test::run_engine(engine, sampling, test::requests_for(problems, 1), kDivisor);
    EXPECT_EQ(test::difference(run.outcomes, test::naive(tiny.model, problems, sampling, kDivisor)), "")
        << pages;
  }
}

TEST(EngineWork, NothingToDoAndEmptyRequests) {
  Tiny tiny("qwen2");
  Engine engine = tiny.engine(4, 64, 8);
  EXPECT_TRUE(test::run_engine(engine, sampling_of(3), {}, 0).complete);
  const test::EngineRun run = test::run_engine(engine, sampling_of(3), {{1, 1, tiny.prompt(5, 1), {}}}, 0);
  EXPECT_TRUE(run.complete);
  EXPECT_TRUE(run.outcomes.empty());
  EXPECT_EQ(engine.counters().steps, 0);
}

TEST(EngineWork, TheSameAfterAnotherRunAndWithThreads) {
  Tiny tiny("llama", device::Compute::kBFloat16, 3);
  const std::vector<Problem> problems = {{1, tiny.prompt(33, 1), 6}, {2, tiny.prompt(12, 2), 6}};
  const sample::Sampling sampling = sampling_of(15);
  sample::Sampling greedy = sampling;
  greedy.parameters.temperature = 0;
  Engine engine = tiny.engine(8, 32, 12);
  for (const sample::Sampling& each : {sampling, greedy, sampling}) {
    const test::EngineRun run = test::run_engine(engine, each, test::requests_for(problems, 4), kDivisor);
    EXPECT_EQ(test::difference(run.outcomes, test::naive(tiny.model, problems, each, kDivisor)), "");
  }
}

template <class E>
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "no such error";
}

TEST(EngineErrors, TooLongAndTooFewPagesAreNamedAndLeaveTheEngineUsable) {
  Tiny tiny("llama");  // 128 positions
  const std::vector<Problem> good = {{1, tiny.prompt(20, 1), 2}};
  const sample::Sampling sampling = sampling_of(8);
  Engine engine = tiny.engine(4, 16, 4);
  // The good problem is under way when the bad one comes.
  const auto with_bad = [&](int length) {
    return message_of<Error>([&] {
      auto requests = test::requests_for(good, 1);
      requests.push_back({2, 2, tiny.prompt(length, 2), {{0, {}, {}}}});
      test::run_engine(engine, sampling, requests, 0);
    });
  };
  EXPECT_EQ(with_bad(121),
            "prompt of 121 tokens with max_tokens 8: expected at most 128 positions "
            "(max_position_embeddings), found 129");
  EXPECT_NE(with_bad(120).find("(5 pages), found 4 pages"), std::string::npos) << with_bad(120);
  const test::EngineRun run = test::run_engine(engine, sampling, test::requests_for(good, 1), kDivisor);
  EXPECT_EQ(test::difference(run.outcomes, test::naive(tiny.model, good, sampling, kDivisor)), "");
  EXPECT_EQ(run.twice, 0) << "nothing is left of the failed run";
}

TEST(EngineErrors, ANanInTheWeightsIsNotHidden) {
  Tiny tiny("llama");
  tiny.model.weights.layers[1].input_norm.as<float>()[3] = std::numeric_limits<float>::quiet_NaN();
  Engine engine = tiny.engine(4, 16, 8);
  const std::vector<Problem> problems = {{1, tiny.prompt(20, 1), 2}};
  const auto run = [&] { test::run_engine(engine, sampling_of(8), test::requests_for(problems, 1), 0); };
  for (int i = 0; i < 10; ++i) {  // the cache is not used up by failures either
    EXPECT_NE(message_of<InputError>(run).find("logit"), std::string::npos) << message_of<InputError>(run);
  }
  tiny.model.weights.layers[1].input_norm.as<float>()[3] = 1;
  EXPECT_TRUE(test::run_engine(engine, sampling_of(8), test::requests_for(problems, 1), 0).complete);
}

/// Small random cases, many: sizes at every edge, requests in any order, interruptions.
TEST(EngineStress, RandomWork) {
  Tiny tiny("qwen2");
  std::int64_t preemptions = 0;
  std::map<std::tuple<int, int, std::uint32_t, int>, test::Outcome> memory;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const sample::Sampling sampling =
        sampling_of(std::vector<int>{1, 5, 34}[static_cast<std::size_t>(below(3))]);
    std::vector<Problem> problems;
    test::Outcomes expected;
    for (int p = 1 + below(6); p > 0; --p) {
      const int length = std::vector<int>{1, 2, 30, 31, 32, 33, 63, 64}[static_cast<std::size_t>(below(8))];
      problems.push_back({length * 10 + p, tiny.prompt(length, p), 1 + below(5)});
      for (int s = 0; s < problems.back().samples; ++s) {
        const auto index = static_cast<std::uint32_t>(s);
        const auto [place, added] = memory.try_emplace({length, p, index, sampling.parameters.max_tokens});
        if (added) place->second = test::naive(tiny.model, problems.back(), index, sampling, kDivisor);
        expected[{problems.back().tag, index}] = place->second;
      }
    }
    Engine engine = tiny.engine(1 + below(7), 1 + below(40), least_pages(problems, sampling) + below(4));
    test::Outcomes outcomes;
    for (int attempt = 0;; ++attempt) {
      auto requests = test::requests_for(problems, 1 + below(3), outcomes);
      std::shuffle(requests.begin(), requests.end(), random);
      const test::EngineRun run =
          test::run_engine(engine, sampling, requests, kDivisor, attempt < 3 ? below(60) : -1);
      for (const auto& [key, outcome] : run.outcomes) outcomes[key] = outcome;
      ASSERT_EQ(run.twice, 0) << seed;
      if (run.complete) break;
    }
    ASSERT_EQ(test::difference(outcomes, expected), "") << "seed " << seed;
    preemptions += engine.counters().preemptions;
  }
  EXPECT_GT(preemptions, 100);
}

}  // namespace
}  // namespace wisk
