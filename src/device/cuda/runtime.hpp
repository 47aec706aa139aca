#pragma once
// Devices, streams, memory and graphs: the part of CUDA's runtime that wisk uses, without its header.
// Implemented in gpu/runtime.cpp; its twin in tests/support/cuda_on_host/runtime.cpp does the same on the
// host.
//
// A thread works on the device that it last chose with use_device(). Errors of CUDA are EnvironmentErrors;
// those of work that was given to a stream show at a later call.

#include <stream.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace wisk::device::cuda {

struct DeviceInfo {
  int index = 0;  ///< of use_device(): among the visible ones
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;        ///< all of it; what is free: use_device() and memory_info()
  std::size_t cache_bytes = 0;         ///< second level
  double memory_bytes_per_second = 0;  ///< of the memory's data sheet; 0 where the driver does not say
  double clock_hertz = 0;              ///< highest of the multiprocessors; 0 where the driver does not say
  std::string bus_id;                  ///< "0000:1B:00.0": the same in every process of a host
  std::string uuid;                    ///< as nvidia-smi -L writes it, without its prefix
};

/// All visible devices. Never throws, and makes no context on any of them. Where there are none, `why_none`
/// says in words what was found of driver and devices; else it is "".
std::vector<DeviceInfo> list_devices(std::string& why_none);

/// From now on this thread works on device `index`; makes its context, which takes some tenths of a second.
void use_device(int index);

struct MemoryInfo {
  std::size_t free = 0, total = 0;  ///< bytes
};
[[nodiscard]] MemoryInfo memory_info();

/// Zero-filled, aligned to 256 bytes; null for 0 bytes. Throws EnvironmentError that names what is free where
/// there is not enough. Not while a stream is captured.
[[nodiscard]] std::byte* allocate_device(std::size_t bytes);
/// Waits until the device has done all its work. Null is allowed.
void free_device(std::byte* data) noexcept;

/// Host memory that a device copies from and to at full speed while others work. Owns it; zero-filled;
/// move-only.
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(std::size_t bytes);
  PinnedBuffer(PinnedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PinnedBuffer();
  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  template <class T>
  [[nodiscard]] T* as() const noexcept {
    return reinterpret_cast<T*>(data_);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Copies in the order of the stream. The call may return before the copy is done, so host memory must stay,
/// as it is, until the stream is waited for.
void copy_to_device(void* to, const void* from /* host */, std::size_t bytes, Stream stream);
void copy_to_host(void* to /* host */, const void* from, std::size_t bytes, Stream stream);

/// Until all work of the stream is done.
void synchronize(Stream stream);

/// Owns a stream, which does not wait for the default one; move-only. Destroying it does not wait for its
/// work.
class StreamOwner {
 public:
  StreamOwner();
  [[nodiscard]] Stream get() const noexcept { return stream_.get(); }

 private:
  struct Destroy {
    void operator()(Stream stream) const noexcept;
  };
  std::unique_ptr<std::remove_pointer_t<Stream>, Destroy> stream_;
};

/// A point in the work of a stream; move-only.
class Event {
 public:
  Event();
  Event(Event&&) noexcept;
  Event& operator=(Event&&) noexcept;
  ~Event();
  /// The point after all work that `stream` has been given so far.
  void record(Stream stream);
  /// The host waits for the point; at once where there is none yet.
  void wait() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The work of a step, recorded once and started at once from then on; move-only.
class Graph {
 public:
  Graph() noexcept;
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;
  ~Graph();
  [[nodiscard]] bool ready() const noexcept { return state_ != nullptr; }
  /// Records what `work` gives to `stream` with its parameters as they are now; does none of it. Memory may
  /// not be allocated or freed by it, nor a stream be waited for. What the graph held before is gone. Kernels
  /// should have run once before (they are loaded when they first run).
  void capture(Stream stream /* not null */, const std::function<void()>& work);
  /// The work takes its place in the order of `stream`.
  void launch(Stream stream) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wisk::device::cuda
