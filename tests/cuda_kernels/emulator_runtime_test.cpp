// Tests of the tests: what the emulator's runtime shows of mistakes that a GPU may hide.

#include <wisk/core/error.hpp>

#include "fixture.hpp"
#include "host_device.hpp"
#include "rows.hpp"
#include "runtime.hpp"

namespace wisk::test {
namespace {

using device::cuda::StreamOwner;

TEST(EmulatorRuntime, WorkIsDoneAsLateAsItMayBe) {
  const StreamOwner stream;
  std::byte* data = device::cuda::allocate_device(4);
  int from = 1, to = -1;
  device::cuda::copy_to_device(data, &from, sizeof from, stream.get());
  device::cuda::copy_to_host(&to, data, sizeof to, stream.get());
  from = 2;  // too early: the copy sees it
  EXPECT_EQ(to, -1) << "too early: nothing has been copied";
  device::cuda::synchronize(stream.get());
  EXPECT_EQ(to, 2);
  device::cuda::free_device(data);
}

TEST(EmulatorRuntime, FreeingWaitsForAllWork) {
  const StreamOwner stream;
  std::byte* data = device::cuda::allocate_device(4);
  int to = -1;
  device::cuda::copy_to_host(&to, data, sizeof to, stream.get());
  device::cuda::free_device(data);
  EXPECT_EQ(to, 0);
  EXPECT_EQ(cuda_on_host::device_bytes_in_use(), 0u);
}

TEST(EmulatorRuntime, CopiesKnowWhoseMemoryIsWhose) {
  std::byte* data = device::cuda::allocate_device(16);
  std::byte host[32];
  EXPECT_THROW(device::cuda::copy_to_device(host, data, 16, nullptr), EnvironmentError);
  EXPECT_THROW(device::cuda::copy_to_host(data, host, 16, nullptr), EnvironmentError);
  EXPECT_THROW(device::cuda::copy_to_host(host, data, 17, nullptr), EnvironmentError);
  EXPECT_THROW(device::cuda::copy_to_device(data + 8, host, 9, nullptr), EnvironmentError);
  EXPECT_THROW(device::cuda::copy_bytes(data + 8, data, 9, nullptr), EnvironmentError);
  device::cuda::copy_to_host(host, data + 8, 8, nullptr);
  device::cuda::copy_bytes(data + 8, data, 8, nullptr);
  device::cuda::free_device(data);
}

TEST(EmulatorRuntime, TheDefaultStreamIsRefusedInACapture) {
  const StreamOwner stream;
  device::cuda::Graph graph;
  Shifted<float> x(4), part(4);
  const float* parts[] = {part.data()};
  EXPECT_THROW(
      graph.capture(stream.get(), [&] { device::cuda::add_parts(parts, nullptr, 1, 4, true, x.data(), {}); }),
      EnvironmentError);
}

TEST(EmulatorRuntime, AMachineWithoutAGpu) {
  const cuda_on_host::WithDeviceMemory none(0);
  std::string why_none;
  EXPECT_TRUE(device::cuda::list_devices(why_none).empty());
  EXPECT_EQ(why_none, "the emulator shows no GPU");
}

TEST(EmulatorRuntime, LittleMemory) {
  const cuda_on_host::WithDeviceMemory little(std::size_t{4} << 20);
  std::byte* data = device::cuda::allocate_device(std::size_t{3} << 20);
  try {
    static_cast<void>(device::cuda::allocate_device((std::size_t{1} << 20) + 1));
    ADD_FAILURE() << "no error";
  } catch (const EnvironmentError& error) {
    EXPECT_STREQ(error.what(), "GPU memory: expected 2 MiB more, found 1 MiB free on GPU 0 (emulator)");
  }
  device::cuda::free_device(data);
}

TEST(EmulatorRuntimeDeath, TheHostMayNotTouchDeviceMemory) {
  if (!kAddressSanitizer) GTEST_SKIP() << "seen by cuda_kernels_asan_test";
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  std::byte* data = device::cuda::allocate_device(16);
  EXPECT_DEATH(std::memset(data, 1, 16), "use-after-poison");
  {
    const cuda_on_host::DeviceMemoryOpen open;
    std::memset(data, 1, 16);
    EXPECT_DEATH(std::memset(data, 1, 17), "heap-buffer-overflow");
  }
  device::cuda::free_device(data);
}

}  // namespace
}  // namespace wisk::test
