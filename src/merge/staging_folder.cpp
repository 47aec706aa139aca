#include "staging_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <system_error>

#include <wisk/core/error.hpp>

namespace wisk::merge {
namespace {

constexpr const char* kMarker = ".wisk-export";

std::filesystem::path without_slash(const std::filesystem::path& folder) {
  const std::filesystem::path normal = folder.lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

void require_free(const std::filesystem::path& target) {
  if (!std::filesystem::exists(target)) return;
  if (!std::filesystem::is_directory(target)) {
    throw InputError(target.string(), "a folder that is empty or not there yet", "a file");
  }
  if (!std::filesystem::is_empty(target)) {
    throw InputError(target.string(), "a folder that is empty or not there yet",
                     "one with files in it (remove it or choose another)");
  }
}

}  // namespace

std::filesystem::path staging_path(const std::filesystem::path& target) {
  return without_slash(target).string() + ".tmp";
}

StagingFolder::StagingFolder(const std::filesystem::path& target)
    : target_(without_slash(target)), path_(staging_path(target)) {
  try {
    require_free(target_);
    const std::filesystem::path marker = path_ / kMarker;
    if (std::filesystem::exists(path_) && !std::filesystem::exists(marker) &&
        (!std::filesystem::is_directory(path_) || !std::filesystem::is_empty(path_))) {
      throw InputError(path_.string(), "nothing, or the rest of a killed merge",
                       "something else under that name");
    }
    std::filesystem::create_directories(path_);
    lock_ = FileDescriptor(::open(marker.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (lock_.get() < 0) throw EnvironmentError::from_errno(marker.string(), "open for writing", errno);
    // Some network file systems know no locks; there the check is left out.
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      throw InputError(target_.string(), "no other merge writing to it", "one that is under way");
    }
    owned_ = true;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.path().filename() != kMarker) std::filesystem::remove_all(entry.path());
    }
  } catch (const std::filesystem::filesystem_error& error) {
    throw EnvironmentError(path_.string() + ": cannot make the folder: " + error.code().message());
  }
}

StagingFolder::~StagingFolder() {
  if (!owned_) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void StagingFolder::commit() {
  std::error_code error;
  std::filesystem::remove(path_ / kMarker, error);
  sync_path(path_);
  std::filesystem::rename(path_, target_, error);  // takes the place of an empty folder, never of a full one
  if (error) throw EnvironmentError(target_.string() + ": rename into place failed: " + error.message());
  owned_ = false;
  sync_path(target_.has_parent_path() ? target_.parent_path() : ".");
}

}  // namespace wisk::merge
