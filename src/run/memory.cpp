#include "memory.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

namespace wisk::run {

std::uint64_t available_memory() {
  std::uint64_t available = std::uint64_t{4} << 30;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    if (line.rfind("MemAvailable:", 0) == 0) available = std::stoull(line.substr(13)) * 1024;
  }
  for (const auto& [limit_file, usage_file] :
       {std::pair{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
        std::pair{"/sys/fs/cgroup/memory/memory.limit_in_bytes",
                  "/sys/fs/cgroup/memory/memory.usage_in_bytes"}}) {
    std::uint64_t limit = 0, usage = 0;
    if (std::ifstream(limit_file) >> limit && std::ifstream(usage_file) >> usage && limit > usage) {
      available = std::min(available, limit - usage);
    }
  }
  return available;
}

}  // namespace wisk::run
