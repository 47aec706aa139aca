// Which rank gets which GPU; and what ranks are told where there is none, as on the machine of these tests or
// with its GPUs hidden.

#include "placement.hpp"
#include "sizes.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>
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

/// A launcher that gives each rank cores of its own (Slurm's --cpus-per-task, mpirun's PE=N) has shared them
/// out; ranks that see the same ones do it themselves.
TEST(ShareOfCores, IsAmongRanksThatHaveTheSame) {
  const std::vector<int> low = {0, 1, 2, 3}, high = {4, 5, 6, 7}, middle = {2, 3, 4, 5};
  EXPECT_EQ(share_of_cores({low}, 0), (CoreShare{1, 0}));
  EXPECT_EQ(share_of_cores({low, high}, 0), (CoreShare{1, 0}));
  EXPECT_EQ(share_of_cores({low, high}, 1), (CoreShare{1, 0}));
  EXPECT_EQ(share_of_cores({low, low, low}, 0), (CoreShare{3, 0}));
  EXPECT_EQ(share_of_cores({low, low, low}, 2), (CoreShare{3, 2}));
  EXPECT_EQ(share_of_cores({low, high, low, high}, 2), (CoreShare{2, 1}));
  EXPECT_EQ(share_of_cores({low, middle, high}, 0), (CoreShare{2, 0, false})) << "not all are shared";
  EXPECT_EQ(share_of_cores({low, middle, high}, 1), (CoreShare{3, 1, false}));
  EXPECT_EQ(share_of_cores({low, middle, high}, 2), (CoreShare{2, 1, false}));
  EXPECT_EQ(share_of_cores({low, {-1}, high}, 0), (CoreShare{2, 0, false}))
      << "one that cannot say may have any";
  EXPECT_EQ(share_of_cores({low, {-1}, high}, 1), (CoreShare{3, 1, false}));
}

/// GPUs of compute capability 9.0 called `buses`, as CUDA counts them.
std::vector<device::GpuInfo> gpus_of(const std::vector<std::string>& buses, int major = 9) {
  std::vector<device::GpuInfo> gpus;
  for (const std::string& bus : buses) {
    device::GpuInfo gpu;
    gpu.index = static_cast<int>(gpus.size());
    gpu.name = "Fast" + std::to_string(major);
    gpu.major = major;
    gpu.bus_id = bus;
    gpus.push_back(gpu);
  }
  return gpus;
}

/// Bus of each rank's GPU; "cpu", or what it complains about.
std::vector<std::string> chosen(const std::vector<RankView>& views, const EngineOptions& options) {
  std::vector<std::string> all;
  for (std::size_t rank = 0; rank < views.size(); ++rank) {
    try {
      const auto gpu = choose_gpu(views, rank, options);
      all.push_back(gpu ? gpu->bus_id + "#" + std::to_string(gpu->index) : "cpu");
    } catch (const EnvironmentError& error) {
      all.emplace_back(error.what());
    }
  }
  return all;
}

using Texts = std::vector<std::string>;

TEST(ChooseGpu, TwoNodesWithTwoGpusEach) {
  // The same bus on two nodes is two GPUs; ranks of a node need not be neighbours.
  const auto two = gpus_of({"1B", "3D"});
  const std::vector<RankView> views = {
      {0, "n1", two, ""}, {1, "n2", two, ""}, {0, "n1", two, ""}, {1, "n2", two, ""}};
  const Texts expected = {"1B#0", "1B#0", "3D#1", "3D#1"};
  EXPECT_EQ(chosen(views, {}), expected);
  EngineOptions options;
  options.device = DeviceChoice::kCuda;
  EXPECT_EQ(chosen(views, options), expected);
  options.device = DeviceChoice::kCpu;
  EXPECT_EQ(chosen(views, options), (Texts{"cpu", "cpu", "cpu", "cpu"}));
}

TEST(ChooseGpu, MoreRanksThanGpusIsAnErrorUnlessTheyShare) {
  const auto one = gpus_of({"1B"});
  const std::vector<RankView> views = {{0, "n1", one, ""}, {0, "n1", one, ""}, {0, "n1", one, ""}};
  const Texts found = chosen(views, {});
  EXPECT_EQ(found[0], "1B#0");
  EXPECT_EQ(
      found[1].rfind("engine.device: expected a GPU for each of the 3 ranks on n1, found 1 GPU: start 1 ", 0),
      0u)
      << found[1];
  EXPECT_EQ(found[2], found[1]);
  EngineOptions options;
  options.share_gpu = true;
  EXPECT_EQ(chosen(views, options), (Texts{"1B#0", "1B#0", "1B#0"}));
}

TEST(ChooseGpu, InstancesOfADividedGpuAreGpus) {
  // Each process sees the one that it was given.
  std::vector<RankView> views(3, {0, "n1", gpus_of({"1B"}), ""});
  views[0].gpus[0].uuid = "a";
  views[1].gpus[0].uuid = "b";
  views[2].gpus[0].uuid = "a";
  const Texts found = chosen(views, {});
  EXPECT_EQ(found[0], "1B#0");
  EXPECT_EQ(found[1], "1B#0");
  EXPECT_NE(found[2].find("for each of the 3 ranks on n1, found 2 GPUs"), std::string::npos) << found[2];
}

TEST(ChooseGpu, ANodeWithoutGpusAmongOthersIsAnError) {
  const std::vector<RankView> views = {{0, "n1", gpus_of({"1B"}), ""}, {1, "n2", {}, "no driver"}};
  for (const DeviceChoice choice : {DeviceChoice::kAuto, DeviceChoice::kCuda}) {
    EngineOptions options;
    options.device = choice;
    const Texts found = chosen(views, options);
    EXPECT_EQ(found[0], "1B#0");
    EXPECT_EQ(
        found[1],
        "engine.device: expected a GPU that CUDA can use, as other ranks have, found none on n2: no driver; "
        "engine.device: cpu computes without on all of them");
  }
}

TEST(ChooseGpu, NoGpusAnywhere) {
  const std::vector<RankView> views = {{0, "n1", {}, "no driver"}, {1, "n2", {}, "no GPU"}};
  EXPECT_EQ(chosen(views, {}), (Texts{"cpu", "cpu"}));
  EngineOptions options;
  options.device = DeviceChoice::kCuda;
  EXPECT_EQ(chosen(views, options)[1],
            "engine.device: expected a GPU that CUDA can use, found none on n2: no GPU; engine.device: cpu "
            "computes "
            "without");
}

TEST(ChooseGpu, KindsAreNotMixed) {
  const std::vector<RankView> views = {{0, "n1", gpus_of({"1B"}), ""}, {1, "n2", gpus_of({"1B"}, 8), ""}};
  const Texts found = chosen(views, {});
  EXPECT_EQ(found[0], "1B#0");
  EXPECT_EQ(
      found[1].rfind("engine.device: expected GPUs of one kind, as Fast9 (cuda sm_90) of rank 0 on n1, found "
                     "Fast8 (cuda sm_80) on n2",
                     0),
      0u)
      << found[1];
}

/// As long as a rank may be silent, or write to a full disk.
TEST(NcclOptions, WaitAsLongAsOtherRanksMayTake) {
  EngineOptions options;
  options.heartbeat_seconds = 7;
  options.disk_wait_seconds = 5;
  EXPECT_EQ(nccl_options(options).limit_seconds, 12);
  EXPECT_FALSE(nccl_options(options).share_gpu);
  options.heartbeat_seconds = 0;
  EXPECT_EQ(nccl_options(options).limit_seconds, 0) << "for ever";
  options.share_gpu = true;
  EXPECT_TRUE(nccl_options(options).share_gpu);
}

/// With one page to spare for each sequence.
TEST(PagesWanted, AreThoseOfABatchAndOfHalfAsManyPromptsAndOfOneMore) {
  EXPECT_EQ(pages_wanted(96, 10), 4u * 15 + 4);
  EXPECT_EQ(pages_wanted(97, 1), 5u * 3 / 2 + 5);
}

TEST(RankViews, ArriveAsTheyWere) {
  const RankView view{
      3,
      "host \"n1\"",
      {{0, "A", 8, 0, 108, 42, 1.5, "1B", "u-1"}, {1, "B\n", 9, 0, 132, 1ull << 40, 0, "3D", ""}},
      ""};
  const RankView found = view_from(text_of(view));
  EXPECT_EQ(found.node, view.node);
  EXPECT_EQ(found.host, view.host);
  EXPECT_EQ(found.why_none, view.why_none);
  ASSERT_EQ(found.gpus.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const device::GpuInfo &a = found.gpus[i], &b = view.gpus[i];
    EXPECT_EQ(std::tie(a.index, a.name, a.major, a.minor, a.multiprocessors, a.memory_bytes,
                       a.memory_bytes_per_second, a.bus_id, a.uuid),
              std::tie(b.index, b.name, b.major, b.minor, b.multiprocessors, b.memory_bytes,
                       b.memory_bytes_per_second, b.bus_id, b.uuid));
  }
  EXPECT_EQ(view_from(text_of({0, "", {}, "why"})).why_none, "why");
}

/// The calling thread may run on these cores, too, until the end.
class OnCores {
 public:
  explicit OnCores(const std::vector<int>& cores) {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t these = before_;
    for (const int core : cores) {
      if (core >= 0) CPU_SET(static_cast<std::size_t>(core), &these);
    }
    EXPECT_EQ(sched_setaffinity(0, sizeof these, &these), 0);
  }
  ~OnCores() { sched_setaffinity(0, sizeof before_, &before_); }
  OnCores(const OnCores&) = delete;
  OnCores& operator=(const OnCores&) = delete;

 private:
  cpu_set_t before_{};
};

class PlaceRanks : public ::testing::Test {
 protected:
  PlaceRanks() : world_(comm::make_world_communicator()) {
    ::setenv("CUDA_VISIBLE_DEVICES", "", 1);
    topology_.node = world_->split_by_node();
  }
  /// The cores of every rank of the node. Collective.
  std::vector<std::vector<int>> bound_cores_of_all() {
    constexpr std::size_t kMost = 4096;
    constexpr int kNone = -2;
    std::vector<int> mine = device::bound_cores();
    mine.resize(kMost, kNone);
    std::vector<int> all(kMost * static_cast<std::size_t>(topology_.node->size()));
    topology_.node->all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));
    std::vector<std::vector<int>> cores;
    for (auto rank = all.begin(); rank != all.end(); rank += kMost)
      cores.emplace_back(rank, std::find(rank, rank + kMost, kNone));
    return cores;
  }
  CoreShare found_share() {
    EngineOptions options;
    options.device = DeviceChoice::kCpu;
    place_ranks(*world_, options, topology_);
    return {topology_.core_share, topology_.core_share_rank};
  }
  std::unique_ptr<comm::Communicator> world_;
  Topology topology_;
};

TEST_F(PlaceRanks, ShareTheCoresThatTheLauncherGaveThem) {
  const auto rank = static_cast<std::size_t>(topology_.node->rank());
  const auto cores = bound_cores_of_all();
  EXPECT_EQ(found_share(), share_of_cores(cores, rank));
  const OnCores of_first(cores[0]);  // where each had its own, all have those of the first as well
  EXPECT_EQ(found_share(), (CoreShare{topology_.node->size(), topology_.node->rank()}));
}

TEST_F(PlaceRanks, WithoutGpusAutoIsTheCpu) {
  for (const DeviceChoice choice : {DeviceChoice::kAuto, DeviceChoice::kCpu}) {
    EngineOptions options;
    options.device = choice;
    place_ranks(*world_, options, topology_);
    EXPECT_FALSE(topology_.gpu.has_value());
    EXPECT_EQ(topology_.kind, "cpu");
    EXPECT_GE(topology_.core_share, 1);
    EXPECT_LE(topology_.core_share, topology_.node->size());
    EXPECT_EQ(cpu_options(options, topology_).share, topology_.core_share);
    EXPECT_LT(topology_.core_share_rank, topology_.core_share);
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
