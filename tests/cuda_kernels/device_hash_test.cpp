// Hashes of a GPU's memory through the device: parts of any length, and where there is no memory to work in.
#include <gtest/gtest.h>

#include <random>
#include <wisk/core/hash.hpp>

#include "first_gpu.hpp"
#include "host_device.hpp"

namespace wisk::test {
namespace {

using cuda_on_host::device_bytes_in_use;
using cuda_on_host::WithDeviceMemory;
using device::MemoryPart;

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::unique_ptr<device::Device> gpu() {
  device::cuda::CudaOptions options = first_gpu();
  options.keep_ingredients = true;
  options.reserve_bytes = 0;
  return device::cuda::make_cuda_device(options);
}

std::vector<std::byte> some_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  std::mt19937_64 random(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

/// The hashes on a GPU of parts of `bytes`, begin and length each, are the library's.
void expect_hashes(device::Device& cuda, const std::vector<std::byte>& bytes,
                   const std::vector<std::pair<std::size_t, std::size_t>>& places) {
  const device::Buffer memory = cuda.allocate(bytes.size());
  cuda.upload(memory.data(), bytes);
  std::vector<MemoryPart> parts;
  std::vector<std::uint64_t> expected;
  for (const auto& [begin, length] : places) {
    parts.push_back({memory.data() + begin, length});
    expected.push_back(xxh3(std::span(bytes).subspan(begin, length)));
  }
  EXPECT_EQ(cuda.hash(parts), expected);
}

/// Which ones the kernels took is seen by the memory that they work in.
TEST(DeviceHash, OfPartsThatKernelsTakeAndOthers) {
  const auto cuda = gpu();
  const std::size_t before = device_bytes_in_use();
  expect_hashes(*cuda, some_bytes(300), {{0, 3}, {16, 17}});  // none that they take
  EXPECT_EQ(device_bytes_in_use(), before);
  expect_hashes(*cuda, some_bytes(70000),
                {{0, 5000}, {16, 240}, {32, 4096}, {8, 4096}, {1, 999}, {64, 0}, {160, 65544}});
  constexpr std::size_t kSums = 4 + 3 + 64;  // of whole blocks with something behind them, 64 bytes each
  EXPECT_GE(device_bytes_in_use(), before + kSums * 64);
}

TEST(DeviceHash, OfNothing) {
  EXPECT_EQ(gpu()->hash({}), std::vector<std::uint64_t>{});
  EXPECT_EQ(device::make_cpu_device({.threads = 2})->hash({}), std::vector<std::uint64_t>{});
}

/// The ingredients stay where they are: to read them again would take longer than to hash on the host.
TEST(DeviceHash, WithoutMemoryForSumsTheHostDoesIt) {
  const std::vector<std::byte> bytes = some_bytes(3 * kMiB);
  const auto cuda = gpu();
  const device::BlendInput input{bytes.data(), DType::kBFloat16, 1};
  constexpr std::int64_t kRows = 1024, kColumns = kMiB / 2 / kRows;
  const auto keep = [&] { return cuda->keep_ingredient(input, {0, 0, kColumns}, kRows, kColumns); };
  // Beside the ingredient and what is hashed: the sums are a sixteenth of that.
  const WithDeviceMemory memory(device_bytes_in_use() + 4 * kMiB + 4096);
  const std::span<std::byte> kept = keep();
  ASSERT_EQ(kept.size(), kMiB);
  const std::size_t before = device_bytes_in_use();
  expect_hashes(*cuda, bytes, {{0, 3 * kMiB}, {256, 2 * kMiB}});
  EXPECT_EQ(device_bytes_in_use(), before);
  EXPECT_EQ(keep().data(), kept.data());
}

}  // namespace
}  // namespace wisk::test
