// Twin of src/device/cuda/gpu/runtime.cpp. A stream is a list of work that is done when somebody waits; a
// captured stream adds to its graph instead. What CUDA forbids during a capture is an error here too.

#include "runtime.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <set>
#include <tuple>
#include <utility>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

#include "device_memory.hpp"
#include "host_device.hpp"

namespace wisk::test::cuda_on_host {

using Work = std::function<void()>;

/// Work that was recorded, in the order in which it was given.
using Recording = std::vector<Work>;

/// Owned by a StreamOwner. Work that nobody waited for when it is destroyed is not done.
class HostStream {
 public:
  HostStream() { all().insert(this); }
  ~HostStream() { all().erase(this); }
  HostStream(const HostStream&) = delete;
  HostStream& operator=(const HostStream&) = delete;

  static std::set<HostStream*>& all() {
    static std::set<HostStream*> streams;
    return streams;
  }
  static bool any_captured() {
    return std::any_of(all().begin(), all().end(),
                       [](const HostStream* stream) { return stream->recording != nullptr; });
  }

  void add(Work work) {
    waiting_.push_back(std::move(work));
    ++given;
  }
  /// Does the first `count` of the pieces of work that this stream was ever given.
  void finish(std::size_t count) {
    while (done_ < count) {
      ++done_;
      const Work work = std::move(waiting_.front());
      waiting_.pop_front();
      work();
    }
  }

  std::size_t given = 0;
  std::unique_ptr<Recording> recording;  // while it is captured

 private:
  std::deque<Work> waiting_;
  std::size_t done_ = 0;
};

namespace {

std::pair<int, int> capability(8, 0);

[[noreturn]] void refuse(const std::string& what) {
  throw EnvironmentError(what + " failed: not permitted while a stream is captured");
}

void refuse_in_capture(const char* what) {
  if (HostStream::any_captured()) refuse(what);
}

void run(const Work& work) {
  const DeviceMemoryOpen open;
  work();
}

/// Tests of kernels have tensors in ordinary memory: within the device, all that is asked is to stay in a
/// block.
void check_place(const void* data, std::size_t bytes, bool within_device, bool device) {
  const Place found = place_of(data, bytes);
  if (found == Place::kBeyond) throw EnvironmentError("copy failed: it leaves an allocation of the device");
  if (!within_device && (found == Place::kDevice) != device) {
    throw EnvironmentError(std::string("copy failed: expected memory of the ") +
                           (device ? "device, found the host's" : "host, found the device's"));
  }
}

void copy(void* to, const void* from, std::size_t bytes, Direction direction) {
  if (bytes == 0) return;
  const bool within_device = direction == Direction::kWithinDevice;
  check_place(to, bytes, within_device, direction == Direction::kToDevice);
  check_place(from, bytes, within_device, direction == Direction::kToHost);
  std::memcpy(to, from, bytes);
}

}  // namespace

WithComputeCapability::WithComputeCapability(int major, int minor) {
  capability = {major, minor};
}

WithComputeCapability::~WithComputeCapability() {
  capability = {8, 0};
}

void submit(HostStream* stream, std::function<void()> work) {
  if (stream == nullptr) {
    refuse_in_capture("work on the default stream");
    run(work);
  } else if (stream->recording != nullptr) {
    stream->recording->push_back(std::move(work));
  } else {
    stream->add([work = std::move(work)] { run(work); });
  }
}

void submit_copy(HostStream* stream, void* to, const void* from, std::size_t bytes, Direction direction) {
  submit(stream, [=] { copy(to, from, bytes, direction); });
}

}  // namespace wisk::test::cuda_on_host

namespace wisk::device::cuda {

using test::cuda_on_host::Direction;
using test::cuda_on_host::HostStream;

std::vector<DeviceInfo> list_devices(std::string& why_none) {
  why_none = test::cuda_on_host::device_bytes() == 0 ? "the emulator shows no GPU" : "";
  if (!why_none.empty()) return {};
  DeviceInfo info;
  info.name = "emulator";
  std::tie(info.major, info.minor) = test::cuda_on_host::capability;
  info.multiprocessors = 2;
  info.memory_bytes = test::cuda_on_host::device_bytes();
  info.bus_id = "0000:00:00.0";
  info.uuid = "00000000-0000-0000-0000-000000000000";
  return {info};
}

void use_device(int index) {
  if (index != 0) throw EnvironmentError("choice of a GPU failed: invalid device ordinal");
}

MemoryInfo memory_info() {
  const std::size_t total = test::cuda_on_host::device_bytes();
  return {total - test::cuda_on_host::device_bytes_in_use(), total};
}

std::byte* allocate_device(std::size_t bytes) {
  test::cuda_on_host::refuse_in_capture("allocation of GPU memory");
  return bytes == 0 ? nullptr : test::cuda_on_host::new_device_block(bytes);
}

void free_device(std::byte* data) noexcept {
  if (data == nullptr) return;
  WISK_ASSERT(!HostStream::any_captured());
  try {
    for (HostStream* stream : HostStream::all()) synchronize(stream);
  } catch (const std::exception&) {  // a failed kernel: the stream goes on behind it
  }
  WISK_ASSERT(test::cuda_on_host::delete_device_block(data));
}

PinnedBuffer::PinnedBuffer(std::size_t bytes) : bytes_(bytes) {
  test::cuda_on_host::refuse_in_capture("allocation of pinned host memory");
  if (bytes != 0) data_ = new (std::align_val_t{64}) std::byte[bytes]();
}

PinnedBuffer::~PinnedBuffer() {
  operator delete[](data_, std::align_val_t{64});
}

void copy_to_device(void* to, const void* from, std::size_t bytes, Stream stream) {
  test::cuda_on_host::submit_copy(stream, to, from, bytes, Direction::kToDevice);
}

void copy_to_host(void* to, const void* from, std::size_t bytes, Stream stream) {
  test::cuda_on_host::submit_copy(stream, to, from, bytes, Direction::kToHost);
}

void synchronize(Stream stream) {
  if (stream == nullptr) return;
  if (stream->recording != nullptr) test::cuda_on_host::refuse("work of the GPU");
  stream->finish(stream->given);
}

StreamOwner::StreamOwner() : stream_(new HostStream) {}

void StreamOwner::Destroy::operator()(Stream stream) const noexcept {
  delete stream;
}

struct Event::State {
  Stream stream = nullptr;  // where it was recorded last
  std::size_t given = 0;    // to that stream before
  bool captured = false;    // there
};

Event::Event() : state_(std::make_unique<State>()) {}
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(Event&&) noexcept = default;
Event::~Event() = default;

void Event::record(Stream stream) {
  state_->stream = stream;
  state_->given = stream == nullptr ? 0 : stream->given;
  state_->captured = stream != nullptr && stream->recording != nullptr;
}

void Event::wait() const {
  if (state_->captured) test::cuda_on_host::refuse("work of the GPU");
  const Stream stream = state_->stream;
  if (stream != nullptr && HostStream::all().count(stream) != 0) stream->finish(state_->given);
}

struct Graph::State {
  test::cuda_on_host::Recording work;
};

Graph::Graph() noexcept = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;
Graph::~Graph() = default;

void Graph::capture(Stream stream, const std::function<void()>& work) {
  state_ = nullptr;
  test::cuda_on_host::refuse_in_capture("begin of a graph");
  if (stream == nullptr) test::cuda_on_host::refuse("begin of a graph on the default stream");
  stream->recording = std::make_unique<test::cuda_on_host::Recording>();
  try {
    work();
  } catch (...) {
    stream->recording = nullptr;
    throw;
  }
  state_ = std::make_unique<State>();
  state_->work = std::move(*stream->recording);
  stream->recording = nullptr;
}

void Graph::launch(Stream stream) const {
  for (const auto& work : state_->work) test::cuda_on_host::submit(stream, work);
}

}  // namespace wisk::device::cuda
