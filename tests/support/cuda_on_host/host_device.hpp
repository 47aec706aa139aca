#pragma once
// What tests may choose and ask of the emulated device.

#include <cstddef>

namespace wisk::test::cuda_on_host {

/// The device's memory, while it lives. 0 bytes: there is no device.
class WithDeviceMemory {
 public:
  explicit WithDeviceMemory(std::size_t bytes);
  ~WithDeviceMemory();
  WithDeviceMemory(const WithDeviceMemory&) = delete;
  WithDeviceMemory& operator=(const WithDeviceMemory&) = delete;

 private:
  std::size_t before_;
};

/// Bytes that are allocated now.
[[nodiscard]] std::size_t device_bytes_in_use();

/// Lets the host look at device memory, which AddressSanitizer otherwise reports, while it lives.
class DeviceMemoryOpen {
 public:
  DeviceMemoryOpen();
  ~DeviceMemoryOpen();
  DeviceMemoryOpen(const DeviceMemoryOpen&) = delete;
  DeviceMemoryOpen& operator=(const DeviceMemoryOpen&) = delete;
};

}  // namespace wisk::test::cuda_on_host
