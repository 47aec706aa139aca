// Streams, events, memory and graphs, on the emulator and on a GPU.

#include "runtime.hpp"

#include <numeric>

#include <wisk/core/error.hpp>

#include "fixture.hpp"
#include "rows.hpp"

namespace wisk::test {
namespace {

using device::cuda::Event;
using device::cuda::Graph;
using device::cuda::PinnedBuffer;
using device::cuda::StreamOwner;

/// Device memory of `count` floats.
class Floats {
 public:
  explicit Floats(std::size_t count)
      : data_(reinterpret_cast<float*>(device::cuda::allocate_device(count * sizeof(float)))),
        count_(count) {}
  ~Floats() { device::cuda::free_device(reinterpret_cast<std::byte*>(data_)); }
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;
  [[nodiscard]] float* data() const { return data_; }
  [[nodiscard]] std::vector<float> values(device::cuda::Stream stream) const {
    std::vector<float> host(count_);
    device::cuda::copy_to_host(host.data(), data_, count_ * sizeof(float), stream);
    device::cuda::synchronize(stream);
    return host;
  }
  void set(const std::vector<float>& host, device::cuda::Stream stream) const {
    device::cuda::copy_to_device(data_, host.data(), count_ * sizeof(float), stream);
    device::cuda::synchronize(stream);
  }

 private:
  float* data_;
  std::size_t count_;
};

/// x += part, all of `count` floats.
void add(const Floats& x, const Floats& part, std::int64_t count, device::cuda::Stream stream) {
  const float* parts[] = {part.data()};
  device::cuda::add_parts(parts, nullptr, 1, count, true, x.data(), stream);
}

TEST(CudaRuntime, MemoryIsZeroFilled) {
  const StreamOwner stream;
  for (int again = 0; again < 2; ++again) {
    const Floats x(1000);
    EXPECT_EQ(std::bit_cast<std::uintptr_t>(x.data()) % 256, 0u);
    EXPECT_EQ(x.values(stream.get()), std::vector<float>(1000, 0.0f));
    x.set(std::vector<float>(1000, 1.0f), stream.get());
  }
  EXPECT_EQ(device::cuda::allocate_device(0), nullptr);
}

TEST(CudaRuntime, MoreMemoryThanThereIs) {
  const device::cuda::MemoryInfo memory = device::cuda::memory_info();
  EXPECT_LE(memory.free, memory.total);
  try {
    device::cuda::free_device(device::cuda::allocate_device(memory.total + (std::size_t{3} << 20)));
    FAIL() << "no error";
  } catch (const EnvironmentError& error) {
    const std::string expected = "GPU memory: expected " +
                                 std::to_string((memory.total >> 20) + 3 + (memory.total % (1 << 20) != 0)) +
                                 " MiB more, found ";
    EXPECT_EQ(std::string(error.what()).substr(0, expected.size()), expected);
    EXPECT_NE(std::string(error.what()).find(" MiB free on GPU 0 ("), std::string::npos) << error.what();
  }
  const Floats x(10);  // and the next call works
}

TEST(CudaRuntime, PinnedMemoryIsZeroFilledAndMoves) {
  PinnedBuffer buffer(100), other;
  EXPECT_EQ(std::accumulate(buffer.as<char>(), buffer.as<char>() + 100, 0), 0);
  const std::byte* data = buffer.data();
  other = std::move(buffer);
  EXPECT_EQ(other.data(), data);
  EXPECT_EQ(other.bytes(), 100u);
}

TEST(CudaRuntime, WorkOfAStreamIsDoneInOrder) {
  const StreamOwner stream;
  const Floats x(100), y(100);
  PinnedBuffer host(100 * sizeof(float));
  std::iota(host.as<float>(), host.as<float>() + 100, 1.0f);
  const std::vector<float> before(host.as<float>(), host.as<float>() + 100);
  device::cuda::copy_to_device(x.data(), host.data(), host.bytes(), stream.get());
  add(y, x, 100, stream.get());
  add(y, x, 100, stream.get());
  device::cuda::copy_to_host(host.data(), y.data(), host.bytes(), stream.get());
  device::cuda::synchronize(stream.get());
  for (std::size_t i = 0; i < 100; ++i) ASSERT_EQ(host.as<float>()[i], 2 * before[i]);
}

TEST(CudaRuntime, AnEventIsWhereItWasRecordedLast) {
  const StreamOwner stream;
  const Floats x(64), one(64);
  one.set(std::vector<float>(64, 1.0f), stream.get());
  PinnedBuffer host(64 * sizeof(float));
  Event done;
  done.wait();  // nothing recorded yet
  for (const float sum : {1.0f, 2.0f}) {
    add(x, one, 64, stream.get());
    device::cuda::copy_to_host(host.data(), x.data(), host.bytes(), stream.get());
    done.record(stream.get());
    done.wait();
    for (std::size_t i = 0; i < 64; ++i) ASSERT_EQ(host.as<float>()[i], sum);
  }
}

TEST(CudaRuntime, GraphsReplayWithTheParametersOfTheirCapture) {
  const StreamOwner stream;
  const Floats x(100), y(100), one(100);
  PinnedBuffer host(100 * sizeof(float));
  one.set(std::vector<float>(100, 1.0f), stream.get());
  add(y, one, 100, stream.get());  // loads the kernel
  Graph graph;
  EXPECT_FALSE(graph.ready());
  std::vector<float> bias(100);
  {
    std::vector<float> gone(100, 5.0f);  // what a parameter points at is another matter
    graph.capture(stream.get(), [&] {
      device::cuda::copy_to_device(y.data(), host.data(), host.bytes(), stream.get());
      add(x, y, 100, stream.get());
      add(x, one, 100, stream.get());
    });
  }
  ASSERT_TRUE(graph.ready());
  EXPECT_EQ(x.values(stream.get()), std::vector<float>(100, 0.0f)) << "a capture does nothing";
  float sum = 0;
  for (const float value : {3.0f, 7.0f}) {
    std::fill(host.as<float>(), host.as<float>() + 100, value);
    graph.launch(stream.get());
    device::cuda::synchronize(stream.get());
    sum += value + 1;
    EXPECT_EQ(x.values(stream.get()), std::vector<float>(100, sum));
  }
  Graph moved = std::move(graph);
  EXPECT_FALSE(graph.ready());  // NOLINT(bugprone-use-after-move)
  moved.launch(stream.get());
  EXPECT_EQ(x.values(stream.get()), std::vector<float>(100, sum + 8));
}

TEST(CudaRuntime, WhatACaptureForbids) {
  const StreamOwner stream;
  Graph graph;
  EXPECT_THROW(graph.capture(stream.get(), [] { static_cast<void>(device::cuda::allocate_device(100)); }),
               EnvironmentError);
  EXPECT_FALSE(graph.ready());
  EXPECT_THROW(graph.capture(stream.get(), [&] { device::cuda::synchronize(stream.get()); }),
               EnvironmentError);
  EXPECT_THROW(graph.capture(nullptr, [] {}), EnvironmentError);
  EXPECT_THROW(graph.capture(stream.get(), [] { throw InputError("here", "this", "that"); }), InputError);
  EXPECT_FALSE(graph.ready());
  // And all is as before.
  const Floats x(10), one(10);
  one.set(std::vector<float>(10, 1.0f), stream.get());
  graph.capture(stream.get(), [&] { add(x, one, 10, stream.get()); });
  graph.launch(stream.get());
  EXPECT_EQ(x.values(stream.get()), std::vector<float>(10, 1.0f));
}

}  // namespace
}  // namespace wisk::test
