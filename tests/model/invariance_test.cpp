// The hardest clause first: a sequence's logits are the same bits whatever the chunk sizes it was computed
// in, the other rows of the step, the threads, the kernels, and the number of ranks that hold the model.
#include <gtest/gtest.h>

#include <cstring>

#include <wisk/comm/mpi.hpp>
#include <wisk/core/error.hpp>

#include "model/model_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk {
namespace {

using device::Compute;

std::vector<std::int32_t> sequence(int length, int vocabulary) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < length; ++i) ids.push_back((i * 37 + i * i * 11 + 5) % vocabulary);
  return ids;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

class Invariance : public ::testing::TestWithParam<std::tuple<const char*, Compute>> {
 protected:
  [[nodiscard]] std::filesystem::path folder() const {
    return test::source_folder() / "tests/golden/models" / std::get<0>(GetParam());
  }
  [[nodiscard]] Compute compute() const { return std::get<1>(GetParam()); }
};

TEST_P(Invariance, ChunksThreadsAndKernels) {
  const auto self = comm::make_self_communicator();
  test::LoadedModel reference(folder(), {.compute = compute()}, *self);
  const auto ids = sequence(75, static_cast<int>(reference.architecture.vocabulary));
  const std::vector<float> expected = reference.logits(ids, ids.size());
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{32}, std::size_t{50}}) {
    EXPECT_TRUE(same_bits(reference.logits(ids, chunk), expected)) << "chunks of " << chunk;
  }
  test::LoadedModel threads(folder(), {.compute = compute(), .threads = 3}, *self);
  EXPECT_TRUE(same_bits(threads.logits(ids, 19), expected)) << "three threads";
  for (const char* kernels :
       {"portable", "portable-wide", "portable-pairs", "avx2", "avx512", "avx512-bf16"}) {
    try {
      test::LoadedModel other(folder(), {.compute = compute(), .threads = 2, .kernels = kernels}, *self);
      EXPECT_TRUE(same_bits(other.logits(ids, ids.size()), expected)) << kernels;
      EXPECT_EQ(other.weights.hash(), reference.weights.hash()) << kernels;
    } catch (const EnvironmentError&) {
      EXPECT_EQ(std::string(kernels).rfind("avx", 0), 0u) << "not on this processor";
    }
  }
}

TEST_P(Invariance, OtherSequencesInTheStep) {
  const auto self = comm::make_self_communicator();
  test::LoadedModel model(folder(), {.compute = compute()}, *self);
  const auto vocabulary = static_cast<std::size_t>(model.architecture.vocabulary);
  const auto ids = sequence(40, static_cast<int>(vocabulary));
  const std::vector<float> expected = model.logits(ids, ids.size());
  // The same sequence in pages 4 and 5, its tokens interleaved with those of another one in pages 9 and 2.
  std::vector<std::int32_t> tokens, positions, page_rows, rows;
  const std::vector<std::int32_t> pages = {4, 5, 9, 2};
  for (std::int32_t i = 0; i < 40; ++i) {
    tokens.insert(tokens.end(),
                  {(i * 13 + 1) % static_cast<std::int32_t>(vocabulary), ids[static_cast<std::size_t>(i)]});
    positions.insert(positions.end(), {i, i});
    page_rows.insert(page_rows.end(), {2, 0});
    rows.push_back(2 * i + 1);
  }
  const auto logits = model.transformer.forward({tokens, positions, page_rows, pages}, model.cache, rows);
  EXPECT_TRUE(same_bits(test::values_of(logits, 40), expected));
}

// Under mpiexec: the ranks that divide S hold the model together, and give what one rank gives.
TEST_P(Invariance, TensorParallel) {
  const auto world = comm::make_world_communicator();
  const auto self = comm::make_self_communicator();
  test::LoadedModel alone(folder(), {.compute = compute()}, *self);
  int ranks = world->size();
  while (alone.architecture.slices() % ranks != 0) ranks /= 2;
  const auto replica = world->split(world->rank() / ranks, world->rank());
  if (replica->size() == 1 || replica->size() != ranks) GTEST_SKIP() << "one rank, or no room for a replica";
  test::LoadedModel together(folder(), {.compute = compute()}, *replica);
  const auto ids = sequence(45, static_cast<int>(alone.architecture.vocabulary));
  EXPECT_TRUE(same_bits(together.logits(ids, 16), alone.logits(ids, ids.size())));
  std::uint64_t hash[] = {together.weights.hash()};
  replica->all_reduce_sum(std::span<std::uint64_t>(hash));
  EXPECT_EQ(hash[0], alone.weights.hash());
}

INSTANTIATE_TEST_SUITE_P(AllArchitectures, Invariance,
                         ::testing::Combine(::testing::Values("llama", "llama-rope-linear",
                                                              "llama-rope-dynamic", "mistral", "qwen2",
                                                              "qwen3", "gemma2", "gemma3"),
                                            ::testing::Values(Compute::kFloat32, Compute::kBFloat16)),
                         [](const auto& parameter) {
                           std::string name = std::get<0>(parameter.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name +
                                  (std::get<1>(parameter.param) == Compute::kFloat32 ? "_f32" : "_bf16");
                         });

}  // namespace
}  // namespace wisk
