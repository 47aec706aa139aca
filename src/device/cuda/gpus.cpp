// GPUs for the factory, over the runtime layer.

#include <wisk/core/error.hpp>

#include "cuda.hpp"
#include "cuda_device.hpp"
#include "runtime.hpp"

namespace wisk::device::cuda {

std::vector<GpuInfo> list_gpus(std::string& why_none) {
  std::vector<GpuInfo> gpus;
  for (DeviceInfo& device : list_devices(why_none)) {
    gpus.push_back({device.index, std::move(device.name), device.major, device.minor, device.multiprocessors,
                    device.memory_bytes, device.memory_bytes_per_second, std::move(device.bus_id),
                    std::move(device.uuid)});
  }
  return gpus;
}

std::uint64_t free_memory(const GpuInfo& gpu) {
  use_device(gpu.index);
  return memory_info().free;
}

std::unique_ptr<Device> make_device(const GpuInfo& gpu, const DeviceOptions& options) {
  CudaOptions cuda;
  cuda.host = options.cpu;
  cuda.keep_ingredients = true;
  cuda.graphs = options.graphs;
  std::string why_none;
  for (const DeviceInfo& device : list_devices(why_none)) {
    if (device.index != gpu.index) continue;
    cuda.gpu = device;
    return make_cuda_device(cuda);
  }
  throw EnvironmentError("engine.device: expected " + gpu.name + " as GPU " + std::to_string(gpu.index) +
                         ", found it gone: " + why_none);
}

}  // namespace wisk::device::cuda
