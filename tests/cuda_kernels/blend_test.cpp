#include <wisk/device/blend.hpp>

#include "fixture.hpp"
#include "kernels.hpp"
#include "varied_bits.hpp"

namespace wisk::test {
namespace {

using device::BlendInput;

constexpr DType kTypes[] = {DType::kBFloat16, DType::kFloat16, DType::kFloat32};

/// `terms` inputs of `count` elements, of `type` and the other types in turn, each shifted in its own way if
/// `shift`; into `out_type`, shifted too.
void expect_blend(DType type, DType out_type, int terms, std::size_t count, std::size_t shift, double scale) {
  SCOPED_TRACE(std::string(name_of(type)) + " to " + std::string(name_of(out_type)) + ", " +
               std::to_string(terms) + " terms of " + std::to_string(count) + ", shift " +
               std::to_string(shift));
  std::vector<Bytes> data;
  std::vector<BlendInput> inputs;
  for (int j = 0; j < terms; ++j) {
    const DType own = kTypes[(static_cast<int>(type) + j) % 3];
    data.push_back(
        random_bits(own, count, shift * static_cast<std::size_t>(j + 1) % 8, static_cast<std::uint32_t>(j)));
    inputs.push_back({data.back().data(), own, scale * (1 + j)});
  }
  const Bytes out(count * size_of(out_type), shift * size_of(out_type));
  std::vector<std::byte> expected(count * size_of(out_type));
  device::cuda::blend(inputs, count, out_type, out.data(), {});
  device::blend_reference(inputs, count, out_type, expected.data());
  EXPECT_EQ(out.values(), expected);
}

class CudaBlend : public InThreadOrder {};

TEST_P(CudaBlend, GivesTheReferencesBits) {
  for (const DType type : kTypes) {
    for (const DType out_type : kTypes) {
      for (const int terms : {1, 2, 5}) expect_blend(type, out_type, terms, 2051, 0, -1.7);
      expect_blend(type, out_type, 2, 2051, 3, 0.3);
      expect_blend(type, out_type, 3, 515, 0, 3e38);
      expect_blend(type, out_type, 3, 515, 0, 1e-6);
    }
  }
}

TEST_P(CudaBlend, HeadsAndTailsOfEveryLength) {
  for (const DType type : kTypes) {
    for (std::size_t count = 0; count < 19; ++count) {
      for (const std::size_t shift : {0, 1, 3, 7}) expect_blend(type, type, 2, count, shift, 0.7);
    }
  }
}

TEST_P(CudaBlend, AsManyInputsAsAllowed) {
  expect_blend(DType::kBFloat16, DType::kBFloat16, static_cast<int>(device::cuda::kMostBlendInputs), 33, 1,
               0.01);
}

TEST_P(CudaBlend, OneInputOfWeightOneIsCopiedBitForBit) {
  for (const DType type : kTypes) {
    const Bytes data = random_bits(type, 70000, 1, 3);
    const std::vector<BlendInput> inputs = {{data.data(), type, 1.0}};
    const Bytes out(70000 * size_of(type), size_of(type));
    device::cuda::blend(inputs, 70000, type, out.data(), {});
    EXPECT_EQ(out.values(), data.values());
  }
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaBlend, ::testing::ValuesIn(thread_orders()), name_of_order);

TEST(CudaBlendDeath, MisalignedElementsAreRefused) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const Bytes data(64);
  const std::vector<BlendInput> inputs = {{data.data() + 1, DType::kBFloat16, 0.5}};
  EXPECT_DEATH(device::cuda::blend(inputs, 4, DType::kFloat32, data.data() + 32, {}), "aligned_to");
}

}  // namespace
}  // namespace wisk::test
