// Tests of the twins of cp.async, ldmatrix and mma: a right product passes, and each flaw is caught.

#include <cmath>
#include <tuple>

#include <wisk/core/dtype.hpp>

#include "async_copies.hpp"
#include "fixture.hpp"
#include "planted_products.hpp"
#include "warp_instructions.hpp"

namespace wisk::test {
namespace {

using cuda_on_host::CopiesLand;
using cuda_on_host::CountingBankConflicts;
using cuda_on_host::KernelError;
using planted::Flaw;
using planted::kProductK;

/// bf16 of small integers, [16, kProductK].
std::vector<std::uint16_t> integers(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint16_t> values(std::size_t{16} * kProductK);
  for (auto& value : values) value = float_to_bf16(static_cast<float>(static_cast<int>(random() % 17) - 8));
  return values;
}

template <Flaw kFlaw>
std::vector<float> product() {
  const std::vector<std::uint16_t> a = integers(1), b = integers(2);
  // One row more, so that the misaligned address stays inside.
  Shifted<std::uint16_t> device_a(a.size() + 8), device_b(b.size() + 8);
  std::copy(a.begin(), a.end(), device_a.data());
  std::copy(b.begin(), b.end(), device_b.data());
  const Shifted<float> out(256);
  device::cuda::launch<planted::ProductShared>(planted::product<kFlaw>, 1, planted::kProductThreads, {},
                                               device_a.data(), device_b.data(), out.data());
  return out.values();
}

std::vector<float> expected() {
  const std::vector<std::uint16_t> a = integers(1), b = integers(2);
  std::vector<float> out(256);
  for (std::size_t m = 0; m < 16; ++m) {
    for (std::size_t n = 0; n < 16; ++n) {
      for (std::size_t k = 0; k < kProductK; ++k)
        out[16 * m + n] += bf16_to_float(a[m * kProductK + k]) * bf16_to_float(b[n * kProductK + k]);
    }
  }
  return out;
}

template <Flaw kFlaw>
std::string error_of() {
  try {
    product<kFlaw>();
  } catch (const KernelError& error) {
    return error.what();
  }
  return "no error";
}

bool any_nan(const std::vector<float>& values) {
  return std::any_of(values.begin(), values.end(), [](float value) { return std::isnan(value); });
}

class EmulatorProducts : public ::testing::TestWithParam<std::tuple<cuda_on_host::ThreadOrder, CopiesLand>> {
 protected:
  [[nodiscard]] static bool at_issue() { return std::get<1>(GetParam()) == CopiesLand::kAtIssue; }
  cuda_on_host::WithThreadOrder order_{std::get<0>(GetParam())};
  cuda_on_host::WithCopiesLanding copies_{std::get<1>(GetParam())};
};

TEST_P(EmulatorProducts, RightOnesAreRightAndWithoutConflicts) {
  const CountingBankConflicts conflicts;
  EXPECT_EQ(product<Flaw::kNone>(), expected());
  EXPECT_EQ(conflicts.count(), 0);
  EXPECT_GT(conflicts.accesses(), 0);
}

TEST_P(EmulatorProducts, BankConflictsAreCounted) {
  const CountingBankConflicts conflicts;
  EXPECT_EQ(product<Flaw::kNoSwizzle>(), expected());
  EXPECT_EQ(conflicts.count(), conflicts.accesses());  // two passes each instead of one
  struct Shared {
    device::cuda::Words unit[128];
  };
  for (const auto& [stride, more_passes] : {std::pair{0, 0}, {1, 0}, {2, 4}, {3, 0}, {4, 12}}) {
    const CountingBankConflicts of_loads;
    const Shifted<std::uint32_t> out(32);
    device::cuda::launch<Shared>(planted::strided_loads, 1, 32, {}, stride, out.data());
    for (std::uint32_t i = 0; i < 32; ++i) EXPECT_EQ(out.data()[i], i * static_cast<std::uint32_t>(stride));
    EXPECT_EQ(of_loads.count(), more_passes) << "stride " << stride;
  }
}

TEST_P(EmulatorProducts, WrongLanesShow) {
  EXPECT_NE(product<Flaw::kWrongLane>(), expected());
}

TEST_P(EmulatorProducts, CopiesThatAreNotWaitedForAreNaN) {
  if (at_issue()) GTEST_SKIP() << "copies that land at once hide it";
  EXPECT_TRUE(any_nan(product<Flaw::kWaitTooWeak>()));
  EXPECT_TRUE(any_nan(product<Flaw::kNeverCommitted>()));
}

TEST_P(EmulatorProducts, WrongCallsAreErrors) {
  const std::string misaligned = error_of<Flaw::kMisaligned>();
  EXPECT_NE(misaligned.find("an address is not a multiple of 16 at planted_products.hpp:"), std::string::npos)
      << misaligned;
  const std::string half = error_of<Flaw::kHalfAWarp>();
  EXPECT_NE(half.find("waits in ldmatrix at planted_products.hpp:"), std::string::npos) << half;
}

TEST_P(EmulatorProducts, SumsAreInTheOrderOfTheCpu) {
  // Each of these changes with the order: odd before even of a pair, pairs in order, denormals zero.
  const auto pair = [](float even, float odd) {
    return static_cast<std::uint32_t>(float_to_bf16(even)) | static_cast<std::uint32_t>(float_to_bf16(odd))
                                                                 << 16;
  };
  const Shifted<std::uint32_t> a(8), b(8);
  const auto sum = [&] {
    const Shifted<float> out(1);
    device::cuda::launch<device::cuda::NoShared>(planted::one_sum, 1, 32, {}, a.data(), b.data(), out.data());
    return out.data()[0];
  };
  std::fill_n(b.data(), 8, pair(1, 1));
  a.data()[0] = pair(0x1p24f, 1);   // 1 first, then 2^24 + 1 rounds to even: 2^24
  a.data()[1] = pair(1, 1);         // each is lost
  a.data()[2] = pair(-0x1p24f, 3);  // 2^24 + 3 is 2^24 + 4
  EXPECT_EQ(sum(), 4.0f);
  a.data()[2] = pair(3, -0x1p24f);
  EXPECT_EQ(sum(), 3.0f);
  a.data()[7] = pair(0x1p-30f, 0);  // in the last pair's first element: rounded once
  EXPECT_EQ(sum(), 3.0f);
  std::fill_n(a.data(), 8, pair(0, 0));
  a.data()[3] = pair(0x1p-127f, 0);  // a denormal input
  b.data()[3] = pair(0x1p100f, 0);
  EXPECT_EQ(sum(), 0.0f);
  a.data()[3] = pair(0x1p-100f, 0);  // a denormal product
  b.data()[3] = pair(0x1p-30f, 0);
  EXPECT_EQ(sum(), 0.0f);
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, EmulatorProducts,
                         ::testing::Combine(::testing::ValuesIn(kThreadOrders),
                                            ::testing::Values(CopiesLand::kAtIssue, CopiesLand::kAtWait)));

/// Death tests run in a new process: after a fork of one that has fibers, ThreadSanitizer looks away.
class EmulatorProductRaces : public EmulatorProducts {
 protected:
  void SetUp() override {
    ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
    if (!kThreadSanitizer) GTEST_SKIP() << "races are seen by cuda_kernels_tsan_test";
  }
};

TEST_P(EmulatorProductRaces, AreReportedWithTheirPlace) {
  const char* const report = "data race.*\n(.*\n)*.*(planted_products.hpp|#[01] void wisk::test::planted::)";
  EXPECT_DEATH(product<Flaw::kNoBarrierAfterWait>(), report);
  if (!at_issue()) return;  // the copies that come too early land too late to show it
  EXPECT_DEATH(product<Flaw::kNoBarrierAtEnd>(), report);
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, EmulatorProductRaces,
                         ::testing::Combine(::testing::Values(cuda_on_host::ThreadOrder::kForward),
                                            ::testing::Values(CopiesLand::kAtIssue, CopiesLand::kAtWait)));

}  // namespace
}  // namespace wisk::test
