// A model that several ranks hold on a GPU each, and ingredients that replicas give to one another: on the
// emulator, exchanging over the host or through a group of devices.
#include <gtest/gtest.h>

#include <cstring>

#include <wisk/comm/mpi.hpp>

#include "cuda_device.hpp"
#include "fixture.hpp"
#include "sample/engine_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk::test {
namespace {

using device::Compute;

/// Devices of the emulator: their memory is the host's, once their streams are done.
class EmulatedGroup final : public comm::DeviceGroup {
 public:
  explicit EmulatedGroup(comm::Communicator& ranks) : ranks_(ranks) {}
  [[nodiscard]] int rank() const override { return ranks_.rank(); }
  [[nodiscard]] int size() const override { return ranks_.size(); }
  void all_gather(const std::byte* mine, std::byte* all, std::size_t bytes_each, void* stream) override {
    wait(stream);
    ranks_.all_gather({mine, bytes_each}, {all, bytes_each * static_cast<std::size_t>(size())});
  }
  void all_gather_v(const std::byte* mine, std::byte* all, std::span<const std::size_t> bytes,
                    void* stream) override {
    wait(stream);
    std::size_t total = 0;
    for (const std::size_t count : bytes) total += count;
    ranks_.all_gather_v({mine, bytes[static_cast<std::size_t>(rank())]}, {all, total}, bytes);
  }
  void broadcast(std::byte* data, std::size_t bytes, int root, void* stream) override {
    wait(stream);
    ranks_.broadcast({data, bytes}, root);
    broadcast_bytes += bytes;
  }
  void all_reduce_or(std::uint32_t* words, std::size_t count, void* stream) override {
    wait(stream);
    ranks_.all_reduce_or({words, count});
  }
  void wait(void* stream) override { device::cuda::synchronize(static_cast<device::cuda::Stream>(stream)); }
  void abort() noexcept override {}

  std::size_t broadcast_bytes = 0;

 private:
  comm::Communicator& ranks_;
};

std::unique_ptr<device::Device> gpu() {
  std::string why_none;
  device::cuda::CudaOptions options;
  options.gpu = device::cuda::list_devices(why_none).at(0);
  options.host.threads = 1;
  options.graphs = false;  // an emulated group does its work at once
  options.keep_ingredients = true;
  options.reserve_bytes = 0;
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
  for (const char* name : {"qwen2", "qwen3", "gemma2", "mistral"}) {
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
      EmulatedGroup group(*world);
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
  if (world->size() <= 2) {
    EXPECT_GT(compared, 0);
  }
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

TEST(CudaRanks, ReplicasReadEachIngredientOnce) {
  const auto world = comm::make_world_communicator();
  const auto self = comm::make_self_communicator();
  LoadedModel model(model_folder("qwen2"), gpu(), Compute::kBFloat16, *self);
  LoadedModel expected(model_folder("qwen2"), {.compute = Compute::kBFloat16}, *self);
  const auto other = checkpoint::ModelFolder::open(model_folder("qwen2"));
  EmulatedGroup group(*world);
  const checkpoint::ModelFolder* both[] = {&model.folder, &other};
  // What the loading of the model kept is from this rank's own file.
  model.device->forget_ingredients();
  ASSERT_TRUE(model.weights.keep_ingredients(both, *world, group));
  EXPECT_GT(group.broadcast_bytes, 0u);
  const double coefficients[] = {0.25, 0.5};
  const checkpoint::ModelFolder* plain[] = {&expected.folder, &expected.folder};
  model.weights.blend(both, coefficients);
  expected.weights.blend(plain, coefficients);
  EXPECT_EQ(model.weights.hash(), expected.weights.hash());
}

}  // namespace
}  // namespace wisk::test
