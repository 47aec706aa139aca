#pragma once
// Twin of tests/support/cuda_on_host/host_device.hpp: what an emulator can do with its device, a GPU cannot.
// Tests that ask for it are skipped there (kEmulator).

#include <cstddef>

namespace wisk::test::cuda_on_host {

struct WithDeviceMemory {
  explicit WithDeviceMemory(std::size_t /*bytes*/) {}
};

struct DeviceMemoryOpen {
  DeviceMemoryOpen() {}  // NOLINT(modernize-use-equals-default): an object of it is not unused
};

[[nodiscard]] inline std::size_t device_bytes_in_use() {
  return 0;
}

}  // namespace wisk::test::cuda_on_host
