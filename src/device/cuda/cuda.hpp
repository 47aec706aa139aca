#pragma once
// What the factory calls of CUDA, without its headers: see <wisk/device/factory.hpp>.

#include <wisk/device/factory.hpp>

namespace wisk::device::cuda {

std::vector<GpuInfo> list_gpus(std::string& why_none);
std::uint64_t free_memory(const GpuInfo& gpu);
std::vector<int> peers_of(const GpuInfo& gpu);

/// On `gpu`, with the rest of `options`.
std::unique_ptr<Device> make_device(const GpuInfo& gpu, const DeviceOptions& options);

}  // namespace wisk::device::cuda
