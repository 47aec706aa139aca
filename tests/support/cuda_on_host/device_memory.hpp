#pragma once
// For the emulator's runtime: what host_device.hpp shows to tests.

#include <cstddef>

namespace wisk::test::cuda_on_host {

[[nodiscard]] std::size_t device_bytes();  ///< all of it

/// Zero-filled. Throws EnvironmentError where there is not enough.
[[nodiscard]] std::byte* new_device_block(std::size_t bytes);
/// False where there is no such block.
bool delete_device_block(std::byte* data);

enum class Place { kHost, kDevice, kBeyond };  ///< kBeyond: begins in a block of the device and ends outside
[[nodiscard]] Place place_of(const void* data, std::size_t bytes);

}  // namespace wisk::test::cuda_on_host
