#pragma once
// Files: descriptors that close themselves, read-only mappings, writes that appear whole or not at all.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace wisk {

/// Owns a file descriptor; -1 is none. Move-only.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  [[nodiscard]] int get() const noexcept { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// Throws InputError when the file is missing or unreadable.
FileDescriptor open_for_reading(const std::filesystem::path& file);

/// A whole file mapped read-only: its pages are the page cache's, shared by all processes of the node.
/// Move-only.
class MappedFile {
 public:
  /// Throws InputError when the file is missing, EnvironmentError when it cannot be mapped.
  explicit MappedFile(const std::filesystem::path& file);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
  std::span<const std::byte> bytes_;
};

/// The whole file as text. Throws InputError when it is missing or larger than `limit` bytes.
std::string read_text(const std::filesystem::path& file, std::size_t limit = std::size_t{1} << 30);

/// Writes all of `bytes` at the descriptor's position; retries short writes. Throws EnvironmentError naming
/// `where` (a full disk says "No space left on device").
void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& where);

/// Writes a temporary file beside `file`, syncs it, renames it into place and syncs the folder: a reader sees
/// the old contents or the new, never a part. Throws EnvironmentError.
void replace_file(const std::filesystem::path& file, std::string_view text);

/// fsync of a file or folder that exists. Throws EnvironmentError.
void sync_path(const std::filesystem::path& path);

}  // namespace wisk
