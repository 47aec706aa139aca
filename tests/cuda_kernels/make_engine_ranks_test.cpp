// Ranks on emulated GPUs: which they get, what of its memory they plan with, and engines where one rank has
// less memory than another.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include <wisk/comm/mpi.hpp>
#include <wisk/run/devices.hpp>

#include "host_device.hpp"
#include "make_engine_fixture.hpp"

namespace wisk::run {
namespace {

using test::cuda_on_host::device_bytes_in_use;
using test::cuda_on_host::WithComputeCapability;
using test::cuda_on_host::WithDeviceMemory;

constexpr std::size_t kMiB = std::size_t{1} << 20;

class EngineOnGpus : public EngineOnGpu {
 protected:
  [[nodiscard]] int size() const { return world_->size(); }
  [[nodiscard]] int rank() const { return world_->rank(); }
  /// Like that of replicas of one rank each, but their limits are those of one model.
  Topology together() {
    Topology topology = make_topology(*world_, 1, checkpoints_.architecture);
    topology.replica = world_->split(0, rank());
    topology.gpu = topology_.gpu;
    return topology;
  }
  std::unique_ptr<comm::Communicator> world_ = comm::make_world_communicator();
};

TEST_F(EngineOnGpus, PlacesRanksOnOneGpuWhereTheyMayShareIt) {
  const WithDeviceMemory memory(device_bytes_in_use() + 7 * kMiB);
  Topology topology = make_topology(*world_, 1, checkpoints_.architecture);
  options_.device = DeviceChoice::kAuto;
  options_.share_gpu = true;
  place_ranks(*world_, options_, topology);
  ASSERT_TRUE(topology.gpu.has_value());
  EXPECT_EQ(topology.gpu->name, "emulator");
  EXPECT_EQ(topology.kind, "cuda sm_80");
  EXPECT_EQ(topology.gpu_free_bytes, 7 * kMiB);
  options_.device = DeviceChoice::kCpu;
  place_ranks(*world_, options_, topology);
  EXPECT_FALSE(topology.gpu.has_value());
  EXPECT_EQ(topology.kind, "cpu");
}

TEST_F(EngineOnGpus, RefusesRanksThatHaveNoGpu) {
  if (size() == 1) GTEST_SKIP() << "there is one for it";
  Topology topology = make_topology(*world_, 1, checkpoints_.architecture);
  std::string message;
  try {
    place_ranks(*world_, options_, topology);
  } catch (const EnvironmentError& error) {
    message = error.what();
    world_->barrier();  // the others wait to be ended
  }
  if (rank() == 1) {
    EXPECT_NE(message.find("a GPU for each of the " + std::to_string(size()) + " ranks on " + world_->host() +
                           ", found 1 GPU"),
              std::string::npos)
        << message;
  } else {
    EXPECT_EQ(message, "");
  }
}

TEST_F(EngineOnGpus, DoesNotTakeGpusThatAreTooOld) {
  const WithComputeCapability old(7, 5);
  Topology topology = make_topology(*world_, 1, checkpoints_.architecture);
  options_.device = DeviceChoice::kAuto;
  place_ranks(*world_, options_, topology);
  EXPECT_FALSE(topology.gpu.has_value());
  EXPECT_EQ(topology.kind, "cpu");
  if (size() > 1) return;  // the others would wait to be ended
  options_.device = DeviceChoice::kCuda;
  try {
    place_ranks(*world_, options_, topology);
    FAIL() << "no error";
  } catch (const EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("emulator has compute capability 7.5, and wisk needs 8.0"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(EngineOnGpus, AreReported) {
  const WithDeviceMemory memory(device_bytes_in_use() + 5 * kMiB);
  for (const bool old : {false, true}) {
    const WithComputeCapability capability(old ? 7 : 9, 0);
    const DeviceReport report = report_devices();
    ASSERT_EQ(report.gpus.size(), 1u);
    EXPECT_EQ(report.why_no_gpus, "");
    const GpuReport& gpu = report.gpus.front();
    EXPECT_EQ(gpu.gpu.name, "emulator");
    EXPECT_EQ(gpu.usable, !old);
    EXPECT_EQ(gpu.free_bytes, 5 * kMiB);
    EXPECT_EQ(gpu.trouble, "");
  }
}

TEST_F(EngineOnGpus, ARankAloneNeedsNoNccl) {
  EXPECT_EQ(make_device_group(*self_, options_, topology_), nullptr);
}

/// Ranks that share a GPU share what is free; others have all of it.
TEST_F(EngineOnGpus, PlanWithTheirShareOfAGpusMemory) {
  Topology topology = make_topology(*world_, 1, checkpoints_.architecture);
  topology.gpu = topology_.gpu;
  const std::uint64_t weights =
      model::Weights::bytes_for(checkpoints_.architecture, checkpoints_.storage, checkpoints_.compute, 1);
  const auto ranks = static_cast<std::uint64_t>(size());
  topology.gpu_free_bytes = ranks * (weights + 4 * 100 * page_);
  options_.share_gpu = true;
  EXPECT_EQ(plan_limits(checkpoints_, options_, topology, kLongest).pages, 300);
  options_.share_gpu = false;
  topology.gpu_free_bytes = weights + 4 * 100 * page_;
  EXPECT_EQ(plan_limits(checkpoints_, options_, topology, kLongest).pages, 300);
}

/// Each of them holds a part of the weights and of every page; the rank with the least memory decides.
TEST_F(EngineOnGpus, RanksOfAModelPlanTogether) {
  if (size() > checkpoints_.architecture.slices()) GTEST_SKIP() << "the model has two slices";
  Topology topology = make_topology(*world_, size(), checkpoints_.architecture);
  topology.gpu = topology_.gpu;
  const std::uint64_t weights = model::Weights::bytes_for(checkpoints_.architecture, checkpoints_.storage,
                                                          checkpoints_.compute, size()),
                      page = model::Transformer::page_bytes(checkpoints_.architecture, checkpoints_.compute,
                                                            size());
  const auto pages = static_cast<std::uint64_t>(100 * (size() - rank()));
  topology.gpu_free_bytes = weights + 4 * pages * page;
  EXPECT_EQ(plan_limits(checkpoints_, options_, topology, kLongest).pages, 300);
}

/// On the CPU the caches of a rank's cores say how many sequences; here ranks have other numbers of cores.
TEST_F(EngineOnGpus, RanksOfAModelTakeEquallyManySequencesOnTheCpu) {
  if (size() > checkpoints_.architecture.slices()) GTEST_SKIP() << "the model has two slices";
  const Topology topology = make_topology(*world_, size(), checkpoints_.architecture);
  options_.threads = 1 + rank();
  std::vector<std::int64_t> caches(static_cast<std::size_t>(size()));
  const std::int64_t own[] = {device::cpu_cache_bytes(cpu_options(options_, topology)) * size()};
  world_->all_gather(std::as_bytes(std::span(own)), std::as_writable_bytes(std::span(caches)));
  const std::int64_t least = *std::min_element(caches.begin(), caches.end());
  checkpoints_.architecture.feed_forward = least / 64 / (2 * static_cast<std::int64_t>(sizeof(float)));
  EXPECT_EQ(plan_limits(checkpoints_, options_, topology, kLongest).max_batch, 64);
}

/// All ranks of a model have engines of the same limits, though one alone has too little memory for more; the
/// leader says so.
TEST_F(EngineOnGpus, HaveEqualEnginesWhereOneHasLittleMemory) {
  const auto resident = blended();
  const Topology topology = together();
  const bool little = rank() == size() - 1;
  {
    const WithDeviceMemory memory(device_bytes_in_use() + (little ? page_ : 512 * kMiB));
    const auto [engine, said] = make(*resident, {.max_batch = 8, .prefill_chunk = 32, .pages = 40}, topology);
    EXPECT_EQ(engine, nullptr);
    EXPECT_EQ(said.find("1 sequences at once instead") != std::string::npos, rank() == 0) << said;
    EXPECT_NE(said.find(little ? "GPU memory: expected" : "another rank of this model has too little"),
              std::string::npos)
        << said;
  }
  const auto [plenty, silence] = make(*resident, {.max_batch = 8, .prefill_chunk = 32, .pages = 400});
  const test::Outcomes expected = draw(*plenty);
  const std::size_t before = device_bytes_in_use();
  const WithDeviceMemory memory(before + (little ? 150 * page_ : 512 * kMiB));
  const auto [engine, said] = make(*resident, {.max_batch = 8, .prefill_chunk = 32, .pages = 400}, topology);
  ASSERT_NE(engine, nullptr) << said;
  EXPECT_EQ(device_bytes_in_use() - before, 100 * page_);
  EXPECT_EQ(said.find("2 sequences at once instead") != std::string::npos, rank() == 0) << said;
  EXPECT_EQ(draw(*engine), expected);
}

}  // namespace
}  // namespace wisk::run
