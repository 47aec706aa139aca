// What `wisk inspect --devices` says of the CPU.

#include <fstream>

#include <wisk/device/factory.hpp>

#include "cores.hpp"
#include "kernels.hpp"

namespace wisk::device {

CpuInfo cpu_info(const CpuOptions& options) {
  CpuInfo info;
  std::ifstream processors("/proc/cpuinfo");
  for (std::string line; info.name.empty() && std::getline(processors, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) info.name = line.substr(colon + 2);
  }
  info.threads = static_cast<int>(cores_of(options).size());
  info.kernels = kernels_named(options.kernels).name;
  return info;
}

}  // namespace wisk::device
