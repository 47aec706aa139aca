// Engines on a GPU that has less memory than was planned, emulated: halves until it fits, kept ingredients
// first.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "host_device.hpp"
#include "make_engine_fixture.hpp"

namespace wisk::run {
namespace {

using test::cuda_on_host::device_bytes_in_use;
using test::cuda_on_host::WithDeviceMemory;

constexpr std::size_t kKiB = 1024, kMiB = kKiB * kKiB;
/// What a device leaves free when it keeps ingredients, and half as much for weights, staging and engines.
constexpr std::size_t kRoomToKeep = 3 * 1024 * kMiB;

using MakeEngine = EngineOnGpu;

TEST_F(MakeEngine, HalvesUntilItFitsAndDrawsTheSame) {
  const auto resident = blended();
  const auto [plenty, silence] = make(*resident, {.max_batch = 8, .prefill_chunk = 32, .pages = 400});
  EXPECT_EQ(silence, "");
  const test::Outcomes expected = draw(*plenty);
  // What steps need is there; of 400 pages there is room for 150: 100 fit.
  const WithDeviceMemory memory(device_bytes_in_use() + 150 * page_);
  const auto [engine, said] = make(*resident, {.max_batch = 8, .prefill_chunk = 32, .pages = 400});
  ASSERT_NE(engine, nullptr) << said;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
  EXPECT_NE(said.find("4 sequences at once instead"), std::string::npos) << said;
  EXPECT_NE(said.find("2 sequences at once instead"), std::string::npos) << said;
  EXPECT_EQ(draw(*engine), expected);
}

/// Where prompts' tokens are what is too much.
TEST_F(MakeEngine, TakesFewerTokensOfPromptsInAStep) {
  const auto resident = blended();
  const WithDeviceMemory memory(device_bytes_in_use() + 1024 * kKiB);
  const auto [engine, said] = make(*resident, {.max_batch = 2, .prefill_chunk = 1024, .pages = fewest_});
  ASSERT_NE(engine, nullptr) << said;
  EXPECT_NE(said.find("1 sequences at once instead"), std::string::npos) << said;
  EXPECT_EQ(draw(*engine).size(), 4u);
}

/// Says what was missing, after it tried with one sequence and the fewest pages.
TEST_F(MakeEngine, RefusesWhereOneSequenceHasNoRoom) {
  const auto resident = blended();
  const std::size_t before = device_bytes_in_use();
  {
    const WithDeviceMemory memory(before + page_);
    const auto [engine, said] = make(*resident, {.max_batch = 8, .prefill_chunk = 32, .pages = 64});
    EXPECT_EQ(engine, nullptr);
    EXPECT_NE(said.find("1 sequences at once instead"), std::string::npos) << said;
    EXPECT_NE(said.rfind("GPU memory: expected"), std::string::npos) << said;
    EXPECT_GT(said.rfind("GPU memory: expected"), said.rfind("instead")) << said;
  }
  const auto [engine, said] = make(*resident, {.max_batch = 8, .prefill_chunk = 32, .pages = 64});
  EXPECT_NE(engine, nullptr) << "there is room again";
}

/// What is kept of checkpoints for speed goes before anything is halved, and the next blend reads it again.
TEST_F(MakeEngine, KeptIngredientsMakeRoom) {
  std::optional<WithDeviceMemory> memory(kRoomToKeep);
  ResidentModel resident(checkpoints_, options_, topology_);
  const sample::EngineLimits limits{.max_batch = 8, .prefill_chunk = 32, .pages = 40};
  make(resident, limits);  // so that steps have their memory
  const std::uint64_t hash = resident.blend({{{"late", folder_}}, {1.0}});
  const std::size_t all = device_bytes_in_use();
  resident.device().forget_ingredients();
  const std::size_t kept = all - device_bytes_in_use();
  ASSERT_GT(kept, 2 * page_);
  resident.blend({{{"late", folder_}}, {0.5}});
  ASSERT_EQ(device_bytes_in_use(), all) << "kept again";
  memory.emplace(all + 40 * page_ - kept / 2);
  const auto [engine, said] = make(resident, limits);
  ASSERT_NE(engine, nullptr) << said;
  EXPECT_EQ(said, "");
  EXPECT_EQ(device_bytes_in_use(), all + 40 * page_ - kept);
  EXPECT_EQ(resident.blend({{{"late", folder_}}, {1.0}}), hash);
}

/// Three quarters of what is free beside the weights are pages.
TEST_F(MakeEngine, PlansWithTheGpusMemory) {
  const std::uint64_t weights =
      model::Weights::bytes_for(checkpoints_.architecture, checkpoints_.storage, checkpoints_.compute, 1);
  topology_.gpu_free_bytes = weights + 4 * 100 * page_;
  sample::EngineLimits limits = plan_limits(checkpoints_, options_, topology_, kLongest);
  EXPECT_EQ(limits.max_batch, 256);
  EXPECT_EQ(limits.prefill_chunk, 1024);
  EXPECT_EQ(limits.pages, 300);
  topology_.gpu_free_bytes = weights + 4 * 100000 * page_;
  limits = plan_limits(checkpoints_, options_, topology_, kLongest);
  EXPECT_EQ(limits.pages, fewest_ * 256 * 3 / 2 + fewest_) << "as many as sequences need";
  topology_.gpu_free_bytes = weights;
  EXPECT_THROW(static_cast<void>(plan_limits(checkpoints_, options_, topology_, kLongest)), EnvironmentError);
}

}  // namespace
}  // namespace wisk::run
