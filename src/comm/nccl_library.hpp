#pragma once
// The functions of libnccl that wisk calls, found in the library when it is loaded.

#include <nccl.h>

#include <string>

namespace wisk::comm {

/// The first version whose communicators work without blocking in groups of operations too.
inline constexpr int kOldestNccl = NCCL_VERSION(2, 18, 0);

/// A table of functions of a library that stays loaded until the process ends (NCCL has threads of its own).
/// Copies are the same table; thread-safe.
struct NcclLibrary {
  std::string file;  ///< where the system found it
  int version = 0;   ///< NCCL_VERSION(2, 28, 9)
  decltype(&::ncclGetUniqueId) get_unique_id = nullptr;
  decltype(&::ncclCommInitRankConfig) init_rank = nullptr;
  decltype(&::ncclCommFinalize) finalize = nullptr;
  decltype(&::ncclCommDestroy) destroy = nullptr;
  decltype(&::ncclCommAbort) abort = nullptr;
  decltype(&::ncclCommGetAsyncError) get_async_error = nullptr;
  decltype(&::ncclGetErrorString) error_string = nullptr;
  decltype(&::ncclGetLastError) last_error = nullptr;
  decltype(&::ncclAllGather) all_gather = nullptr;
  decltype(&::ncclBroadcast) broadcast = nullptr;
  decltype(&::ncclAllReduce) all_reduce = nullptr;
};

/// `name`: a file, or "" for $WISK_NCCL_LIBRARY or libnccl.so.2. Throws EnvironmentError when there is none,
/// it is older than kOldestNccl, or lacks a function.
NcclLibrary load_nccl(const std::string& name);

/// "2.28.9".
std::string version_text(int version);

}  // namespace wisk::comm
