#pragma once
// HDF5 identifiers that close themselves, and its errors as ours.

#include <hdf5.h>

#include <string>
#include <utility>

namespace wisk::store {

/// Owns an HDF5 identifier. Move-only; HDF5 is used by one thread at a time.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Handle() = default;
  Handle(hid_t id, Close close_call) : id_(id), close_(close_call) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  [[nodiscard]] hid_t get() const { return id_; }
  [[nodiscard]] bool valid() const { return id_ >= 0; }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// Keeps HDF5 from printing its error stacks; as it was afterwards.
class QuietErrors {
 public:
  QuietErrors() {
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  QuietErrors(const QuietErrors&) = delete;
  QuietErrors& operator=(const QuietErrors&) = delete;
  ~QuietErrors() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

/// The innermost reason in HDF5's error stack, in one line: of a failed system call its own message.
std::string reason_of_failure();

/// File access for all of wisk: format of HDF5 1.8 (read by every netCDF-4), no file locks (they fail on some
/// cluster file systems; results are written by one process and renamed into place), everything closed with
/// the file.
Handle file_access();

}  // namespace wisk::store
