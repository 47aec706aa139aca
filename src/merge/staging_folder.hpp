#pragma once
// The temporary folder that becomes the result in one rename.

#include <filesystem>

#include <wisk/core/file.hpp>

namespace wisk::merge {

/// Owns `target`.tmp, held by a lock so that two exports cannot share it. Removes it with all it holds unless
/// commit() was called. Move-only; for one thread of one process.
class StagingFolder {
 public:
  /// Throws InputError when `target` is there and not an empty folder, when another export holds its .tmp, or
  /// when something that is not an export's lies under that name. Replaces what a killed export left there.
  explicit StagingFolder(const std::filesystem::path& target);
  StagingFolder(const StagingFolder&) = delete;
  StagingFolder& operator=(const StagingFolder&) = delete;
  ~StagingFolder();

  /// Syncs the folder, gives it its name and syncs the parent. Throws EnvironmentError.
  void commit();

 private:
  std::filesystem::path target_, path_;
  FileDescriptor lock_;
  bool owned_ = false;
};

/// The folder in which an export to `target` is written, the same on every rank.
std::filesystem::path staging_path(const std::filesystem::path& target);

}  // namespace wisk::merge
