#pragma once
// The device that tests compute on: on the emulator, or on a GPU.

#include <string>

#include "cuda_device.hpp"

namespace wisk::test {

/// Of the first GPU, with one host thread.
inline device::cuda::CudaOptions first_gpu() {
  std::string why_none;
  device::cuda::CudaOptions options;
  options.gpu = device::cuda::list_devices(why_none).at(0);
  options.host.threads = 1;
  return options;
}

}  // namespace wisk::test
