#pragma once
// For the emulator's runtime: what host_device.hpp shows to tests.

#include <cstddef>

namespace wisk::test::cuda_on_host {

[[nodiscard]] std::size_t device_bytes();  ///< all of it

/// Zero-filled. Throws EnvironmentError where there is not enough.
[[nodiscard]] std::byte* new_device_block(std::size_t bytes);
/// False where there is no such block.
bool delete_device_block(std::byte* data);

/// Memory that kernels and the host see, as tests have it; of no device.
[[nodiscard]] std::byte* new_shared_block(std::size_t bytes, std::size_t alignment);
void delete_shared_block(std::byte* data, std::size_t alignment);

/// Throws a KernelError where one of the words of an argument is the address of memory that only the host
/// sees: the stack of the calling thread if it is the program's first, or the heap. Not seen are static data
/// and what was allocated in large pieces before the first call, which puts all later ones into the heap
/// (mallopt). Nothing with sanitizers, which have heaps of their own.
void check_argument(const void* argument, std::size_t bytes);

enum class Place { kHost, kDevice, kBeyond };  ///< kBeyond: begins in a block of the device and ends outside
[[nodiscard]] Place place_of(const void* data, std::size_t bytes);

}  // namespace wisk::test::cuda_on_host
