// The place of the device that computes with the kernels of this folder.

#include <wisk/core/error.hpp>

#include "cuda.hpp"

namespace wisk::device::cuda {

std::unique_ptr<Device> make_cuda_device(const DeviceOptions& options) {
  throw EnvironmentError("engine.device: expected operators for " + options.gpu->name +
                         ", found a wisk that has them for the CPU only: set engine.device: cpu");
}

}  // namespace wisk::device::cuda
