#include <wisk/device/blend.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <wisk/core/philox.hpp>

namespace wisk::device {
namespace {

constexpr DType kTypes[] = {DType::kBFloat16, DType::kFloat16, DType::kFloat32};

std::uint32_t bits_at(const std::vector<std::byte>& data, DType type, std::size_t i) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, data.data() + i * size_of(type), size_of(type));
  return bits;
}

float value_at(const std::vector<std::byte>& data, DType type, std::size_t i) {
  const std::uint32_t bits = bits_at(data, type, i);
  if (type == DType::kBFloat16) return bf16_to_float(static_cast<std::uint16_t>(bits));
  if (type == DType::kFloat16) return f16_to_float(static_cast<std::uint16_t>(bits));
  return std::bit_cast<float>(bits);
}

/// Bytes that mean `values`, which must be representable in `type`.
std::vector<std::byte> tensor_of(DType type, const std::vector<float>& values) {
  std::vector<std::byte> data(values.size() * size_of(type));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]);
    if (type == DType::kBFloat16) bits = float_to_bf16(values[i]);
    if (type == DType::kFloat16) bits = float_to_f16(values[i]);
    std::memcpy(data.data() + i * size_of(type), &bits, size_of(type));
  }
  return data;
}

/// Uniformly random bit patterns: every exponent, denormals, infinities and NaNs among them.
std::vector<std::byte> random_bits(DType type, std::size_t count, std::uint32_t seed) {
  std::vector<std::byte> data(count * size_of(type));
  for (std::size_t i = 0; i < data.size(); i += 2) {
    const std::uint32_t word = philox4x32({static_cast<std::uint32_t>(i), seed, 0, 0}, {7, 11})[0];
    std::memcpy(data.data() + i, &word, 2);
  }
  return data;
}

class BlendOfTypes : public ::testing::TestWithParam<std::tuple<DType, DType, int>> {};

TEST_P(BlendOfTypes, FastPathEqualsScalarReferenceOnRandomBits) {
  const auto [in_type, out_type, terms] = GetParam();
  const std::size_t count = 5003;  // odd, and more than two blocks
  std::vector<std::vector<std::byte>> data;
  for (int j = 0; j < terms; ++j) {
    // Every second input has the other 16-bit type, so that mixed recipes are covered.
    const DType type = j % 2 == 1 ? DType::kBFloat16 : in_type;
    data.push_back(random_bits(type, count, static_cast<std::uint32_t>(j)));
  }
  for (const double scale : {0.3, 1.0, -1.7, 1e-6, 3e38}) {
    std::vector<BlendInput> inputs;
    for (int j = 0; j < terms; ++j) {
      const DType type = j % 2 == 1 ? DType::kBFloat16 : in_type;
      inputs.push_back({data[static_cast<std::size_t>(j)].data(), type, scale * (1 + j)});
    }
    std::vector<std::byte> fast(count * size_of(out_type)), plain(fast.size());
    blend(inputs, count, out_type, fast.data());
    blend_reference(inputs, count, out_type, plain.data());
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(bits_at(fast, out_type, i), bits_at(plain, out_type, i))
          << "element " << i << ", scale " << scale;
    }
  }
}

/// Sums of small integers with coefficients that are small multiples of 1/4: exact in f32, so the only
/// rounding is the last one, which is checked against exact arithmetic in double.
TEST_P(BlendOfTypes, IsTheExactSumRoundedOnce) {
  const auto [in_type, out_type, terms] = GetParam();
  const std::size_t count = 4099;
  std::mt19937 random(5);
  std::vector<std::vector<std::byte>> data;
  std::vector<BlendInput> inputs;
  std::vector<double> exact(count);
  for (int j = 0; j < terms; ++j) {
    std::vector<float> values(count);
    const double coefficient = 0.25 * (j % 3 == 2 ? -3 : j + 1);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = static_cast<float>(static_cast<int>(random() % 511) - 255);
      if (in_type != DType::kFloat16) values[i] *= 16;
      if (in_type == DType::kBFloat16) values[i] = round_to_bf16(values[i]);
      exact[i] += coefficient * static_cast<double>(values[i]);
    }
    data.push_back(tensor_of(in_type, values));
    inputs.push_back({data.back().data(), in_type, coefficient});
  }
  std::vector<std::byte> out(count * size_of(out_type));
  blend(inputs, count, out_type, out.data());
  const int digits = out_type == DType::kBFloat16 ? 8 : out_type == DType::kFloat16 ? 11 : 24;
  for (std::size_t i = 0; i < count; ++i) {
    int exponent = 0;
    const double fraction = std::frexp(exact[i], &exponent);
    const double expected = std::ldexp(std::nearbyint(std::ldexp(fraction, digits)), exponent - digits);
    ASSERT_EQ(static_cast<double>(value_at(out, out_type, i)), expected)
        << "element " << i << ", exactly " << exact[i];
  }
}

TEST_P(BlendOfTypes, OddCountsAndAlignmentsTouchNothingElse) {
  const auto [in_type, out_type, terms] = GetParam();
  for (const std::size_t count : {1, 2, 3, 7, 8, 9, 31, 2047, 2048, 2049}) {
    for (const std::size_t offset : {1, 3}) {
      std::vector<std::vector<std::byte>> data;
      std::vector<BlendInput> inputs;
      for (int j = 0; j < terms; ++j) {
        data.push_back(std::vector<std::byte>(offset));
        const auto bits = random_bits(in_type, count, static_cast<std::uint32_t>(100 + j));
        data.back().insert(data.back().end(), bits.begin(), bits.end());
        inputs.push_back({data.back().data() + offset, in_type, 0.7});
      }
      const std::size_t size = count * size_of(out_type);
      std::vector<std::byte> out(offset + size + 3, std::byte{0x5a}), plain(size);
      blend(inputs, count, out_type, out.data() + offset);
      blend_reference(inputs, count, out_type, plain.data());
      EXPECT_EQ(std::memcmp(out.data() + offset, plain.data(), size), 0) << count;
      for (std::size_t i = 0; i < offset; ++i) EXPECT_EQ(out[i], std::byte{0x5a});
      for (std::size_t i = offset + size; i < out.size(); ++i) EXPECT_EQ(out[i], std::byte{0x5a});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllPairs, BlendOfTypes,
                         ::testing::Combine(::testing::ValuesIn(kTypes), ::testing::ValuesIn(kTypes),
                                            ::testing::Values(1, 2, 3, 5)),
                         [](const auto& test) {
                           return std::string(name_of(std::get<0>(test.param))) + "_to_" +
                                  std::string(name_of(std::get<1>(test.param))) + "_of_" +
                                  std::to_string(std::get<2>(test.param));
                         });

TEST(Blend, OneInputOfWeightOneIsCopiedBitForBit) {
  for (const DType type : kTypes) {
    auto data = random_bits(type, 70000, 3);
    const std::uint32_t minus_zero = type == DType::kFloat32 ? 0x80000000u : 0x8000u;
    const std::uint32_t signaling = type == DType::kFloat32   ? 0xff800123u
                                    : type == DType::kFloat16 ? 0xfc23u
                                                              : 0xffa3u;
    std::memcpy(data.data(), &minus_zero, size_of(type));
    std::memcpy(data.data() + size_of(type), &signaling, size_of(type));
    std::vector<std::byte> out(data.size());
    blend(std::vector<BlendInput>{{data.data(), type, 1.0}}, 70000, type, out.data());
    EXPECT_EQ(out, data);
  }
}

TEST(Blend, EveryHalfWidensAndNarrowsAsTheScalarConversionsDo) {
  std::vector<std::byte> halves(65536 * 2);
  for (std::uint32_t bits = 0; bits < 65536; ++bits) std::memcpy(halves.data() + 2 * bits, &bits, 2);
  std::vector<std::byte> wide(65536 * 4), back(65536 * 2);
  blend(std::vector<BlendInput>{{halves.data(), DType::kFloat16, 1.0}}, 65536, DType::kFloat32, wide.data());
  blend(std::vector<BlendInput>{{wide.data(), DType::kFloat32, 1.0}}, 65536, DType::kFloat16, back.data());
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float expected = f16_to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(expected)) {
      ASSERT_EQ(bits_at(wide, DType::kFloat32, bits), 0x7fc00000u);
      ASSERT_EQ(bits_at(back, DType::kFloat16, bits), 0x7e00u);
    } else {
      ASSERT_EQ(bits_at(wide, DType::kFloat32, bits), std::bit_cast<std::uint32_t>(expected));
      ASSERT_EQ(bits_at(back, DType::kFloat16, bits), bits);
    }
  }
}

/// The multiply-add rounds once: 1/3 of a product's low bits would be lost by two roundings.
TEST(Blend, LaterTermsAreFused) {
  const float a = 1.0f + 0x1p-12f;  // a * a = 1 + 2^-11 + 2^-24 needs 25 bits
  const auto first = tensor_of(DType::kFloat32, std::vector<float>(9, -1.0f));
  const auto second = tensor_of(DType::kFloat32, std::vector<float>(9, a));
  std::vector<std::byte> out(9 * 4);
  blend(std::vector<BlendInput>{{first.data(), DType::kFloat32, 1.0}, {second.data(), DType::kFloat32, a}}, 9,
        DType::kFloat32, out.data());
  for (std::size_t i = 0; i < 9; ++i) EXPECT_EQ(value_at(out, DType::kFloat32, i), 0x1p-11f + 0x1p-24f);
}

TEST(Blend, SumsInTheOrderOfItsInputs) {
  const auto large = tensor_of(DType::kFloat32, {0x1p24f});
  const auto one = tensor_of(DType::kFloat32, {1.0f});
  std::vector<std::byte> out(4);
  const BlendInput plus{large.data(), DType::kFloat32, 1.0}, minus{large.data(), DType::kFloat32, -1.0},
      small{one.data(), DType::kFloat32, 1.0};
  blend(std::vector<BlendInput>{plus, small, minus}, 1, DType::kFloat32, out.data());
  EXPECT_EQ(value_at(out, DType::kFloat32, 0), 0.0f);
  blend(std::vector<BlendInput>{plus, minus, small}, 1, DType::kFloat32, out.data());
  EXPECT_EQ(value_at(out, DType::kFloat32, 0), 1.0f);
}

#if defined(__x86_64__)
TEST(Blend, KeepsDenormalsEvenWhereTheThreadFlushesThem) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const auto data = tensor_of(DType::kFloat32, std::vector<float>(17, 6 * tiny));
  const auto half = std::vector<std::byte>(17 * 2, std::byte{0x01});
  std::vector<std::byte> out(17 * 4), wide(17 * 4);
  const unsigned int saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040u);  // flush to zero, denormals are zero
  blend(std::vector<BlendInput>{{data.data(), DType::kFloat32, 0.5}}, 17, DType::kFloat32, out.data());
  blend(std::vector<BlendInput>{{half.data(), DType::kFloat16, 1.0}}, 17, DType::kFloat32, wide.data());
  const unsigned int after = _mm_getcsr();
  _mm_setcsr(saved);
  EXPECT_EQ(after & 0x8040u, 0x8040u) << "the thread's mode is its own";
  for (std::size_t i = 0; i < 17; ++i) EXPECT_EQ(bits_at(out, DType::kFloat32, i), 3u);
  for (std::size_t i = 0; i < 17; ++i) EXPECT_EQ(value_at(wide, DType::kFloat32, i), 0x101 * 0x1p-24f);
}
#endif

}  // namespace
}  // namespace wisk::device
