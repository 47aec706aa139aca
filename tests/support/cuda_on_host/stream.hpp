#pragma once
// Twin of src/device/cuda/gpu/stream.hpp: work is done on the host, that of the default stream here and now,
// that of others as late as a GPU could do it: when somebody waits. So host memory that is read or changed
// too early shows.

#include <cstddef>
#include <functional>

namespace wisk::test::cuda_on_host {

class HostStream;

/// Takes its place in the order of the stream; recorded, and not done, where the stream is captured.
void submit(HostStream* stream, std::function<void()> work);

/// As submit(), for a copy between two pieces of memory, checked when it is done: `to` or `from` may have to
/// be device memory, or must not be.
enum class Direction { kWithinDevice, kToDevice, kToHost };
void submit_copy(HostStream* stream, void* to, const void* from, std::size_t bytes, Direction direction);

}  // namespace wisk::test::cuda_on_host

namespace wisk::device::cuda {

using Stream = test::cuda_on_host::HostStream*;

inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes, Stream stream) {
  test::cuda_on_host::submit_copy(stream, to, from, bytes, test::cuda_on_host::Direction::kWithinDevice);
}

}  // namespace wisk::device::cuda
