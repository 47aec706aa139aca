#include <wisk/device/factory.hpp>

#include <wisk/core/error.hpp>

// The one place that asks whether wisk is built with CUDA.
#if WISK_CUDA
#include "cuda/cuda.hpp"
#endif

namespace wisk::device {

#if WISK_CUDA

std::vector<GpuInfo> list_gpus(std::string& why_none) {
  return cuda::list_gpus(why_none);
}

std::uint64_t free_gpu_memory(const GpuInfo& gpu) {
  return cuda::free_memory(gpu);
}

std::vector<int> peers_of(const GpuInfo& gpu) {
  return cuda::peers_of(gpu);
}

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  return options.gpu ? cuda::make_device(*options.gpu, options) : make_cpu_device(options.cpu);
}

#else

namespace {

constexpr const char* kBuiltWithout =
    "this wisk was built without CUDA (build it where the CUDA toolkit is installed, without WISK_CUDA=OFF: "
    "docs/clusters.md)";

}  // namespace

std::vector<GpuInfo> list_gpus(std::string& why_none) {
  why_none = kBuiltWithout;
  return {};
}

std::uint64_t free_gpu_memory(const GpuInfo& /*gpu*/) {
  return 0;
}

std::vector<int> peers_of(const GpuInfo& /*gpu*/) {
  return {};
}

std::unique_ptr<Device> make_device(const DeviceOptions& options) {
  if (options.gpu) throw EnvironmentError("engine.device: expected the CPU, found " + options.gpu->name);
  return make_cpu_device(options.cpu);
}

#endif

bool can_compute(const GpuInfo& gpu) {
  constexpr int kAmpere = 8;
  return gpu.major >= kAmpere;
}

std::string kind_of(const GpuInfo& gpu) {
  return "cuda sm_" + std::to_string(gpu.major) + std::to_string(gpu.minor);
}

}  // namespace wisk::device
