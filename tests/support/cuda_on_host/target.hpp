#pragma once
// What tests of kernels ask of the machine that runs them: here the emulator. The twin of the same name in
// tests/support/cuda_on_gpu is a GPU; the include path chooses.

#include <cstddef>

#include "device_memory.hpp"
#include "grid.hpp"

namespace wisk::test {

/// Memory that kernels and the host see, zero-filled: an access beyond its last byte is seen by
/// AddressSanitizer.
inline std::byte* allocate_for_kernels(std::size_t bytes, std::size_t alignment) {
  return cuda_on_host::new_shared_block(bytes, alignment);
}

inline void free_for_kernels(std::byte* memory, std::size_t alignment) {
  cuda_on_host::delete_shared_block(memory, alignment);
}

/// Until all kernels have ended.
inline void wait_for_kernels() {}

/// Sums of products are the CPU's bits, threads take turns in a given order, bank conflicts are counted.
inline constexpr bool kEmulator = true, kExactSums = kEmulator;

using cuda_on_host::ThreadOrder;
using cuda_on_host::WithThreadOrder;

inline constexpr ThreadOrder kThreadOrders[] = {ThreadOrder::kForward, ThreadOrder::kReverse,
                                                ThreadOrder::kShuffled};

constexpr const char* name_of(ThreadOrder order) {
  constexpr const char* kNames[] = {"forward", "reverse", "shuffled"};
  return kNames[static_cast<int>(order)];
}

}  // namespace wisk::test
