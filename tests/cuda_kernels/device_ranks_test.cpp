// A model that several ranks hold on a GPU each, and ingredients that replicas give to one another: on the
// emulator, exchanging over the host or through a group of devices.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include <wisk/comm/mpi.hpp>
#include <wisk/core/error.hpp>

#include "first_gpu.hpp"
#include "fixture.hpp"
#include "host_device.hpp"
#include "sample/engine_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk::test {
namespace {

using device::Compute;

/// What ranks exchange takes its place in the stream, and may be recorded there.
class EmulatedGroup final : public comm::DeviceGroup {
 public:
  explicit EmulatedGroup(comm::Communicator& ranks) : ranks_(ranks) {}
  [[nodiscard]] int rank() const override { return ranks_.rank(); }
  [[nodiscard]] int size() const override { return ranks_.size(); }
  void all_gather(const std::byte* mine, std::byte* all, std::size_t bytes_each, void* stream) override {
    submit(stream, [=, this] {
      ranks_.all_gather({mine, bytes_each}, {all, bytes_each * static_cast<std::size_t>(size())});
    });
  }
  void broadcast(std::byte* data, std::size_t bytes, int root, void* stream) override {
    roots.push_back(root);
    submit(stream, [=, this] {
      if (root != rank()) {
        const bool empty = std::all_of(data, data + bytes, [](std::byte x) { return x == std::byte{0}; });
        read_in_vain += empty ? 0 : 1;
      }
      ranks_.broadcast({data, bytes}, root);
    });
  }
  void all_reduce_or(std::uint32_t* words, std::size_t count, void* stream) override {
    submit(stream, [=, this] { ranks_.all_reduce_or({words, count}); });
  }
  void wait(void* stream) override {
    if (broken) {
      if (forget_) forget_();
      throw EnvironmentError("another rank has stopped");
    }
    device::cuda::synchronize(static_cast<device::cuda::Stream>(stream));
  }
  void on_abort(std::function<void()> forget) override { forget_ = std::move(forget); }

  int asked = 0, done = 0;  ///< operations that were called, and that took place
  std::vector<int> roots;   ///< of broadcasts
  int read_in_vain = 0;     ///< broadcasts to memory that was not empty
  bool broken = false;

 private:
  void submit(void* stream, const std::function<void()>& operation) {
    ++asked;
    cuda_on_host::submit(static_cast<device::cuda::Stream>(stream), [this, operation] {
      ++done;
      operation();
    });
  }
  comm::Communicator& ranks_;
  std::function<void()> forget_;
};

std::unique_ptr<device::Device> gpu(std::size_t reserve = 0) {
  device::cuda::CudaOptions options = first_gpu();
  options.keep_ingredients = true;
  options.reserve_bytes = reserve;
  return device::cuda::make_cuda_device(options);
}

std::filesystem::path model_folder(const std::string& name) {
  return source_folder() / "tests/golden/models" / name;
}

const std::vector<Problem> kProblems = {{1, prompt_of(1, 1, 90), 2}, {2, prompt_of(33, 2, 90), 3}};

Outcomes draw(device::Device& device, model::Transformer& transformer, const sample::Sampling& sampling) {
  sample::Engine engine(device, transformer, {.max_batch = 4, .prefill_chunk = 16, .pages = 30});
  EngineRun run = run_engine(engine, sampling, requests_for(kProblems, 3), 5);
  EXPECT_TRUE(run.complete);
  return std::move(run.outcomes);
}

/// Models whose heads and feed-forward cut into as many slices as there are ranks.
TEST(CudaRanks, AModelInPartsDrawsTheTokensOfOneDevice) {
  const auto world = comm::make_world_communicator();
  const auto self = comm::make_self_communicator();
  int compared = 0;
  EmulatedGroup group(*world);  // outlives what is recorded
  for (const char* name : {"qwen2", "qwen3", "gemma2", "mistral", "llama-rope-linear"}) {
    LoadedModel alone(model_folder(name), gpu(), Compute::kBFloat16, *self);
    if (alone.architecture.slices() % world->size() != 0) continue;
    ++compared;
    sample::Sampling sampling;
    sampling.seed = 21;
    sampling.parameters.max_tokens = 6;
    for (const bool filters : {false, true}) {
      sampling.parameters.top_p = filters ? 0.8 : 1;
      const Outcomes expected = draw(*alone.device, alone.transformer, sampling);
      LoadedModel over_host(model_folder(name), gpu(), Compute::kBFloat16, *world);
      const Outcomes by_host = draw(*over_host.device, over_host.transformer, sampling);
      model::Transformer grouped(*over_host.device, over_host.architecture, over_host.weights,
                                 Compute::kBFloat16, *world, &group);
      const Outcomes by_group = draw(*over_host.device, grouped, sampling);
      for (const auto& [key, outcome] : expected) {
        EXPECT_EQ(by_host.at(key).tokens, outcome.tokens) << name;
        EXPECT_EQ(by_group.at(key), by_host.at(key)) << name;
        EXPECT_EQ(by_group.at(key), outcome) << name << (filters ? ", filters" : "");
      }
    }
  }
  EXPECT_EQ(compared, world->size() <= 2 ? 5 : 1);
  if (world->size() > 1) {
    EXPECT_LT(group.asked, group.done) << "steps were recorded, with what the ranks exchange";
  }
}

/// Scores of the tokens after a prompt's first ones.
std::vector<device::RowChoice> scores(model::Transformer& transformer, const std::vector<std::int32_t>& ids) {
  const std::size_t count = ids.size() - 1;
  std::vector<std::int32_t> positions(ids.size()), pages((ids.size() + 31) / 32);
  std::iota(positions.begin(), positions.end(), 0);
  std::iota(pages.begin(), pages.end(), 0);
  const std::vector<std::int32_t> page_rows(ids.size(), 0);
  device::KvCache cache = transformer.make_cache(static_cast<int>(pages.size()));
  device::Choosing greedy;
  greedy.temperature = 0;
  transformer.begin({ids, positions, page_rows, pages}, cache, std::span(positions).first(count),
                    {greedy, {}, std::span(ids).last(count)});
  const auto choices = transformer.choices();
  return {choices.begin(), choices.end()};
}

TEST(CudaRanks, AModelInPartsScoresPromptsAsOneDevice) {
  const auto world = comm::make_world_communicator();
  const auto self = comm::make_self_communicator();
  EmulatedGroup group(*world);
  const auto path = model_folder("llama-rope-linear");
  LoadedModel alone(path, gpu(), Compute::kBFloat16, *self);
  LoadedModel over_host(path, gpu(), Compute::kBFloat16, *world);
  model::Transformer grouped(*over_host.device, over_host.architecture, over_host.weights, Compute::kBFloat16,
                             *world, &group);
  const std::vector<std::int32_t> ids = prompt_of(45, 4, alone.architecture.vocabulary);
  const auto expected = scores(alone.transformer, ids);
  const std::vector<float> logits = alone.logits(ids, ids.size());  // [T, V]
  const auto vocabulary = static_cast<std::size_t>(alone.architecture.vocabulary);
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    const auto row = std::span(logits).subspan(i * vocabulary, vocabulary);
    EXPECT_NEAR(expected[i].logprob, sample::log_probability(row, ids[i + 1]), 1e-5) << i;
    EXPECT_EQ(expected[i].token, std::ranges::max_element(row) - row.begin()) << i;
  }
  const auto expect_same = [&](const std::vector<device::RowChoice>& found, const char* how) {
    ASSERT_EQ(found.size(), expected.size()) << how;
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof found[0]), 0) << how;
  };
  expect_same(scores(over_host.transformer, ids), "over the host");
  expect_same(scores(grouped, ids), "by the group");
}

/// Rank 0 alone saves what has begun: it must not do anything else that the others don't.
TEST(CudaRanks, OneRankMaySave) {
  const auto world = comm::make_world_communicator();
  if (world->size() > 2) GTEST_SKIP() << "the model has two slices";
  LoadedModel model(model_folder("qwen2"), gpu(), Compute::kBFloat16, *world);
  sample::Sampling sampling;
  sampling.seed = 8;
  sampling.parameters.max_tokens = 12;
  sample::Engine engine(*model.device, model.transformer, {.max_batch = 3, .prefill_chunk = 16, .pages = 12});
  const EngineRun run = run_engine(engine, sampling, requests_for(kProblems, 3), 5);
  int asked = 0;
  const EngineRun saving = run_engine(engine, sampling, requests_for(kProblems, 3), 5, -1,
                                      [&] { return world->rank() == 0 && ++asked % 2 == 0; });
  EXPECT_EQ(saving.outcomes, run.outcomes);
  if (world->rank() == 0) {
    EXPECT_FALSE(saving.saved.empty());
  }
  if (world->size() == 1) {  // from what was saved last, whatever it holds behind an end
    EXPECT_EQ(run_engine(engine, sampling, requests_for(kProblems, 3, saving.saved), 5).outcomes,
              run.outcomes);
  }
}

/// Nobody waits for a rank that has stopped: the group is asked before the host waits for a step.
TEST(CudaRanks, ARankThatStopsIsFoundByTheGroup) {
  const auto world = comm::make_world_communicator();
  if (world->size() > 2) GTEST_SKIP() << "the model has two slices";
  EmulatedGroup group(*world);
  LoadedModel model(model_folder("qwen2"), gpu(), Compute::kBFloat16, *world);
  model::Transformer grouped(*model.device, model.architecture, model.weights, Compute::kBFloat16, *world,
                             &group);
  group.on_abort([&] { model.device->forget_recorded(); });
  sample::Engine engine(*model.device, grouped, {.max_batch = 3, .prefill_chunk = 16, .pages = 12});
  sample::Sampling sampling;
  sampling.parameters.max_tokens = 3;
  for (const double top_p : {1.0, 0.8}) {  // without and with filters: other exchanges
    sampling.parameters.top_p = top_p;
    group.broken = true;
    EXPECT_THROW(run_engine(engine, sampling, requests_for(kProblems, 3), 0), EnvironmentError);
    group.broken = false;
    EXPECT_TRUE(run_engine(engine, sampling, requests_for(kProblems, 3), 0).complete);
  }
}

/// The memory of steps is tried by each rank for itself: where one has too little the others don't wait.
TEST(CudaRanks, OneRankMayHaveTooLittleMemoryForAStep) {
  const auto world = comm::make_world_communicator();
  if (world->size() != 2) GTEST_SKIP() << "the model has two slices";
  EmulatedGroup group(*world);
  for (comm::DeviceGroup* exchange :
       {static_cast<comm::DeviceGroup*>(nullptr), static_cast<comm::DeviceGroup*>(&group)}) {
    LoadedModel model(model_folder("qwen2"), gpu(), Compute::kBFloat16, *world);
    model.device->forget_ingredients();
    model::Transformer transformer(*model.device, model.architecture, model.weights, Compute::kBFloat16,
                                   *world, exchange);
    const sample::EngineLimits limits{.max_batch = 4, .prefill_chunk = 16, .pages = 30};
    const auto engine = [&] { return sample::Engine(*model.device, transformer, limits); };
    {
      const std::size_t cache = model.transformer.make_cache(limits.pages).data.bytes();
      const std::size_t more = world->rank() == 1 ? cache + 1024 : std::size_t{1} << 30;
      const cuda_on_host::WithDeviceMemory memory(cuda_on_host::device_bytes_in_use() + more);
      if (world->rank() == 1) {
        EXPECT_THROW(engine(), OutOfMemory);
      } else {
        EXPECT_NO_THROW(engine());
      }
    }
    sample::Sampling sampling;
    sampling.parameters.max_tokens = 3;
    sample::Engine with_room = engine();
    EXPECT_TRUE(run_engine(with_room, sampling, requests_for(kProblems, 3), 5).complete);
  }
}

/// A model that every rank holds whole, and ingredients that they give to one another.
class CudaReplicas : public ::testing::Test {
 protected:
  CudaReplicas() {
    // What the loading of the model kept is from this rank's own file.
    model_.device->forget_ingredients();
  }
  bool keep() { return model_.weights.keep_ingredients(both_, *world_, group_); }
  /// The weights of a blend are the CPU's.
  void expect_blend() {
    LoadedModel expected(folder_, {.compute = Compute::kBFloat16}, *self_);
    const double coefficients[] = {0.25, 0.5};
    const checkpoint::ModelFolder* plain[] = {&expected.folder, &expected.folder};
    model_.weights.blend(both_, coefficients);
    expected.weights.blend(plain, coefficients);
    EXPECT_EQ(model_.weights.hash(), expected.weights.hash());
  }

  const std::filesystem::path folder_ = model_folder("qwen2");
  std::unique_ptr<comm::Communicator> world_ = comm::make_world_communicator(),
                                      self_ = comm::make_self_communicator();
  EmulatedGroup group_{*world_};
  LoadedModel model_{folder_, gpu(), Compute::kBFloat16, *self_};
  checkpoint::ModelFolder other_ = checkpoint::ModelFolder::open(folder_);
  const checkpoint::ModelFolder* both_[2] = {&model_.folder, &other_};
};

TEST_F(CudaReplicas, ReadEachIngredientOnceAndInTurn) {
  ASSERT_TRUE(keep());
  EXPECT_EQ(group_.done, group_.asked) << "it has been waited for";
  EXPECT_EQ(group_.read_in_vain, 0);
  ASSERT_GT(group_.roots.size(), 0u);
  for (std::size_t i = 0; i < group_.roots.size(); ++i)
    EXPECT_EQ(group_.roots[i], static_cast<int>(i) % world_->size()) << i;
  expect_blend();
}

/// All agree, and nobody waits for ingredients that never come.
TEST_F(CudaReplicas, KeepNothingWhereOneHasNoRoom) {
  const std::size_t before = cuda_on_host::device_bytes_in_use();
  const std::size_t more = world_->rank() == world_->size() - 1 ? 64 * 1024 : std::size_t{1} << 30;
  {
    const cuda_on_host::WithDeviceMemory memory(before + more);
    EXPECT_FALSE(keep());
    EXPECT_EQ(cuda_on_host::device_bytes_in_use(), before);
    EXPECT_TRUE(group_.roots.empty());
  }
  expect_blend();
}

TEST_F(CudaReplicas, ARankThatStopsIsFoundByTheGroup) {
  group_.broken = true;
  EXPECT_THROW(keep(), EnvironmentError);
  model_.device->wait();
}

}  // namespace
}  // namespace wisk::test
