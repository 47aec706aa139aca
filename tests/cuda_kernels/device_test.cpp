// Whole models on a GPU, or on its emulator, against the CPU: weights, logits, and the tokens that the engine
// draws.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <wisk/core/error.hpp>

#include "first_gpu.hpp"
#include "fixture.hpp"
#include "sample/engine_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk::test {
namespace {

using device::Compute;
using device::cuda::CudaOptions;

std::unique_ptr<device::Device> gpu(bool graphs = true, bool keep = false) {
  CudaOptions options = first_gpu();
  options.graphs = graphs;
  options.keep_ingredients = keep;
  options.reserve_bytes = 0;
  return device::cuda::make_cuda_device(options);
}

std::filesystem::path model_folder(const std::string& name) {
  return source_folder() / "tests/golden/models" / name;
}

std::vector<std::int32_t> some_ids(std::size_t count, std::int64_t vocabulary) {
  return prompt_of(static_cast<int>(count), 5, vocabulary);
}

/// Logits of two devices: the same bits where sums are taken in the same order, that is on the emulator and
/// with operands of f32. Tensor cores sum in their own order, so an input of a product may be rounded to the
/// neighbouring bf16 (2^-8 relative) in each of the 2 L + 1 places where norms make them.
void expect_logits(const std::vector<float>& actual, const std::vector<float>& expected, Compute compute,
                   std::size_t layers, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size());
  float largest = 0;
  for (const float x : expected) largest = std::max(largest, std::abs(x));
  const float bound = static_cast<float>(2 * layers + 1) * 0x1p-8f * largest;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (kEmulator || compute == Compute::kFloat32) {
      ASSERT_TRUE(same_number(actual[i], expected[i]))
          << what << ", " << i << ": " << actual[i] << ", not " << expected[i];
    } else {
      ASSERT_NEAR(actual[i], expected[i], bound) << what << ", " << i;
    }
  }
}

/// 2 x multiply-adds of bf16 a cycle and multiprocessor, by the data sheets.
TEST(CudaDevice, ThePeakRateIsTheTensorCores) {
  CudaOptions options = first_gpu();
  options.gpu.clock_hertz = 1e9;
  options.gpu.multiprocessors = 100;
  struct Gpu {
    int major, minor;
    double teraflops;
  };
  for (const Gpu& gpu : {Gpu{8, 0, 204.8}, Gpu{8, 6, 102.4}, Gpu{9, 0, 409.6}, Gpu{10, 0, 819.2}}) {
    options.gpu.major = gpu.major;
    options.gpu.minor = gpu.minor;
    EXPECT_DOUBLE_EQ(device::cuda::make_cuda_device(options)->peak_rate(), gpu.teraflops * 1e12);
  }
}

TEST(CudaDevice, AGpuThatIsNotThereIsAnError) {
  CudaOptions options;
  options.gpu.index = 99;
  options.host.threads = 1;
  EXPECT_THROW(device::cuda::make_cuda_device(options), EnvironmentError);
}

TEST(CudaDevice, ShowsTheHostMoreThanBefore) {
  const auto cuda = gpu();
  std::vector<float> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0.0f);
  const device::Buffer buffer = cuda->allocate(numbers.size() * sizeof(float));
  cuda->upload(buffer.data(), std::as_bytes(std::span(numbers)));
  for (const std::int64_t count : {10, 1000, 20}) {
    const auto view = cuda->host_view(buffer.as<float>(), count);
    ASSERT_EQ(static_cast<std::int64_t>(view.size()), count);
    EXPECT_TRUE(std::equal(view.begin(), view.end(), numbers.begin()));
  }
}

class CudaModels : public ::testing::TestWithParam<const char*> {};

TEST_P(CudaModels, GiveTheCpusWeightsAndLogits) {
  const auto self = comm::make_self_communicator();
  for (const Compute compute : {Compute::kFloat32, Compute::kBFloat16}) {
    LoadedModel expected(model_folder(GetParam()), {.compute = compute}, *self);
    LoadedModel actual(model_folder(GetParam()), gpu(), compute, *self);
    EXPECT_EQ(actual.weights.hash(), expected.weights.hash());
    const auto ids = some_ids(45, expected.architecture.vocabulary);
    const std::vector<float> all = expected.logits(ids, ids.size());
    const std::string what = std::string(GetParam()) + (compute == Compute::kFloat32 ? " f32" : " bf16");
    const std::vector<float> at_once = actual.logits(ids, ids.size());
    expect_logits(at_once, all, compute, expected.architecture.layers.size(), what);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{13}}) {  // the same bits on any device
      const std::vector<float> logits = actual.logits(ids, chunk);
      ASSERT_EQ(std::memcmp(logits.data(), at_once.data(), logits.size() * sizeof(float)), 0)
          << what << ", steps of " << chunk;
    }
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(AllArchitectures, CudaModels,
                         ::testing::Values("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3"),
                         [](const auto& model) { return std::string(model.param); });

/// Ingredients that stay on the device, that don't, and that are read in windows.
TEST(CudaWeights, ABlendHasTheCpusBytesWhereverItsIngredientsAre) {
  const auto self = comm::make_self_communicator();
  LoadedModel expected(model_folder("qwen2"), {.compute = Compute::kBFloat16}, *self);
  LoadedModel passing(model_folder("qwen2"), gpu(true, false), Compute::kBFloat16, *self);
  LoadedModel kept(model_folder("qwen2"), gpu(true, true), Compute::kBFloat16, *self);
  const checkpoint::ModelFolder* twice[] = {&expected.folder, &expected.folder};
  for (const auto& [a, b] : {std::pair(0.25, 0.5), std::pair(-0.75, 1.25), std::pair(1.0, 0.0)}) {
    const double coefficients[] = {a, b};
    expected.weights.blend(twice, coefficients);
    passing.weights.blend(twice, coefficients);
    kept.weights.blend(twice, coefficients);
    EXPECT_EQ(passing.weights.hash(), expected.weights.hash()) << a;
    EXPECT_EQ(kept.weights.hash(), expected.weights.hash()) << a;
  }
}

/// Whatever it draws, in whatever company.
class CudaEngine : public ::testing::Test {
 protected:
  void SetUp() override {}

  Outcomes draw(LoadedModel& model, const sample::EngineLimits& limits, const sample::Sampling& sampling,
                int divisor = 0) {
    sample::Engine engine(*model.device, model.transformer, limits);
    EngineRun run = run_engine(engine, sampling, requests_for(problems_, 3), divisor);
    EXPECT_TRUE(run.complete);
    EXPECT_EQ(run.twice, 0);
    return std::move(run.outcomes);
  }

  /// Log probabilities are sums in another order (docs/numerics.md).
  static void expect_same(const Outcomes& actual, const Outcomes& expected, const std::string& what) {
    ASSERT_EQ(actual.size(), expected.size()) << what;
    for (const auto& [key, outcome] : expected) {
      const Outcome& found = actual.at(key);
      ASSERT_EQ(found.tokens, outcome.tokens) << what << ", sample " << key.second << " of " << key.first;
      EXPECT_EQ(found.finish, outcome.finish) << what;
      EXPECT_EQ(found.text, outcome.text) << what;
      for (std::size_t i = 0; i < outcome.logprobs.size(); ++i) {
        ASSERT_NEAR(found.logprobs[i], outcome.logprobs[i], 1e-5) << what << ", token " << i;
      }
    }
  }

  std::unique_ptr<comm::Communicator> self_ = comm::make_self_communicator();
  std::vector<Problem> problems_ = {
      {1, prompt_of(1, 1, 90), 3}, {2, prompt_of(33, 2, 90), 5}, {7, prompt_of(32, 3, 90), 4}};
};

TEST_F(CudaEngine, DrawsTheCpusTokens) {
  for (const Compute compute : {Compute::kFloat32, Compute::kBFloat16}) {
    if (!kEmulator && compute == Compute::kBFloat16) continue;  // tensor cores have their own order of sums
    LoadedModel cpu(model_folder("qwen2"), {.compute = compute}, *self_);
    LoadedModel cuda(model_folder("qwen2"), gpu(), compute, *self_);
    sample::Sampling sampling;
    sampling.seed = 11;
    sampling.parameters.max_tokens = 12;
    sampling.end_tokens = {3, 50};
    const auto compare = [&](const std::string& what) {
      expect_same(draw(cuda, {.max_batch = 5, .prefill_chunk = 16, .pages = 40}, sampling, 7),
                  draw(cpu, {.max_batch = 5, .prefill_chunk = 16, .pages = 40}, sampling, 7), what);
    };
    compare("no filter");
    sampling.parameters.temperature = 0;
    compare("greedy");
    sampling.parameters.temperature = 0.7;
    sampling.parameters.top_k = 9;
    sampling.parameters.top_p = 0.9;
    sampling.parameters.min_p = 0.02;
    compare("filters");
  }
}

TEST_F(CudaEngine, TokensDependOnNeitherBatchNorPagesNorGraphs) {
  if (!kEmulator) {
    for (Problem& problem : problems_) problem.samples *= 30;
  }
  LoadedModel with(model_folder("gemma2"), gpu(true), Compute::kBFloat16, *self_);
  LoadedModel without(model_folder("gemma2"), gpu(false), Compute::kBFloat16, *self_);
  sample::Sampling sampling;
  sampling.seed = 5;
  sampling.parameters.max_tokens = 10;
  const Outcomes expected = draw(with, {.max_batch = 1, .prefill_chunk = 64, .pages = 8}, sampling, 5);
  for (const int batch : {2, 12, 256}) {
    if (batch == 256 && kEmulator) continue;  // takes minutes
    EXPECT_EQ(draw(with, {.max_batch = batch, .prefill_chunk = 7, .pages = 12 + 4 * batch}, sampling, 5),
              expected)
        << batch;
    EXPECT_EQ(draw(without, {.max_batch = batch, .prefill_chunk = 16, .pages = 6}, sampling, 5), expected)
        << batch;
  }
}

/// Interrupted at any step and gone on with: the same samples, none twice.
TEST_F(CudaEngine, GoesOnWhereItWasInterrupted) {
  LoadedModel model(model_folder("llama"), gpu(), Compute::kBFloat16, *self_);
  sample::Sampling sampling;
  sampling.seed = 3;
  sampling.parameters.max_tokens = 9;
  const sample::EngineLimits limits{.max_batch = 6, .prefill_chunk = 20, .pages = 40};
  const Outcomes expected = draw(model, limits, sampling, 4);
  for (const int at : {1, 3, 4, 7, 10}) {
    sample::Engine engine(*model.device, model.transformer, limits);
    EngineRun first = run_engine(engine, sampling, requests_for(problems_, 3), 4, at);
    EngineRun second = run_engine(engine, sampling, requests_for(problems_, 3, first.outcomes), 4);
    for (auto& [key, outcome] : second.outcomes) first.outcomes[key] = outcome;
    EXPECT_EQ(first.outcomes, expected) << "interrupted at step " << at;
  }
}

}  // namespace
}  // namespace wisk::test
