#include "hdf5_handle.hpp"

#include <string_view>

namespace wisk::store {
namespace {

/// Before HDF5's first call, so that it leaves no handler for the end of the program: everything that is open
/// closes itself, and after a failed allocation HDF5 1.10 crashes in that handler.
[[maybe_unused]] const herr_t kNoExitHandler = H5dont_atexit();

}  // namespace

std::string reason_of_failure() {
  std::string reason = "unknown reason";
  const auto visit = [](unsigned depth, const H5E_error2_t* error, void* data) -> herr_t {
    if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(data) = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, &reason);
  // "file write failed: time = ..., errno = 28, error message = 'No space left on device', buf = ..."
  constexpr std::string_view kMessage = "error message = '";
  if (const auto begin = reason.find(kMessage); begin != std::string::npos) {
    const auto end = reason.find('\'', begin + kMessage.size());
    return reason.substr(begin + kMessage.size(), end - begin - kMessage.size());
  }
  return reason;
}

Handle file_access() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18);
  H5Pset_file_locking(access.get(), false, true);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  return access;
}

}  // namespace wisk::store
