#pragma once
// What orders work on a GPU. Plain C++, and without kernels, so that every compiler can read it. Its twin of
// the same name in tests/support/cuda_on_host does the work on the host; the include path chooses between the
// two.

#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>

#include <wisk/core/error.hpp>

namespace wisk::device::cuda {

/// Work is done in the order in which it was given; null: the device's default stream. Owned by a
/// StreamOwner.
using Stream = cudaStream_t;

/// Throws EnvironmentError that names `what`.
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) {
    throw EnvironmentError(std::string(what) + " failed: " + cudaGetErrorString(status));
  }
}

/// Copies device memory in the order of the stream.
inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream), "copy of device memory");
}

}  // namespace wisk::device::cuda
