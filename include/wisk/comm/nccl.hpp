#pragma once
// Groups of GPUs by NCCL, which is looked for when the first group is made: wisk starts without it.

#include <memory>
#include <string>
#include <wisk/comm/communicator.hpp>
#include <wisk/comm/device_group.hpp>

namespace wisk::comm {

struct NcclOptions {
  double limit_seconds = 60;  ///< that a start or a DeviceGroup::wait may take; 0: as long as it takes
  /// Ranks of one host may have the same GPU (for tests: NCCL then goes over the network, even within a
  /// host).
  bool share_gpu = false;
  std::string library;    ///< file; "": $WISK_NCCL_LIBRARY, or libnccl.so.2 of the system
  std::string name = {};  ///< of this rank in errors: "rank 5 of 8 (host H)"; "": by its place in the group
};

/// The ranks of `bootstrap`, this one with GPU `device_index` (as CUDA counts the visible ones). Throws
/// EnvironmentError, the same on every rank, when a rank has no NCCL, one that is too old or another version;
/// otherwise names the rank that the start failed on. `bootstrap` is used by this call only. Collective.
std::unique_ptr<DeviceGroup> make_nccl_group(Communicator& bootstrap, int device_index,
                                             const NcclOptions& options);

/// What `wisk inspect --devices` says of NCCL.
struct NcclFound {
  std::string version;  ///< "2.28.9"; "" when there is none
  std::string library;  ///< the file
  std::string why_not;  ///< one line when there is none
};
NcclFound find_nccl(const std::string& library = {});

}  // namespace wisk::comm
