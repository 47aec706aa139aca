#pragma once
// The hardware that wisk finds on this machine.

#include <string>
#include <vector>

#include <wisk/comm/nccl.hpp>
#include <wisk/device/factory.hpp>

namespace wisk::run {

struct GpuReport {
  device::GpuInfo gpu;
  bool usable = false;           ///< there are kernels for it
  std::uint64_t free_bytes = 0;  ///< now; 0 when it could not be asked
  std::vector<int> peers;        ///< indices of GPUs whose memory it reads without the host
  std::string trouble;           ///< why it could not be asked; "" when it could
};

struct DeviceReport {
  std::string host;
  device::CpuInfo cpu;
  std::uint64_t memory_bytes = 0;  ///< that could be had now
  std::vector<GpuReport> gpus;
  std::string why_no_gpus;  ///< "" where there are any
  comm::NcclFound nccl;
};

/// Asks for everything; what cannot be asked is no error.
DeviceReport report_devices();

}  // namespace wisk::run
