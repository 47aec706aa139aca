// Tests of the tests: right kernels pass, and a bug of each kind is caught by the builds that can see it.

#include <cmath>

#include "fixture.hpp"
#include "planted_kernels.hpp"

#if defined(__SANITIZE_THREAD__)
// A race ends the test.
extern "C" const char* __tsan_default_options() {
  return "halt_on_error=1";
}
#endif

namespace wisk::test {
namespace {

using cuda_on_host::KernelError;
using device::cuda::launch;
using device::cuda::NoShared;
using planted::kThreads;

/// Runs kernel(out) on one block (or `blocks`).
template <class Shared = planted::Shared>
std::vector<float> run(void (*kernel)(float*), std::size_t count = kThreads, unsigned blocks = 1) {
  const Shifted<float> out(count);
  launch<Shared>(kernel, blocks, kThreads, {}, out.data());
  return out.values();
}

std::string error_of(void (*kernel)(float*)) {
  try {
    run(kernel);
  } catch (const KernelError& error) {
    return error.what();
  }
  return "no error";
}

class Emulator : public InThreadOrder {};

TEST_P(Emulator, BarriersAndShuffles) {
  const std::vector<float> next = run(planted::neighbour<true>), other = run(planted::neighbour_lane<true>);
  for (unsigned t = 0; t < kThreads; ++t) {
    EXPECT_EQ(next[t], static_cast<float>((t + 1) % kThreads));
    EXPECT_EQ(other[t], static_cast<float>(t ^ 1u));
  }
  EXPECT_EQ(run(planted::rounds<true>), std::vector<float>(kThreads, 3.0f));
  const std::vector<float> seen = run<NoShared>(planted::exchanges, std::size_t{kThreads} * 6);
  for (unsigned t = 0; t < kThreads; ++t) {
    const float* mine = seen.data() + 6 * t;
    const unsigned warp = t / 32 * 32, lane = t % 32;
    EXPECT_EQ(mine[0], static_cast<float>(warp + 3));
    EXPECT_EQ(mine[1], static_cast<float>(t ^ 4u));
    EXPECT_EQ(mine[2], static_cast<float>(t % 8 < 6 ? t + 2 : t));
    EXPECT_EQ(mine[3], static_cast<float>(lane == 0 ? t : t - 1));
    EXPECT_EQ(mine[4], 31.0f);
    EXPECT_EQ(mine[5], lane < 16 ? static_cast<float>(t ^ 1u) : -1.0f);
  }
}

TEST_P(Emulator, SharedMemoryIsNaNUntilWritten) {
  if (kThreadSanitizer) GTEST_SKIP() << "a race: it would end here";
  const std::vector<float> out = run(planted::neighbour<false>);
  EXPECT_TRUE(std::any_of(out.begin(), out.end(), [](float value) { return std::isnan(value); }));
}

TEST_P(Emulator, BarriersThatNeverCompleteAreErrors) {
  // Names both lines and threads; which threads depends on the order.
  const std::string two = error_of(planted::two_barriers);
  EXPECT_NE(two.find("thread 0 waits in __syncthreads at planted_kernels.hpp:"), std::string::npos) << two;
  EXPECT_NE(two.find(", but thread 32 waits in __syncthreads at planted_kernels.hpp:"), std::string::npos)
      << two;
  const std::string left = error_of(planted::leaves_before_barrier);
  EXPECT_NE(left.find("but thread 5 has ended"), std::string::npos) << left;
  const std::string half = error_of(planted::half_a_warp_shuffles);
  EXPECT_NE(half.find("thread 0 waits in __shfl_xor_sync at planted_kernels.hpp:"), std::string::npos)
      << half;
  EXPECT_NE(half.find("but thread 16 has ended"), std::string::npos) << half;
  // And the next kernel runs as if nothing had been.
  EXPECT_EQ(run(planted::rounds<true>), std::vector<float>(kThreads, 3.0f));
}

TEST_P(Emulator, HostMemoryIsNoArgument) {
  if (kAddressSanitizer || kThreadSanitizer) GTEST_SKIP() << "not looked at";
  const auto start = [](float* data) {
    const planted::Nested nested{{.count = 1, .data = data}};
    launch<NoShared>(planted::writes_nested, 1, 1, {}, nested);
  };
  const Shifted<float> device(1);
  std::vector<float> heap(1);
  float stack = 0;
  for (float* data : {heap.data(), heap.data() + 1, &stack}) {
    try {
      start(data);
      ADD_FAILURE() << "no error";
    } catch (const KernelError& error) {
      EXPECT_STREQ(error.what(),
                   "an argument of a kernel has the address of host memory, 8 bytes behind its begin");
    }
  }
  start(device.data());
  EXPECT_EQ(device.data()[0], 1);
}

TEST_P(Emulator, LanesThatTakeNoPartAreErrors) {
  const std::string outside = error_of(planted::lane_outside_mask);
  EXPECT_NE(outside.find("its own lane is not in the mask"), std::string::npos) << outside;
  const std::string absent = error_of(planted::reads_absent_lane);
  EXPECT_NE(absent.find("reads from a lane that takes no part"), std::string::npos) << absent;
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, Emulator, ::testing::ValuesIn(kThreadOrders), name_of_order);

/// Death tests run in a new process: after a fork of one that has fibers, ThreadSanitizer looks away.
class EmulatorRaces : public InThreadOrder {
 protected:
  void SetUp() override {
    ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
    if (!kThreadSanitizer) GTEST_SKIP() << "races are seen by cuda_kernels_tsan_test";
  }
};

TEST_P(EmulatorRaces, AreReportedWithTheirPlace) {
  // GCC 12's symbolizer does not find the line of every function.
  const char* const report = "data race.*\n(.*\n)*.*(planted_kernels.hpp|#0 (void )?wisk::test::planted::)";
  EXPECT_DEATH(run(planted::neighbour<false>), report);
  EXPECT_DEATH(run(planted::neighbour_lane<false>), report);
  EXPECT_DEATH(run(planted::rounds<false>), report);
  EXPECT_DEATH(run<NoShared>(planted::blocks_collide, 1, 2), report);
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, EmulatorRaces, ::testing::ValuesIn(kThreadOrders), name_of_order);

class EmulatorBounds : public ::testing::Test {
 protected:
  void SetUp() override {
    ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
    if (!kAddressSanitizer) GTEST_SKIP() << "bounds are seen by cuda_kernels_asan_test";
  }
};

TEST_F(EmulatorBounds, AccessesOutsideAreReportedWithTheirPlace) {
  const char* const report =
      "heap-buffer-overflow.*\n(.*\n)*.*(planted_kernels.hpp|#0 .* wisk::test::planted::)";
  const Shifted<float> out(50);
  launch<NoShared>(planted::fill<0>, 1, kThreads, {}, out.data(), 50);
  EXPECT_DEATH(launch<NoShared>(planted::fill<1>, 1, kThreads, {}, out.data(), 50), report);
  run(planted::fill_shared<0>);
  EXPECT_DEATH(run(planted::fill_shared<1>), report);
}

TEST_F(EmulatorBounds, MisalignedVectorsAreReportedWithTheirPlace) {
  const Shifted<float> x(8), out(1);
  EXPECT_DEATH(launch<NoShared>(planted::misaligned, 1, 1, {}, x.data(), out.data()),
               "planted_kernels.hpp.*misaligned address");
}

}  // namespace
}  // namespace wisk::test
