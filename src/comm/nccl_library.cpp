#include "nccl_library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <wisk/comm/nccl.hpp>
#include <wisk/core/error.hpp>

namespace wisk::comm {
namespace {

constexpr const char* kUsualName = "libnccl.so.2";

std::string name_or_default(const std::string& name) {
  if (!name.empty()) return name;
  const char* variable = std::getenv("WISK_NCCL_LIBRARY");
  return variable != nullptr && *variable != '\0' ? variable : kUsualName;
}

std::string oldest() {
  return version_text(kOldestNccl);
}

template <class Function>
void find(void* handle, const std::string& file, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  if (function == nullptr) {
    throw EnvironmentError(file + ": expected NCCL " + oldest() + " or newer, found no function " + name);
  }
}

/// The file that holds a function.
std::string file_of(void* function, const std::string& otherwise) {
  Dl_info info{};
  const bool found = ::dladdr(function, &info) != 0 && info.dli_fname != nullptr;
  return found ? info.dli_fname : otherwise;
}

}  // namespace

std::string version_text(int version) {
  constexpr int kMajor = 10000, kMinor = 100;  // since 2.9
  if (version < NCCL_VERSION(2, 9, 0)) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / kMinor) + "." +
           std::to_string(version % kMinor);
  }
  return std::to_string(version / kMajor) + "." + std::to_string(version % kMajor / kMinor) + "." +
         std::to_string(version % kMinor);
}

NcclLibrary load_nccl(const std::string& name) {
  const std::string wanted = name_or_default(name);
  void* handle = ::dlopen(wanted.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* why = ::dlerror();
    throw EnvironmentError("expected the library " + wanted +
                           ", by which the GPUs of one model exchange data, found none: " +
                           (why != nullptr ? why : "no reason given") +
                           "; install it (package libnccl2, or nvidia-nccl of PyPI) or give its file in "
                           "WISK_NCCL_LIBRARY");
  }
  NcclLibrary library;
  decltype(&::ncclGetVersion) get_version = nullptr;
  find(handle, wanted, "ncclGetVersion", get_version);
  library.file = file_of(reinterpret_cast<void*>(get_version), wanted);
  if (get_version(&library.version) != ncclSuccess || library.version < kOldestNccl) {
    throw EnvironmentError(library.file + ": expected NCCL " + oldest() + " or newer, found " +
                           version_text(library.version));
  }
  find(handle, library.file, "ncclGetUniqueId", library.get_unique_id);
  find(handle, library.file, "ncclCommInitRankConfig", library.init_rank);
  find(handle, library.file, "ncclCommFinalize", library.finalize);
  find(handle, library.file, "ncclCommDestroy", library.destroy);
  find(handle, library.file, "ncclCommAbort", library.abort);
  find(handle, library.file, "ncclCommGetAsyncError", library.get_async_error);
  find(handle, library.file, "ncclGetErrorString", library.error_string);
  find(handle, library.file, "ncclGetLastError", library.last_error);
  find(handle, library.file, "ncclAllGather", library.all_gather);
  find(handle, library.file, "ncclBroadcast", library.broadcast);
  find(handle, library.file, "ncclAllReduce", library.all_reduce);
  return library;
}

NcclFound find_nccl(const std::string& library) {
  try {
    const NcclLibrary found = load_nccl(library);
    return {version_text(found.version), found.file, {}};
  } catch (const EnvironmentError& error) {
    return {{}, {}, error.what()};
  }
}

}  // namespace wisk::comm
