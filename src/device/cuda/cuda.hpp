#pragma once
// What the factory calls of CUDA, without its headers: see <wisk/device/factory.hpp>.

#include <wisk/device/factory.hpp>

namespace wisk::device::cuda {

std::vector<GpuInfo> list_gpus(std::string& why_none);
std::uint64_t free_memory(const GpuInfo& gpu);
std::vector<int> peers_of(const GpuInfo& gpu);

/// options.gpu is there.
std::unique_ptr<Device> make_cuda_device(const DeviceOptions& options);

}  // namespace wisk::device::cuda
