#include <wisk/core/file.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <wisk/core/error.hpp>

namespace wisk {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileDescriptor open_for_reading(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw InputError(file.string(), "a readable file", std::strerror(errno));
  FileDescriptor owner(descriptor);
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) {
    throw InputError(file.string(), "a readable file", "a folder");
  }
  return owner;
}

MappedFile::MappedFile(const std::filesystem::path& file) : path_(file) {
  const FileDescriptor input = open_for_reading(file);
  struct stat status {};
  if (::fstat(input.get(), &status) != 0) throw EnvironmentError::from_errno(file.string(), "stat", errno);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, input.get(), 0);
  if (address == MAP_FAILED) throw EnvironmentError::from_errno(file.string(), "mmap", errno);
  bytes_ = {static_cast<const std::byte*>(address), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

std::string read_text(const std::filesystem::path& file, std::size_t limit) {
  const MappedFile mapped(file);
  if (mapped.bytes().size() > limit) {
    throw InputError(file.string(), "at most " + std::to_string(limit) + " bytes",
                     std::to_string(mapped.bytes().size()) + " bytes");
  }
  return std::string(reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size());
}

void write_all(int descriptor, std::span<const std::byte> bytes, const std::string& where) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw EnvironmentError::from_errno(where, "write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void replace_file(const std::filesystem::path& file, std::string_view text) {
  const std::filesystem::path temporary = file.string() + ".tmp";
  {
    const FileDescriptor output(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (output.get() < 0) throw EnvironmentError::from_errno(temporary.string(), "open for writing", errno);
    write_all(output.get(), std::as_bytes(std::span(text)), temporary.string());
    if (::fsync(output.get()) != 0) throw EnvironmentError::from_errno(temporary.string(), "fsync", errno);
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) {
    throw EnvironmentError::from_errno(file.string(), "rename into place", errno);
  }
  sync_path(file.parent_path().empty() ? "." : file.parent_path());
}

void sync_path(const std::filesystem::path& path) {
  const FileDescriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) throw EnvironmentError::from_errno(path.string(), "open", errno);
  if (::fsync(descriptor.get()) != 0) throw EnvironmentError::from_errno(path.string(), "fsync", errno);
}

}  // namespace wisk
