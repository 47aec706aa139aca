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

/// Another process has so much of the memory since the last look at what is free, while it lives.
class WithUnseenUse {
 public:
  explicit WithUnseenUse(std::size_t bytes);
  ~WithUnseenUse();
  WithUnseenUse(const WithUnseenUse&) = delete;
  WithUnseenUse& operator=(const WithUnseenUse&) = delete;
};

/// The device is of another compute capability, while it lives.
class WithComputeCapability {
 public:
  WithComputeCapability(int major, int minor);
  ~WithComputeCapability();
  WithComputeCapability(const WithComputeCapability&) = delete;
  WithComputeCapability& operator=(const WithComputeCapability&) = delete;
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
