#pragma once
// Twin of tests/support/cuda_on_host/target.hpp: kernels run on the GPU. Tests use little memory, far less
// than any card has free.

#include <cuda_runtime_api.h>

#include <cstddef>

#include <stream.hpp>

namespace wisk::test {

/// Managed memory: the host may look at it when no kernel runs. Aligned to 256 bytes.
inline std::byte* allocate_for_kernels(std::size_t bytes, std::size_t /*alignment*/) {
  void* memory = nullptr;
  device::cuda::check(cudaMallocManaged(&memory, bytes == 0 ? 1 : bytes), "memory of a test");
  device::cuda::check(cudaMemset(memory, 0, bytes), "clearing memory of a test");
  device::cuda::check(cudaDeviceSynchronize(), "clearing memory of a test");
  return static_cast<std::byte*>(memory);
}

/// Waits for kernels. An error would be one of theirs, and wait_for_kernels() reports those.
inline void free_for_kernels(std::byte* memory, std::size_t /*alignment*/) {
  static_cast<void>(cudaFree(memory));
}

/// Until all kernels have ended. Throws EnvironmentError where one of them failed.
inline void wait_for_kernels() {
  device::cuda::check(cudaDeviceSynchronize(), "a kernel under test");
}

/// A GPU has no thread orders, no bank conflicts that a test could count, and its tensor cores add up in an
/// order of their own: see bound_of_sum.
inline constexpr bool kEmulator = false, kExactSums = kEmulator;

/// A GPU has its own.
enum class ThreadOrder { kOfTheGpu };

struct WithThreadOrder {
  explicit WithThreadOrder(ThreadOrder /*order*/) {}
};

inline constexpr ThreadOrder kThreadOrders[] = {ThreadOrder::kOfTheGpu};

constexpr const char* name_of(ThreadOrder /*order*/) {
  return "gpu";
}

namespace cuda_on_host {
using test::ThreadOrder;
using test::WithThreadOrder;
}  // namespace cuda_on_host

}  // namespace wisk::test
