#include <wisk/run/devices.hpp>

#include <wisk/core/error.hpp>
#include <wisk/core/host.hpp>

#include "memory.hpp"

namespace wisk::run {

DeviceReport report_devices() {
  DeviceReport report;
  report.host = host_name();
  report.cpu = device::cpu_info({});
  report.memory_bytes = available_memory();
  for (device::GpuInfo& found : device::list_gpus(report.why_no_gpus)) {
    GpuReport gpu;
    gpu.gpu = std::move(found);
    gpu.usable = device::can_compute(gpu.gpu);
    try {
      gpu.free_bytes = device::free_gpu_memory(gpu.gpu);
      gpu.peers = device::peers_of(gpu.gpu);
    } catch (const EnvironmentError& error) {  // in use by one process alone, or broken
      gpu.trouble = error.what();
    }
    report.gpus.push_back(std::move(gpu));
  }
  report.nccl = comm::find_nccl();
  return report;
}

}  // namespace wisk::run
