#pragma once
// How kernels are started and get their shared memory, on a GPU. Its twin of the same name in
// tests/support/cuda_on_host runs the same kernels on the host; the include path chooses between the two.

#include <cuda_runtime_api.h>

#include <cstddef>
#include <tuple>
#include <type_traits>

#include <stream.hpp>

namespace wisk::device::cuda {

/// For kernels without shared memory.
struct NoShared {};

/// Starts kernel(arguments...) on blocks x threads with one Shared a block; nothing where there are no
/// blocks. Without `<<<>>>`, so that g++ can read this file, and tests of kernels need no nvcc. Denormals
/// count as zero: the kernel's file is compiled with --ftz=true.
template <class Shared, class... Parameters>
void launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Stream stream,
            std::type_identity_t<Parameters>... arguments) {
  constexpr std::size_t kWithoutAsking = 48 * 1024;
  constexpr std::size_t bytes = std::is_empty_v<Shared> ? 0 : sizeof(Shared);
  if (blocks == 0) return;
  const void* function = reinterpret_cast<const void*>(kernel);
  if (bytes > kWithoutAsking) {
    check(
        cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
        "shared memory of a kernel");
  }
  void* pointers[sizeof...(arguments) + 1] = {const_cast<void*>(static_cast<const void*>(&arguments))...,
                                              nullptr};
  check(cudaLaunchKernel(function, dim3(blocks), dim3(threads), pointers, bytes, stream),
        "start of a kernel");
}

/// The same for kernels that keep denormals. On a GPU nvcc decides which do, file by file (--ftz); on the
/// host, this.
template <class Shared, class... Parameters>
void launch_with_denormals(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Stream stream,
                           std::type_identity_t<Parameters>... arguments) {
  launch<Shared>(kernel, blocks, threads, stream, arguments...);
}

/// The block's shared memory. One Shared a kernel; its content is undefined at first.
template <class Shared>
__device__ Shared& block_shared() {
  extern __shared__ uint4 block_memory[];
  return *reinterpret_cast<Shared*>(block_memory);
}

}  // namespace wisk::device::cuda
