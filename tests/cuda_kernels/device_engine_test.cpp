// The engine where the device chooses: what the host finds out a step later, memory that moves under recorded
// steps, and errors.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <wisk/core/error.hpp>

#include "first_gpu.hpp"
#include "fixture.hpp"
#include "host_device.hpp"
#include "sample/engine_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk::test {
namespace {

using device::Compute;

std::unique_ptr<device::Device> gpu() {
  device::cuda::CudaOptions options = first_gpu();
  options.reserve_bytes = 0;
  return device::cuda::make_cuda_device(options);
}

std::filesystem::path model_folder(const std::string& name) {
  return source_folder() / "tests/golden/models" / name;
}

sample::Sampling sampling_of(int max_tokens, std::uint64_t seed = 3) {
  sample::Sampling sampling;
  sampling.seed = seed;
  sampling.parameters.max_tokens = max_tokens;
  return sampling;
}

/// What an InputError says; "" where there is none.
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

class DeviceEngine : public ::testing::Test {
 protected:
  LoadedModel model_of(const std::string& name) {
    return {model_folder(name), gpu(), Compute::kFloat32, *self_};
  }
  LoadedModel on_cpu(const std::string& name) {
    return {model_folder(name), {.compute = Compute::kFloat32}, *self_};
  }
  static Outcomes draw(sample::Engine& engine, const sample::Sampling& sampling,
                       const std::vector<Problem>& problems, int divisor) {
    EngineRun run = run_engine(engine, sampling, requests_for(problems, 3), divisor);
    EXPECT_TRUE(run.complete);
    EXPECT_EQ(run.twice, 0);
    return std::move(run.outcomes);
  }
  static Outcomes draw(LoadedModel& model, const sample::Sampling& sampling,
                       const std::vector<Problem>& problems, int divisor) {
    sample::Engine engine(*model.device, model.transformer,
                          {.max_batch = 4, .prefill_chunk = 24, .pages = 40});
    return draw(engine, sampling, problems, divisor);
  }
  /// Log probabilities are sums in another order (docs/numerics.md).
  static void expect_tokens(const Outcomes& actual, const Outcomes& expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (const auto& [key, outcome] : expected) {
      EXPECT_EQ(actual.at(key).tokens, outcome.tokens) << "sample " << key.second << " of " << key.first;
      EXPECT_EQ(actual.at(key).finish, outcome.finish);
      EXPECT_EQ(actual.at(key).text, outcome.text);
    }
  }
  std::unique_ptr<comm::Communicator> self_ = comm::make_self_communicator();
  std::vector<Problem> problems_ = {{1, prompt_of(1, 1, 90), 2}, {2, prompt_of(33, 2, 90), 3}};
};

/// One engine, whose steps are recorded, with other seeds and temperatures: they are parameters of kernels.
TEST_F(DeviceEngine, RecordedStepsDrawWhatTheNextRunWants) {
  LoadedModel cuda = model_of("llama"), cpu = on_cpu("llama");
  sample::Engine engine(*cuda.device, cuda.transformer, {.max_batch = 4, .prefill_chunk = 24, .pages = 40});
  for (const auto& [seed, temperature] : {std::pair(3, 1.0), std::pair(4, 1.0), std::pair(4, 0.0)}) {
    sample::Sampling sampling = sampling_of(7, static_cast<std::uint64_t>(seed));
    sampling.parameters.temperature = temperature;
    SCOPED_TRACE("seed " + std::to_string(seed) + ", temperature " + std::to_string(temperature));
    expect_tokens(draw(engine, sampling, problems_, 0), draw(cpu, sampling, problems_, 0));
  }
}

/// The table of angles grows at position 256, between steps that are recorded.
TEST_F(DeviceEngine, GoesOnBeyondTheFirstTableOfAngles) {
  LoadedModel cuda = model_of("llama-rope-llama3"), cpu = on_cpu("llama-rope-llama3");
  const std::vector<Problem> problems = {{3, prompt_of(251, 4, 90), 2}};
  expect_tokens(draw(cuda, sampling_of(12), problems, 0), draw(cpu, sampling_of(12), problems, 0));
}

/// Page tables of a step grow while its size in tokens stays.
TEST_F(DeviceEngine, PageTablesMoveUnderRecordedSteps) {
  LoadedModel cuda = model_of("llama-rope-llama3"), cpu = on_cpu("llama-rope-llama3");
  const std::vector<Problem> problems = {{3, prompt_of(12 * device::kPageTokens - 4, 4, 90), 5}};
  const auto run = [&](LoadedModel& model) {  // 60 pages, then 65
    sample::Engine engine(*model.device, model.transformer,
                          {.max_batch = 5, .prefill_chunk = 64, .pages = 120});
    return draw(engine, sampling_of(9), problems, 0);
  };
  expect_tokens(run(cuda), run(cpu));
}

/// A sample that ends by its last token leaves at once: nothing is drawn behind it. One that ends by its text
/// is known a step later.
TEST_F(DeviceEngine, DrawsNoTokenBehindTheLast) {
  LoadedModel cuda = model_of("llama");
  sample::Sampling sampling = sampling_of(6);
  sampling.end_tokens = {3, 20, 50, 51, 52, 53, 54, 55, 90};
  for (const int divisor : {0, 4}) {
    sample::Engine engine(*cuda.device, cuda.transformer, {.max_batch = 3, .prefill_chunk = 24, .pages = 40});
    std::int64_t tokens = 0, by_text = 0;
    for (const auto& [key, outcome] : draw(engine, sampling, problems_, divisor)) {
      tokens += static_cast<std::int64_t>(outcome.tokens.size());
      by_text += outcome.finish == FinishReason::kStopString ? 1 : 0;
    }
    EXPECT_EQ(by_text > 0, divisor > 0);
    EXPECT_EQ(engine.counters().generated_tokens, tokens);
  }
}

/// What is saved before a step begins what is drawn, or is all of it where nobody has looked at its last
/// token yet; nothing stands behind it.
TEST_F(DeviceEngine, ShowsBeginningsOfWhatIsDrawn) {
  LoadedModel cuda = model_of("llama");
  sample::Engine engine(*cuda.device, cuda.transformer, {.max_batch = 4, .prefill_chunk = 24, .pages = 40});
  Outcomes done;
  std::vector<std::pair<Key, std::vector<std::int32_t>>> shown;
  auto requests = requests_for(problems_, 3);
  sample::EngineCallbacks callbacks;
  callbacks.next = [&]() -> std::optional<sample::Request> {
    if (requests.empty()) return std::nullopt;
    sample::Request request = std::move(requests.front());
    requests.pop_front();
    return request;
  };
  callbacks.done = [&](sample::Drawn&& drawn) {
    done[{drawn.tag, drawn.sample}] = {std::move(drawn.tokens), std::move(drawn.logprobs), drawn.finish,
                                       std::move(drawn.text)};
  };
  callbacks.interrupted = [] { return false; };
  callbacks.save_due = [] { return true; };
  callbacks.unfinished = [&](const sample::Begun& begun) {
    EXPECT_FALSE(done.contains({begun.tag, begun.sample})) << "it was done";
    EXPECT_EQ(begun.tokens.size(), begun.logprobs.size());
    shown.push_back({{begun.tag, begun.sample}, {begun.tokens.begin(), begun.tokens.end()}});
  };
  callbacks.make_watcher = [] { return std::make_unique<MultipleWatcher>(4); };
  ASSERT_TRUE(engine.run(sampling_of(9), callbacks));
  EXPECT_EQ(done, draw(cuda, sampling_of(9), problems_, 4));
  EXPECT_FALSE(shown.empty());
  for (const auto& [key, tokens] : shown) {
    const auto& all = done.at(key).tokens;
    ASSERT_LE(tokens.size(), all.size());
    EXPECT_TRUE(std::equal(tokens.begin(), tokens.end(), all.begin()));
  }
}

/// Little room, so that samples wait again with tokens that nobody has looked at: interrupted anywhere, what
/// is handed over as finished is finished, and the rest is not.
TEST_F(DeviceEngine, InterruptedWithLittleRoom) {
  LoadedModel cuda = model_of("llama");
  const std::vector<Problem> problems = {{1, prompt_of(30, 1, 90), 3}, {2, prompt_of(29, 2, 90), 2}};
  const sample::Sampling sampling = sampling_of(9);
  const Outcomes expected = draw(cuda, sampling, problems, 13);
  std::int64_t preemptions = 0;
  sample::Engine engine(*cuda.device, cuda.transformer, {.max_batch = 4, .prefill_chunk = 64, .pages = 4});
  for (int at = 1; at < 16; ++at) {
    EngineRun first = run_engine(engine, sampling, requests_for(problems, 3), 13, at);
    EXPECT_EQ(first.twice, 0);
    for (const auto& [key, outcome] : first.outcomes) {
      if (outcome.finish) {
        EXPECT_EQ(outcome, expected.at(key)) << at;
      } else {
        EXPECT_LT(outcome.tokens.size(), expected.at(key).tokens.size()) << at;
      }
    }
    if (first.complete) break;
    EngineRun second = run_engine(engine, sampling, requests_for(problems, 3, first.outcomes), 13);
    for (auto& [key, outcome] : second.outcomes) first.outcomes[key] = outcome;
    EXPECT_EQ(difference(first.outcomes, expected), "") << "interrupted at step " << at;
    preemptions = engine.counters().preemptions;
  }
  EXPECT_GT(preemptions, 0);
}

TEST_F(DeviceEngine, ANanInTheWeightsIsNotHidden) {
  LoadedModel cuda = model_of("llama");
  const auto set = [&](float value) {
    cuda.device->upload(cuda.weights.final_norm.data() + 3 * sizeof(float),
                        std::as_bytes(std::span(&value, 1)));
  };
  float before = 0;
  cuda.device->download(std::as_writable_bytes(std::span(&before, 1)),
                        cuda.weights.final_norm.data() + 3 * sizeof(float));
  const Outcomes expected = draw(cuda, sampling_of(4), problems_, 0);
  sample::Engine engine(*cuda.device, cuda.transformer, {.max_batch = 4, .prefill_chunk = 24, .pages = 10});
  for (int i = 0; i < 5; ++i) {  // the cache is not used up by failures either
    set(std::numeric_limits<float>::quiet_NaN());
    const std::string message =
        message_of([&] { run_engine(engine, sampling_of(4), requests_for(problems_, 3), 0); });
    EXPECT_NE(message.find("sample 0, position 0: "), std::string::npos) << message;
    EXPECT_NE(message.find("found 151 NaN and 0 +inf among 151"), std::string::npos) << message;
  }
  set(before);
  EXPECT_EQ(draw(engine, sampling_of(4), problems_, 0), expected);
}

/// An error while samples that have ended are about to be handed over: the next run knows nothing of them.
TEST_F(DeviceEngine, NothingIsLeftOfARunThatFailed) {
  LoadedModel cuda = model_of("llama");
  const Outcomes expected = draw(cuda, sampling_of(4), {problems_[1]}, 0);
  sample::Engine engine(*cuda.device, cuda.transformer, {.max_batch = 4, .prefill_chunk = 24, .pages = 40});
  sample::EngineCallbacks callbacks;
  bool asked = false;
  callbacks.next = [&]() -> std::optional<sample::Request> {
    if (std::exchange(asked, true)) return std::nullopt;
    return requests_for(problems_, 3).front();
  };
  callbacks.done = [](sample::Drawn&&) { throw EnvironmentError("the disk is full"); };
  callbacks.interrupted = [] { return false; };
  callbacks.make_watcher = [] { return std::make_unique<MultipleWatcher>(0); };
  EXPECT_THROW(engine.run(sampling_of(4), callbacks), EnvironmentError);
  EXPECT_EQ(draw(engine, sampling_of(4), {problems_[1]}, 0), expected);
}

/// A step that fails behind the choice in parts, here because the last array that it needs is one for which
/// there is no memory: what it knew of scores that can be reached is not the next one's.
TEST_F(DeviceEngine, AStepThatFailsWhileItChoosesLeavesNothing) {
  if (!kEmulator) GTEST_SKIP() << "a GPU has too much memory";
  const std::vector<std::int32_t> ids = prompt_of(8, 1, 90), page = {0}, page_rows(8, 0);
  const std::vector<std::int32_t> positions = {0, 1, 2, 3, 4, 5, 6, 7}, rows = {5, 6, 7};
  const device::StepTokens step{ids, positions, page_rows, page};
  std::vector<device::RowDraw> draws;
  for (const std::uint32_t sample : {0u, 1u, 2u}) draws.push_back({7, sample, 0, 1, 0});
  const auto begin = [&](LoadedModel& model, double temperature) {
    device::Choosing choosing;
    choosing.temperature = temperature;
    model.transformer.begin(step, model.cache, rows, {choosing, draws});
  };
  const auto tokens = [&](LoadedModel& model) {
    std::vector<std::int32_t> chosen;
    for (const device::RowChoice& choice : model.transformer.choices()) chosen.push_back(choice.token);
    return chosen;
  };
  LoadedModel expected = model_of("llama"), failed = model_of("llama");
  const std::size_t before = cuda_on_host::device_bytes_in_use();
  begin(expected, 1);
  const std::size_t needed = cuda_on_host::device_bytes_in_use() - before;
  {
    const cuda_on_host::WithDeviceMemory little(cuda_on_host::device_bytes_in_use() + needed - 1);
    EXPECT_THROW(begin(failed, 1e-3), OutOfMemory);  // scores of some thousands
    EXPECT_NO_THROW(failed.device->wait());
  }
  begin(failed, 1);
  EXPECT_EQ(tokens(failed), tokens(expected));
}

/// Nothing on the host looks at them where the device chooses.
TEST_F(DeviceEngine, ParametersThatAreNoneAreRefused) {
  LoadedModel cuda = model_of("llama");
  sample::Engine engine(*cuda.device, cuda.transformer, {.max_batch = 2, .prefill_chunk = 8, .pages = 10});
  std::vector<sample::SamplingParameters> wrong(4);
  wrong[0].temperature = -1;
  wrong[1].top_k = -1;
  wrong[2].top_p = 1.5;
  wrong[3].min_p = -0.5;
  for (const sample::SamplingParameters& parameters : wrong) {
    sample::Sampling sampling = sampling_of(1);
    sampling.parameters = parameters;
    sampling.parameters.max_tokens = 1;
    EXPECT_NE(message_of([&] { run_engine(engine, sampling, requests_for(problems_, 3), 0); }), "");
  }
}

/// Largest steps of an engine: many sequences, whose steps are padded, or many tokens of prompts and of
/// beginnings that are computed again.
struct LargestSteps {
  int batch, chunk, prompt, known, drawn;
  double top_p;
};

class DeviceEngineMemory : public DeviceEngine, public ::testing::WithParamInterface<LargestSteps> {};

/// All of it is taken when the engine is made: later nobody could ask for less. What a step's page tables and
/// the first angles need beyond that is some KiB.
TEST_P(DeviceEngineMemory, IsTakenWhenItIsMade) {
  if (!kEmulator) GTEST_SKIP() << "a GPU counts no bytes";
  const LargestSteps& p = GetParam();
  LoadedModel cuda(model_folder("llama"), gpu(), Compute::kBFloat16, *self_);
  const std::size_t angles = 256 * static_cast<std::size_t>(cuda.architecture.head_dim) * sizeof(float);
  sample::Sampling sampling = sampling_of(p.known + p.drawn);
  sampling.parameters.top_p = p.top_p;
  sample::Engine engine(*cuda.device, cuda.transformer,
                        {.max_batch = p.batch, .prefill_chunk = p.chunk, .pages = 4 * p.batch});
  const std::size_t before = cuda_on_host::device_bytes_in_use();
  std::vector<Problem> problems;
  Outcomes begun;
  for (int i = 0; i < p.batch; ++i) {
    problems.push_back({i, prompt_of(p.prompt, i, 90), 1});
    begun[{i, 0}] = {
        prompt_of(p.known, i, 90), std::vector<float>(static_cast<std::size_t>(p.known)), {}, {}};
  }
  EXPECT_TRUE(run_engine(engine, sampling, requests_for(problems, 1, begun), 0).complete);
  EXPECT_LE(cuda_on_host::device_bytes_in_use(), before + angles + 4 * 1024);
}

INSTANTIATE_TEST_SUITE_P(Steps, DeviceEngineMemory,
                         ::testing::Values(LargestSteps{4, 24, 3, 27, 3, 1},
                                           LargestSteps{4, 24, 24, 0, 3, 0.8},
                                           LargestSteps{12, 24, 1, 27, 12, 1},
                                           LargestSteps{17, 1, 2, 0, 20, 1},
                                           LargestSteps{17, 1, 2, 0, 20, 0.8}),
                         [](const auto& test) {
                           return "Batch" + std::to_string(test.param.batch) + "Prompt" +
                                  std::to_string(test.param.prompt) +
                                  (test.param.top_p < 1 ? "WithFilters" : "");
                         });

}  // namespace
}  // namespace wisk::test
