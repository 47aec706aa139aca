// Tensors of checkpoints on their way to blended matrices: in pieces, kept on the device, and let go.
#include <gtest/gtest.h>

#include <numeric>
#include <wisk/core/error.hpp>

#include "first_gpu.hpp"
#include "fixture.hpp"
#include "host_device.hpp"
#include "varied_bits.hpp"

namespace wisk::test {
namespace {

using cuda_on_host::device_bytes_in_use;
using cuda_on_host::WithDeviceMemory;
using device::BlendInput;
using device::MatrixWindow;
using device::PackedMatrix;

std::unique_ptr<device::Device> gpu(bool keep, std::size_t reserve = 0) {
  device::cuda::CudaOptions options = first_gpu();
  options.keep_ingredients = keep;
  options.reserve_bytes = reserve;
  return device::cuda::make_cuda_device(options);
}

/// Bytes of the blend of `inputs` on a device.
std::vector<std::byte> blended(device::Device& device, std::span<const BlendInput> inputs,
                               const MatrixWindow& window, std::int64_t rows, std::int64_t columns) {
  PackedMatrix matrix = device.allocate_matrix(DType::kBFloat16, rows, columns);
  device.blend_matrix(matrix, inputs, window, DType::kBFloat16);
  std::vector<std::byte> bytes(matrix.data.bytes());
  device.download(bytes, matrix.data.data());
  return bytes;
}

/// bf16 numbers that differ.
std::vector<std::uint16_t> some_numbers(std::size_t count) {
  std::vector<std::uint16_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<std::uint16_t>(0x3c00 + i * 7 % 0x500);
  return numbers;
}

BlendInput input_of(const std::vector<std::uint16_t>& numbers, std::size_t first = 0, double scale = 1) {
  return {std::as_bytes(std::span(numbers)).subspan(first * 2).data(), DType::kBFloat16, scale};
}

/// Twenty inputs of which sixteen rows fill the staging (32 MiB) more than half: five pieces in its two
/// halves, the last one of a part of a panel.
TEST(Ingredients, AreBlendedInPieces) {
  constexpr std::int64_t kRows = 16 * 4 + 3, kColumns = 29000;
  const std::vector<std::uint16_t> numbers = some_numbers(kRows * kColumns + 20);
  std::vector<BlendInput> inputs;
  for (std::size_t i = 0; i < 20; ++i) inputs.push_back(input_of(numbers, i, 0.05 * static_cast<double>(i)));
  const auto cpu = device::make_cpu_device({.threads = 1});
  const MatrixWindow window{0, 0, kColumns};
  EXPECT_EQ(blended(*gpu(false), inputs, window, kRows, kColumns),
            blended(*cpu, inputs, window, kRows, kColumns));
}

/// Each begins where its type may in the staging, whatever lies before it.
TEST(Ingredients, MayBeOfSeveralTypesAndOddSizes) {
  const std::vector<std::uint16_t> numbers = some_numbers(5 * 7);
  std::vector<float> wide(5 * 7);
  std::iota(wide.begin(), wide.end(), -3.5f);
  const BlendInput inputs[] = {input_of(numbers, 0, 0.5),
                               {std::as_bytes(std::span(wide)).data(), DType::kFloat32, 0.25},
                               input_of(numbers, 0, 2)};
  const auto cpu = device::make_cpu_device({.threads = 1});
  EXPECT_EQ(blended(*gpu(false), inputs, {0, 0, 7}, 5, 7), blended(*cpu, inputs, {0, 0, 7}, 5, 7));
}

/// Four pieces in two halves: what is kept is the tensor, row by row.
TEST(Ingredients, AreKeptInPieces) {
  constexpr std::int64_t kRows = 16 * 3 + 5, kColumns = 700000, kStride = kColumns + 3;
  const std::vector<std::uint16_t> numbers = some_numbers((kRows + 1) * kStride);
  const auto cuda = gpu(true);
  const MatrixWindow window{1, 3, kStride};
  const std::span<std::byte> kept = cuda->keep_ingredient(input_of(numbers), window, kRows, kColumns);
  ASSERT_EQ(kept.size(), static_cast<std::size_t>(kRows * kColumns) * 2);
  cuda->load_ingredient(input_of(numbers), window, kRows, kColumns);
  std::vector<std::uint16_t> found(static_cast<std::size_t>(kRows * kColumns));
  cuda->download(std::as_writable_bytes(std::span(found)), kept.data());
  for (std::int64_t row = 0; row < kRows; ++row) {
    ASSERT_TRUE(std::equal(found.begin() + row * kColumns, found.begin() + (row + 1) * kColumns,
                           numbers.begin() + (row + 1) * kStride + 3))
        << row;
  }
}

/// Windows that begin at one place of a tensor are different ones.
TEST(Ingredients, AreKeptByTheirWholeWindow) {
  constexpr std::int64_t kStride = 40;
  const std::vector<std::uint16_t> numbers = some_numbers(64 * kStride);
  const std::vector<BlendInput> inputs = {input_of(numbers)};
  const auto cpu = device::make_cpu_device({.threads = 1});
  const auto cuda = gpu(true);
  struct Window {
    MatrixWindow window;
    std::int64_t rows, columns;
  };
  for (int again = 0; again < 2; ++again) {
    for (const Window& w :
         {Window{{0, 0, kStride}, 32, 40}, Window{{0, 0, kStride}, 32, 20}, Window{{0, 0, kStride}, 64, 20},
          Window{{16, 20, kStride}, 32, 20}, Window{{0, 0, kStride}, 16, 40}}) {
      EXPECT_EQ(blended(*cuda, inputs, w.window, w.rows, w.columns),
                blended(*cpu, inputs, w.window, w.rows, w.columns))
          << w.rows << " x " << w.columns;
    }
  }
}

/// Seen by a tensor that changes: it is read once while it is kept, again when that is forgotten.
TEST(Ingredients, AreReadOnceUntilForgotten) {
  std::vector<std::uint16_t> numbers = some_numbers(32 * 16);
  const std::vector<BlendInput> inputs = {input_of(numbers)};
  const auto keeping = gpu(true), passing = gpu(false);
  const auto blend = [&](device::Device& cuda) { return blended(cuda, inputs, {0, 0, 16}, 32, 16); };
  const auto before = blend(*keeping);
  EXPECT_EQ(blend(*passing), before);
  numbers[5] = 0x4000;
  EXPECT_EQ(blend(*keeping), before);
  EXPECT_NE(blend(*passing), before);
  keeping->forget_ingredients();
  EXPECT_EQ(blend(*keeping), blend(*passing));
}

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(Ingredients, LeaveWhatIsReserved) {
  const WithDeviceMemory memory(8 * kMiB);
  const std::vector<std::uint16_t> numbers = some_numbers(6 * kMiB / 2);
  const auto keep = [&](device::Device& cuda, std::size_t bytes) {
    return !cuda.keep_ingredient(input_of(numbers), {0, 0, 1024}, static_cast<std::int64_t>(bytes / 2048),
                                 1024)
                .empty();
  };
  const auto cuda = gpu(true, 3 * kMiB);
  EXPECT_FALSE(keep(*cuda, 6 * kMiB));
  EXPECT_TRUE(keep(*cuda, 4 * kMiB));
  EXPECT_TRUE(keep(*cuda, 4 * kMiB)) << "that is there already";
  EXPECT_FALSE(keep(*cuda, 2 * kMiB));
  EXPECT_FALSE(keep(*gpu(false), kMiB));
}

/// Another process may have what seemed to be free: then it is blended without being kept.
TEST(Ingredients, AreNotKeptInMemoryThatIsGone) {
  const WithDeviceMemory memory(device_bytes_in_use() + 128 * kMiB);
  const std::vector<std::uint16_t> numbers = some_numbers(24 * kMiB);
  const std::vector<BlendInput> inputs = {input_of(numbers)};
  const MatrixWindow window{0, 0, 4096};
  const auto cuda = gpu(true);
  const std::size_t before = device_bytes_in_use();
  const cuda_on_host::WithUnseenUse other(64 * kMiB + 32 * kMiB);
  EXPECT_TRUE(cuda->keep_ingredient(inputs[0], window, 6 * 1024, 4096).empty());
  EXPECT_EQ(device_bytes_in_use(), before);
}

/// What is kept for speed only makes room, and the blend after that reads it again.
TEST(Ingredients, MakeRoomForAllocations) {
  const WithDeviceMemory memory(96 * kMiB);
  std::vector<std::uint16_t> numbers = some_numbers(16 * kMiB);  // 32 MiB
  const std::vector<BlendInput> inputs = {input_of(numbers)};
  const auto cuda = gpu(true);
  const std::size_t before = device_bytes_in_use();
  ASSERT_FALSE(cuda->keep_ingredient(inputs[0], {0, 0, 4096}, 4096, 4096).empty());
  EXPECT_EQ(device_bytes_in_use() - before, 32 * kMiB);
  EXPECT_THROW(static_cast<void>(cuda->allocate(97 * kMiB)), EnvironmentError);
  EXPECT_EQ(device_bytes_in_use(), before);
  ASSERT_FALSE(cuda->keep_ingredient(inputs[0], {0, 0, 4096}, 4096, 4096).empty());
  const device::Buffer fits = cuda->allocate(48 * kMiB);
  EXPECT_EQ(device_bytes_in_use() - before, 80 * kMiB) << "it is kept where there is room";
  const device::Buffer more = cuda->allocate(40 * kMiB);
  EXPECT_EQ(device_bytes_in_use() - before, 88 * kMiB);
}

/// Kept ingredients make room for the staging of other blends, too. Where that is not enough nothing is taken
/// for kept that was never read, and nothing for staging that is not there.
TEST(Ingredients, MakeRoomForStaging) {
  constexpr std::int64_t kRows = 2048, kColumns = 4096;  // 16 MiB
  const std::vector<std::uint16_t> numbers = some_numbers(2 * kRows * kColumns);
  const BlendInput first = input_of(numbers), other = input_of(numbers, kRows * kColumns);
  const MatrixWindow window{0, 0, kColumns};
  const auto cpu = device::make_cpu_device({.threads = 1});
  const auto expected = blended(*cpu, {&other, 1}, window, kRows, kColumns);
  const WithDeviceMemory memory(device_bytes_in_use() + 256 * kMiB);
  for (const bool kept : {true, false}) {
    const auto cuda = gpu(true, kept ? 20 * kMiB : 0);
    PackedMatrix matrix = cuda->allocate_matrix(DType::kBFloat16, kRows, kColumns);
    const auto blend = [&](const BlendInput& input) {
      cuda->blend_matrix(matrix, {&input, 1}, window, DType::kBFloat16);
    };
    if (kept) blend(first);  // it needs one half of the staging
    // No room for a half of the staging; beside `first` not even for the tensor.
    const std::size_t used = matrix.data.bytes() + (kept ? 32 + 16 : 0) * kMiB,
                      free = (kept ? 10 : 20) * kMiB;
    device::Buffer elsewhere = cuda->allocate(256 * kMiB - used - free);
    if (kept) {
      EXPECT_NO_THROW(blend(other));
    } else {
      for (int half = 0; half < 2; ++half) EXPECT_THROW(blend(other), OutOfMemory);
    }
    elsewhere = {};
    for (int half = 0; half < 2; ++half) {
      EXPECT_TRUE(blended(*cuda, {&other, 1}, window, kRows, kColumns) == expected);
      cuda->forget_ingredients();
    }
  }
}

}  // namespace
}  // namespace wisk::test
