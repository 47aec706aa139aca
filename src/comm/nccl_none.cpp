// In place of nccl_group.cpp and nccl_library.cpp where wisk is built without CUDA or without nccl.h.

#include <wisk/comm/nccl.hpp>
#include <wisk/core/error.hpp>

namespace wisk::comm {
namespace {

constexpr const char* kWhyNot =
    "expected a wisk that was built with it, found one that was built without: install the CUDA "
    "toolkit "
    "and nccl.h (package libnccl-dev), then build again (docs/clusters.md)";

}  // namespace

std::unique_ptr<DeviceGroup> make_nccl_group(Communicator& bootstrap, int /*device_index*/,
                                             const NcclOptions& options) {
  throw EnvironmentError("NCCL: " + (options.name.empty() ? name_of(bootstrap) : options.name) + ": " +
                         kWhyNot);
}

NcclFound find_nccl(const std::string& /*library*/) {
  return {{}, {}, kWhyNot};
}

}  // namespace wisk::comm
