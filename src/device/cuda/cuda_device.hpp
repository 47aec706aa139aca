#pragma once
// The operators on one GPU.

#include <cstddef>
#include <memory>

#include <wisk/device/device.hpp>

#include "runtime.hpp"

namespace wisk::device::cuda {

struct CudaOptions {
  DeviceInfo gpu;
  CpuOptions host;                ///< threads for host work
  bool graphs = true;             ///< steps are recorded and repeated
  bool keep_ingredients = false;  ///< tensors of checkpoints stay on the device where there is room
  std::size_t reserve_bytes = std::size_t{2} << 30;  ///< of that room, for other things
};

/// Throws EnvironmentError when the GPU cannot be used.
std::unique_ptr<Device> make_cuda_device(const CudaOptions& options);

}  // namespace wisk::device::cuda
