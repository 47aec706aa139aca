#include <wisk/core/dtype.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <wisk/core/error.hpp>

namespace wisk {
namespace {

TEST(DType, EveryBf16SurvivesTheWayThroughFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto b = static_cast<std::uint16_t>(bits);
    const float value = bf16_to_float(b);
    const std::uint16_t back = float_to_bf16(value);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(bf16_to_float(back)));
    } else {
      EXPECT_EQ(back, b);
    }
  }
}

TEST(DType, Bf16RoundsToNearestEven) {
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // half way: to the even one below
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);  // half way: to the even one above
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::max()), 0x7f80);  // rounds up to infinity
}

TEST(DType, EveryF16SurvivesTheWayThroughFloat) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto h = static_cast<std::uint16_t>(bits);
    const float value = f16_to_float(h);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f16_to_float(float_to_f16(value))));
    } else {
      EXPECT_EQ(float_to_f16(value), h) << bits;
    }
  }
}

TEST(DType, F16RoundsHalfWayCasesToEven) {
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {  // every pair of positive neighbours
    const double low = f16_to_float(static_cast<std::uint16_t>(bits));
    const double high = f16_to_float(static_cast<std::uint16_t>(bits + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    const auto even = static_cast<std::uint16_t>(bits % 2 == 0 ? bits : bits + 1);
    EXPECT_EQ(float_to_f16(middle), even) << bits;
    EXPECT_EQ(float_to_f16(std::nextafter(middle, 0.0f)), bits);
    EXPECT_EQ(float_to_f16(std::nextafter(middle, 1e9f)), bits + 1);
  }
  EXPECT_EQ(float_to_f16(65519.0f), 0x7bff);
  EXPECT_EQ(float_to_f16(65520.0f), 0x7c00);
}

TEST(DType, NamesAreThoseOfConfigFiles) {
  for (const DType type : {DType::kBFloat16, DType::kFloat16, DType::kFloat32}) {
    EXPECT_EQ(parse_dtype(name_of(type), "here"), type);
  }
  EXPECT_THROW(parse_dtype("int8", "model.dtype"), InputError);
}

}  // namespace
}  // namespace wisk
