// The list of GPUs, with CUDA's own runtime, on a machine with or without them.

#include <gtest/gtest.h>

#include <set>

#include <wisk/core/error.hpp>

#include "runtime.hpp"

namespace wisk::test {
namespace {

TEST(CudaDevices, AreListedOrTheReasonIsGiven) {
  std::string why_none = "?";
  const auto devices = device::cuda::list_devices(why_none);
  EXPECT_EQ(devices.empty(), !why_none.empty()) << why_none;
  std::set<std::string> places;
  for (const device::cuda::DeviceInfo& device : devices) {
    EXPECT_FALSE(device.name.empty());
    EXPECT_GE(device.major, 5);
    EXPECT_GT(device.multiprocessors, 0);
    EXPECT_GT(device.memory_bytes, std::size_t{1} << 28);
    EXPECT_EQ(device.uuid.size(), 36u) << device.uuid;
    EXPECT_TRUE(places.insert(device.bus_id + " " + device.uuid).second) << device.bus_id;
  }
  if (devices.empty()) {
    EXPECT_NE(why_none.find("NVIDIA driver"), std::string::npos) << why_none;
    EXPECT_EQ(why_none.find('\n'), std::string::npos);
    std::printf("no GPU: %s\n", why_none.c_str());
    EXPECT_THROW(device::cuda::use_device(0), EnvironmentError);
    EXPECT_THROW(static_cast<void>(device::cuda::allocate_device(1)), EnvironmentError);
    EXPECT_THROW(device::cuda::StreamOwner{}, EnvironmentError);
    EXPECT_THROW(device::cuda::PinnedBuffer(1), EnvironmentError);
  }
}

}  // namespace
}  // namespace wisk::test
