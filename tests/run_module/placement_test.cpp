// Which rank gets which GPU; and what ranks are told where there is none, as on the machine of these tests or
// with its GPUs hidden.

#include "placement.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <wisk/comm/mpi.hpp>
#include <wisk/core/error.hpp>
#include <wisk/run/devices.hpp>
#include <wisk/run/model_setup.hpp>

namespace wisk::run {
namespace {

using Names = std::vector<std::vector<std::string>>;
using Places = std::vector<std::optional<std::size_t>>;

TEST(ShareOutGpus, RanksThatSeeAllTakeOneEach) {
  const std::vector<std::string> all = {"a", "b", "c", "d"};
  EXPECT_EQ(share_out_gpus({all, all, all, all}, false), (Places{0, 1, 2, 3}));
  EXPECT_EQ(share_out_gpus({all, all}, false), (Places{0, 1}));
}

/// Slurm's --gpus-per-task: each rank counts its own GPU as number 0.
TEST(ShareOutGpus, RanksThatSeeTheirOwnTakeIt) {
  EXPECT_EQ(share_out_gpus({{"a"}, {"b"}, {"c"}}, false), (Places{0, 0, 0}));
}

TEST(ShareOutGpus, RanksOfTwoSockets) {
  const std::vector<std::string> near = {"a", "b"}, far = {"c", "d"};
  EXPECT_EQ(share_out_gpus({near, far, near, far}, false), (Places{0, 0, 1, 1}));
}

TEST(ShareOutGpus, MoreRanksThanGpus) {
  const std::vector<std::string> two = {"a", "b"};
  EXPECT_EQ(share_out_gpus({two, two, two, two, two}, false),
            (Places{0, 1, std::nullopt, std::nullopt, std::nullopt}));
  EXPECT_EQ(share_out_gpus({two, two, two, two, two}, true), (Places{0, 1, 0, 1, 0}));
  EXPECT_EQ(share_out_gpus({{"a"}, {}, {"a"}}, true), (Places{0, std::nullopt, 0}));
  EXPECT_EQ(share_out_gpus({}, true), (Places{}));
}

class PlaceRanks : public ::testing::Test {
 protected:
  PlaceRanks() : world_(comm::make_world_communicator()) {
    ::setenv("CUDA_VISIBLE_DEVICES", "", 1);
    topology_.node = world_->split_by_node();
  }
  std::unique_ptr<comm::Communicator> world_;
  Topology topology_;
};

TEST_F(PlaceRanks, WithoutGpusAutoIsTheCpu) {
  for (const DeviceChoice choice : {DeviceChoice::kAuto, DeviceChoice::kCpu}) {
    EngineOptions options;
    options.device = choice;
    place_ranks(*world_, options, topology_);
    EXPECT_FALSE(topology_.gpu.has_value());
    EXPECT_EQ(topology_.kind, "cpu");
    EXPECT_EQ(make_device_group(*world_, options, topology_), nullptr);
  }
}

TEST_F(PlaceRanks, WithoutGpusCudaIsAnError) {
  if (world_->size() > 1) GTEST_SKIP() << "the other ranks would wait to be ended";
  EngineOptions options;
  options.device = DeviceChoice::kCuda;
  try {
    place_ranks(*world_, options, topology_);
    FAIL() << "no error";
  } catch (const EnvironmentError& error) {
    const std::string expected =
        "engine.device: expected a GPU that CUDA can use, found none on " + world_->host() + ": ";
    EXPECT_EQ(std::string(error.what()).rfind(expected, 0), 0u) << error.what();
  }
}

TEST(ReportDevices, HasTheCpuAndAReasonForEveryThingThatIsNotThere) {
  ::setenv("CUDA_VISIBLE_DEVICES", "", 1);
  const DeviceReport report = report_devices();
  EXPECT_FALSE(report.host.empty());
  EXPECT_GE(report.cpu.threads, 1);
  EXPECT_FALSE(report.cpu.kernels.empty());
  EXPECT_GT(report.memory_bytes, 0u);
  EXPECT_TRUE(report.gpus.empty());
  EXPECT_FALSE(report.why_no_gpus.empty());
  EXPECT_EQ(report.nccl.version.empty(), !report.nccl.why_not.empty());
}

}  // namespace
}  // namespace wisk::run
