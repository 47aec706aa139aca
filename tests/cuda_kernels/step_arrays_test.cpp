// The arrays of a step as they arrive in device memory, and how often a step's operators are called.
#include "step_arrays.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <wisk/core/error.hpp>

#include "first_gpu.hpp"
#include "fixture.hpp"
#include "graph_cache.hpp"
#include "host_device.hpp"

namespace wisk::test {
namespace {

using device::RowDraw;
using device::StepSize;
using device::StepTokens;
using device::cuda::padded_size;

TEST(PaddedSize, FewSizesThatAreLittleMore) {
  std::set<std::int64_t> sizes;
  std::int64_t before = 0;
  for (std::int64_t count = 1; count <= 1024; ++count) {
    const std::int64_t padded = padded_size(count);
    EXPECT_GE(padded, std::max(count, before)) << count;
    EXPECT_LT(padded - count, count <= 64 ? 8 : (count <= 256 ? 16 : 64)) << count;
    EXPECT_EQ(padded_size(padded), padded) << count;
    before = padded;
    if (count <= 256) sizes.insert(padded);
  }
  EXPECT_EQ(padded_size(1), 1);
  EXPECT_EQ(padded_size(3), 4);
  EXPECT_LE(sizes.size(), 23u);
}

/// A step of `tokens` tokens that all want a row, with other numbers in every array.
struct Arrays {
  explicit Arrays(std::int32_t tokens, std::int32_t page_count)
      : ids(static_cast<std::size_t>(tokens)),
        positions(ids.size()),
        page_rows(ids.size()),
        rows(ids.size()),
        targets(ids.size()),
        pages(static_cast<std::size_t>(page_count)) {
    std::iota(ids.begin(), ids.end(), 1000);
    std::iota(positions.begin(), positions.end(), 2000);
    std::iota(page_rows.begin(), page_rows.end(), 3000);
    std::iota(rows.begin(), rows.end(), 1);
    std::iota(targets.begin(), targets.end(), 4000);
    std::iota(pages.begin(), pages.end(), 5000);
    for (std::uint32_t i = 0; i < ids.size(); ++i) draws.push_back({7 + i, i, 9 + i, 1, 0});
  }
  std::vector<std::int32_t> ids, positions, page_rows, rows, targets, pages;
  std::vector<RowDraw> draws;
};

template <class T>
std::vector<T> from_device(const T* data, std::size_t count, device::cuda::Stream stream) {
  std::vector<T> values(count);
  device::cuda::copy_to_host(values.data(), reinterpret_cast<const std::byte*>(data), count * sizeof(T),
                             stream);
  device::cuda::synchronize(stream);
  return values;
}

std::vector<std::int32_t> padded(std::vector<std::int32_t> values, std::int64_t size, std::int32_t padding) {
  values.resize(static_cast<std::size_t>(size), padding);
  return values;
}

/// Larger and smaller ones in turn: padding covers what was there before.
TEST(StepArrays, ArePaddedAndMoveOnlyToGrow) {
  const device::cuda::StreamOwner stream;
  device::cuda::StepArrays arrays;
  struct Size {
    std::int32_t tokens, pages;
    std::int64_t padded;
    int moved;
  };
  for (const Size& size :
       {Size{9, 3, 16, 1}, Size{5, 2, 8, 1}, Size{64, 64, 64, 1}, Size{5, 65, 8, 2}, Size{60, 128, 64, 2},
        Size{65, 3, 80, 3}, Size{3, 300, 4, 4}, Size{66, 7, 80, 4}}) {
    SCOPED_TRACE(std::to_string(size.tokens) + " tokens, " + std::to_string(size.pages) + " pages");
    const Arrays a(size.tokens, size.pages);
    arrays.upload({a.ids, a.positions, a.page_rows, a.pages}, a.rows, a.draws, a.targets,
                  {size.padded, size.padded}, stream.get());
    EXPECT_EQ(arrays.moved(), size.moved);
    const device::cuda::Step step = arrays.tokens(size.padded);
    EXPECT_EQ(step.tokens, size.padded);
    const auto read = [&](const std::int32_t* data, std::int64_t count) {
      return from_device(data, static_cast<std::size_t>(count), stream.get());
    };
    EXPECT_EQ(read(step.ids, size.padded), padded(a.ids, size.padded, -1));
    EXPECT_EQ(read(step.positions, size.padded), padded(a.positions, size.padded, -1));
    EXPECT_EQ(read(step.page_rows, size.padded), padded(a.page_rows, size.padded, 0));
    EXPECT_EQ(read(arrays.rows(), size.padded), padded(a.rows, size.padded, 0));
    EXPECT_EQ(read(arrays.targets(), size.padded), padded(a.targets, size.padded, -1));
    EXPECT_EQ(read(step.pages, size.pages), a.pages);
    const auto draws = from_device(arrays.draws(), static_cast<std::size_t>(size.padded), stream.get());
    for (std::size_t i = 0; i < draws.size(); ++i) {
      const RowDraw expected = i < a.draws.size() ? a.draws[i] : RowDraw{};
      EXPECT_EQ(draws[i].problem_key, expected.problem_key) << i;
      EXPECT_EQ(draws[i].sample, expected.sample) << i;
      EXPECT_EQ(draws[i].position, expected.position) << i;
      EXPECT_EQ(draws[i].active, expected.active) << i;
    }
  }
}

TEST(GraphCache, CallsTheOperatorsTwiceForASizeUntilItForgets) {
  const device::cuda::StreamOwner stream;
  device::cuda::DeviceArray array(sizeof(int));
  device::cuda::GraphCache graphs;
  int calls = 0;
  const int one = 1;
  const auto operators = [&] {
    ++calls;
    device::cuda::copy_to_device(array.data(), &one, sizeof(one), stream.get());
  };
  const auto run = [&](StepSize size) {
    const int zero = 0;
    device::cuda::copy_to_device(array.data(), &zero, sizeof(zero), stream.get());
    graphs.run(size, stream.get(), operators);
    EXPECT_EQ(from_device(array.as<int>(), 1, stream.get()), std::vector<int>{1}) << "nothing was done";
    return calls;
  };
  EXPECT_EQ(run({8, 8}), 1);
  EXPECT_EQ(run({8, 8}), 2);
  EXPECT_EQ(run({8, 8}), 2);
  EXPECT_EQ(run({8, 4}), 3) << "another size";
  EXPECT_EQ(run({4, 4}), 4) << "another size";
  EXPECT_EQ(run({8, 8}), 4);
  graphs.forget();
  EXPECT_EQ(run({8, 8}), 5);
  EXPECT_EQ(run({8, 8}), 6);
  EXPECT_EQ(run({8, 8}), 6);
}

/// Operators that allocate move memory: what they were given stays from then on.
TEST(GraphCache, RecordsTheSecondStepWhereTheFirstMadeItForget) {
  const device::cuda::StreamOwner stream;
  device::cuda::GraphCache graphs;
  int calls = 0;
  for (int i = 0; i < 4; ++i) {
    graphs.run({8, 8}, stream.get(), [&] {
      if (++calls == 1) graphs.forget();
    });
  }
  EXPECT_EQ(calls, 2);
}

/// An exchange that fails makes the device forget, in the middle of a recording.
TEST(GraphCache, ForgetsWhileItRecords) {
  const device::cuda::StreamOwner stream;
  device::cuda::GraphCache graphs;
  int calls = 0;
  const auto run = [&](bool fails) {
    graphs.run({8, 8}, stream.get(), [&] {
      ++calls;
      if (!fails) return;
      graphs.forget();
      throw EnvironmentError("a rank has stopped");
    });
  };
  run(false);
  EXPECT_THROW(run(true), EnvironmentError);
  for (int i = 0; i < 3; ++i) run(false);
  EXPECT_EQ(calls, 2 + 2) << "as from the beginning";
}

std::unique_ptr<device::Device> gpu(bool graphs) {
  device::cuda::CudaOptions options = first_gpu();
  options.graphs = graphs;
  return device::cuda::make_cuda_device(options);
}

/// How often a step's operators are called in four repetitions of it.
int calls_in_four_steps(bool graphs, std::int32_t tokens, std::int32_t rows, bool scoring = false) {
  const auto cuda = gpu(graphs);
  device::Choosing greedy;
  greedy.temperature = 0;
  const Arrays a(tokens, 3);
  std::vector<std::int32_t> wanted(static_cast<std::size_t>(rows));
  std::iota(wanted.begin(), wanted.end(), 0);
  const device::StepChoice scores{greedy, {}, a.targets};
  int calls = 0;
  for (int i = 0; i < 4; ++i) {
    const StepSize size =
        cuda->begin_step({a.ids, a.positions, a.page_rows, a.pages}, wanted, scoring ? &scores : nullptr);
    cuda->repeat(size, [&] { ++calls; });
    cuda->wait();
  }
  return calls;
}

TEST(DeviceSteps, AreForgottenWhenAsked) {
  const auto cuda = gpu(true);
  const Arrays a(3, 3);
  const std::vector<std::int32_t> wanted = {0, 1, 2};
  int calls = 0;
  const auto step = [&] {
    cuda->repeat(cuda->begin_step({a.ids, a.positions, a.page_rows, a.pages}, wanted, nullptr),
                 [&] { ++calls; });
    cuda->wait();
  };
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(calls, 2);
  cuda->forget_recorded();
  for (int i = 0; i < 3; ++i) step();
  EXPECT_EQ(calls, 4);
}

/// Others come once, so that recording them would be in vain.
TEST(DeviceSteps, OnlyStepsOfOneTokenOfEachSequenceAreRecorded) {
  EXPECT_EQ(calls_in_four_steps(true, 3, 3), 2) << "the first time, and to be recorded";
  EXPECT_EQ(calls_in_four_steps(true, 3, 2), 4) << "a token of a prompt";
  EXPECT_EQ(calls_in_four_steps(true, 3, 0), 4) << "tokens of prompts only";
  EXPECT_EQ(calls_in_four_steps(true, 0, 0), 4);
  EXPECT_EQ(calls_in_four_steps(true, 3, 3, true), 4) << "tokens that are scored: a prompt's";
  EXPECT_EQ(calls_in_four_steps(false, 3, 3), 4);
}

/// Seen by looking at the device's memory, which only an emulator allows.
TEST(DeviceSteps, AreOverWhenTheyHaveBeenWaitedFor) {
  if (!kEmulator) GTEST_SKIP();
  const auto cuda = gpu(true);
  const device::Buffer x = cuda->allocate(sizeof(float));
  const float one = 1;
  cuda->upload(x.data(), std::as_bytes(std::span(&one, 1)));
  cuda->softcap(x.as<float>(), 1, 0.5f);
  cuda->wait();
  const cuda_on_host::DeviceMemoryOpen open;
  EXPECT_LT(*x.as<float>(), 0.5f);
}

/// Steps whose tokens the device chooses, of a small head.
class ChoosingSteps : public ::testing::Test {
 protected:
  static constexpr std::int32_t kVocabulary = 100, kWidth = 16, kMostRows = 32;

  ChoosingSteps() {
    head_.a = device::Operands(inputs_.as<float>());
    head_.lda = kWidth;
    head_.w = &weights_;
    head_.ldo = 112;
  }

  /// How often the operators of a step were called so far. `fails`: those of this one end by an error between
  /// the two parts of the choice.
  int run(std::int32_t rows, bool fails = false) {
    Arrays a(rows, 3);
    const device::StepChoice choice{{}, a.draws};
    const StepSize size = cuda_->begin_step({a.ids, a.positions, a.page_rows, a.pages}, a.rows, &choice);
    const device::VocabularyParts parts{kVocabulary, 1, {0, kVocabulary}};
    cuda_->repeat(size, [&] {
      ++calls_;
      cuda_->choose_in_parts(head_, size.rows, parts, of_parts_.as<device::PartChoice>());
      if (fails) throw EnvironmentError("planned");
      cuda_->choose_in_rows(of_parts_.as<device::PartChoice>(), 1, size.rows,
                            chosen_.as<device::RowChoice>());
    });
    cuda_->wait();
    return calls_;
  }

 private:
  std::unique_ptr<device::Device> cuda_ = gpu(true);
  device::PackedMatrix weights_ = cuda_->allocate_matrix(DType::kFloat32, kVocabulary, kWidth);
  device::Buffer inputs_ = cuda_->allocate(kMostRows * kWidth * sizeof(float));
  device::Buffer of_parts_ = cuda_->allocate(kMostRows * sizeof(device::PartChoice));
  device::Buffer chosen_ = cuda_->allocate(kMostRows * sizeof(device::RowChoice));
  device::Linear head_{};
  int calls_ = 0;
};

/// What the device itself needs for choosing grows with the rows: steps that were recorded with less go.
TEST_F(ChoosingSteps, AreRecordedAnewWhereMemoryHasGrown) {
  EXPECT_EQ(run(2), 1);
  EXPECT_EQ(run(2), 2);
  EXPECT_EQ(run(2), 2);
  EXPECT_EQ(run(kMostRows), 3);
  EXPECT_EQ(run(2), 4);
}

/// What that one knew of reachable scores is in memory that is given back: nothing recorded may look there.
TEST_F(ChoosingSteps, AreRecordedAnewAfterOneThatFailed) {
  EXPECT_EQ(run(kMostRows), 1);
  EXPECT_EQ(run(2), 2);
  EXPECT_EQ(run(2), 3);
  EXPECT_EQ(run(2), 3);
  EXPECT_THROW(run(4, true), EnvironmentError);
  EXPECT_EQ(run(2), 5);
}

}  // namespace
}  // namespace wisk::test
