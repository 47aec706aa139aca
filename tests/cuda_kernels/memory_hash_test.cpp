// XXH3 of device memory against the library's, over every way in which an input can end and be cut.
#include "memory_hash.hpp"

#include <numeric>

#include <wisk/core/hash.hpp>

#include "fixture.hpp"

namespace wisk::test {
namespace {

using device::MemoryPart;
using device::cuda::can_hash_on_device;
using device::cuda::MemoryHash;

constexpr std::size_t kBlock = 1024, kRun = 64 * kBlock;

class CudaMemoryHash : public InThreadOrder {};

/// Inputs of these lengths in one block of memory, each at a multiple of 16.
struct Inputs {
  explicit Inputs(const std::vector<std::size_t>& lengths) : memory(values_for(lengths), 0) {
    const std::byte* next = memory.data();
    for (const std::size_t bytes : lengths) {
      parts.push_back({next, bytes});
      next += rounded(bytes);
    }
  }
  static std::size_t rounded(std::size_t bytes) { return (bytes + 15) / 16 * 16; }
  static std::vector<std::byte> values_for(const std::vector<std::size_t>& lengths) {
    std::size_t total = 0;
    for (const std::size_t bytes : lengths) total += rounded(bytes);
    std::vector<std::byte> bytes(total);
    std::mt19937_64 random(total);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    return bytes;
  }
  Shifted<std::byte> memory;
  std::vector<MemoryPart> parts;
};

void expect_hashes_of_the_library(const std::vector<std::size_t>& lengths, std::int64_t sums) {
  const Inputs inputs(lengths);
  MemoryHash hash(sums);
  const std::vector<std::uint64_t> first = hash.hash(inputs.parts, {}), again = hash.hash(inputs.parts, {});
  ASSERT_EQ(first.size(), lengths.size());
  EXPECT_EQ(again, first) << "nothing is left over";
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    ASSERT_TRUE(can_hash_on_device(inputs.parts[i])) << lengths[i];
    EXPECT_EQ(first[i], xxh3(std::span(inputs.parts[i].data, lengths[i])))
        << "part " << i << " of " << lengths[i] << " bytes, " << sums << " sums a round";
  }
}

TEST_P(CudaMemoryHash, OfEveryLengthAroundAStripeAndABlock) {
  // A block of threads for each input: ThreadSanitizer has no room for many.
  const std::size_t step = kThreadSanitizer ? 136 : 8;
  std::vector<std::size_t> lengths;
  for (std::size_t bytes = 248; bytes <= 2 * kBlock + 136; bytes += step) lengths.push_back(bytes);
  expect_hashes_of_the_library(lengths, 1 << 18);
}

TEST_P(CudaMemoryHash, OfInputsOfManyBlocks) {
  const std::vector<std::size_t> lengths = {kRun, kRun + 8,         kRun - 8,        3 * kRun + 5 * kBlock,
                                            248,  17 * kBlock + 64, 16 * kBlock + 8, 33 * kBlock};
  expect_hashes_of_the_library(lengths, 1 << 18);
}

TEST_P(CudaMemoryHash, WhateverOfThemIsInARound) {
  const std::vector<std::size_t> lengths = {5 * kBlock + 8,  248,  2 * kBlock,
                                            9 * kBlock + 72, 1024, 70 * kBlock};
  for (const std::int64_t sums : {1, 2, 3, 4, 13, 65, 84, 85}) expect_hashes_of_the_library(lengths, sums);
}

TEST_P(CudaMemoryHash, OfNothing) {
  EXPECT_TRUE(MemoryHash().hash({}, {}).empty());
}

INSTANTIATE_TEST_SUITE_P(Orders, CudaMemoryHash, ::testing::ValuesIn(thread_orders()), name_of_order);

TEST(CudaMemoryHashPlan, ShortAndOddInputsAreTheHosts) {
  alignas(16) static const std::byte memory[512] = {};
  EXPECT_TRUE(can_hash_on_device({memory, 248}));
  EXPECT_FALSE(can_hash_on_device({memory, 240}));
  EXPECT_FALSE(can_hash_on_device({memory, 252}));
  EXPECT_FALSE(can_hash_on_device({memory + 8, 248}));
  EXPECT_FALSE(can_hash_on_device({nullptr, 0}));
}

TEST(CudaMemoryHashPlan, NoRoundHasMoreSumsThanThereIsRoomFor) {
  const std::vector<MemoryPart> parts = {{nullptr, 10 * kBlock + 8}, {nullptr, 248}, {nullptr, 4 * kBlock}};
  const auto plan = device::cuda::plan_hashes(parts, 4);
  ASSERT_EQ(plan.rounds.size(), 4u);
  EXPECT_EQ(plan.most_sums, 4);
  std::int64_t blocks = 0;
  for (const auto& run : plan.runs) {
    EXPECT_LE(run.first_sum + run.blocks, 4u);
    blocks += run.blocks;
  }
  EXPECT_EQ(blocks, 10 + 0 + 3);
}

}  // namespace
}  // namespace wisk::test
