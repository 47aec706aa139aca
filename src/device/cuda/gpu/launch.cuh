#pragma once
// How kernels are started and get their shared memory, on a GPU. Its twin of the same name in
// tests/support/cuda_on_host runs the same kernels on the host; the include path chooses between the two.

#include <cuda_runtime.h>

#include <cstddef>
#include <string>
#include <type_traits>

#include <wisk/core/error.hpp>

namespace wisk::device::cuda {

using Stream = cudaStream_t;

/// For kernels without shared memory.
struct NoShared {};

/// Throws EnvironmentError that names `what`.
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) {
    throw EnvironmentError(std::string(what) + " failed: " + cudaGetErrorString(status));
  }
}

/// Starts kernel(arguments...) on blocks x threads with one Shared a block; nothing where there are no
/// blocks.
template <class Shared, class... Parameters>
void launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Stream stream,
            std::type_identity_t<Parameters>... arguments) {
  constexpr std::size_t kWithoutAsking = 48 * 1024;
  constexpr std::size_t bytes = std::is_empty_v<Shared> ? 0 : sizeof(Shared);
  if (blocks == 0) return;
  if (bytes > kWithoutAsking) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
          "shared memory of a kernel");
  }
  // Not <<<>>>: so that compilers without CUDA can read this file, and tests of kernels need none.
  void* pointers[] = {&arguments..., nullptr};
  check(cudaLaunchKernel(reinterpret_cast<const void*>(kernel), dim3(blocks), dim3(threads), pointers, bytes,
                         stream),
        "start of a kernel");
}

/// The block's shared memory. One Shared a kernel; its content is undefined at first.
template <class Shared>
__device__ Shared& block_shared() {
  extern __shared__ uint4 block_memory[];
  return *reinterpret_cast<Shared*>(block_memory);
}

/// Copies device memory in the order of the stream.
inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream), "copy of device memory");
}

}  // namespace wisk::device::cuda
