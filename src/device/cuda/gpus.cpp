// GPUs for the factory, over the runtime layer.

#include "cuda.hpp"
#include "runtime.hpp"

namespace wisk::device::cuda {

std::vector<GpuInfo> list_gpus(std::string& why_none) {
  std::vector<GpuInfo> gpus;
  for (DeviceInfo& device : list_devices(why_none)) {
    gpus.push_back({device.index, std::move(device.name), device.major, device.minor, device.multiprocessors,
                    device.memory_bytes, device.memory_bytes_per_second, std::move(device.bus_id)});
  }
  return gpus;
}

std::uint64_t free_memory(const GpuInfo& gpu) {
  use_device(gpu.index);
  return memory_info().free;
}

}  // namespace wisk::device::cuda
