#pragma once
// Ranks that exchange what lies in the memory of their GPUs.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace wisk::comm {

/// A group of ranks with a GPU each. Pointers are memory of this rank's GPU, `stream` is a cudaStream_t. The
/// operations are collective: every rank calls them in the same order with the same sizes. They return when
/// they are in the stream, not when they are done; a stream that is being captured takes them into its graph
/// (after each kind of them has run once outside of a capture). They add nothing but whole words: results are
/// bits that some rank gave. Failures are EnvironmentErrors that name rank, host and operation; the group is
/// aborted then (what is under way on this rank ends, so that its stream goes on) and can only be destroyed.
/// One thread.
class DeviceGroup {
 public:
  DeviceGroup() = default;
  DeviceGroup(const DeviceGroup&) = delete;
  DeviceGroup& operator=(const DeviceGroup&) = delete;
  virtual ~DeviceGroup() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;

  /// In rank order; in place where mine == all + rank() * bytes_each, otherwise the two don't overlap.
  virtual void all_gather(const std::byte* mine /* [bytes_each] */,
                          std::byte* all /* [size() * bytes_each] */, std::size_t bytes_each,
                          void* stream) = 0;
  /// `root`'s bytes to all; any size.
  virtual void broadcast(std::byte* data /* [bytes] */, std::size_t bytes, int root, void* stream) = 0;
  /// Each bit is 1 on one rank at most: the sum of the words is their OR.
  virtual void all_reduce_or(std::uint32_t* words /* [count] */, std::size_t count, void* stream) = 0;

  /// Returns when everything in the stream is done. Throws when an operation fails on any rank, or when it
  /// takes longer than the group was told to wait (another rank has stopped): nobody waits forever. Time in
  /// which this process did not run does not count.
  virtual void wait(void* stream) = 0;

  /// `forget` destroys what holds recorded operations of this group. It is called where a failure aborts the
  /// group, which does not end before; not by the destructor.
  virtual void on_abort(std::function<void()> forget) = 0;
};

}  // namespace wisk::comm
