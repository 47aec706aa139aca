// Norms, gates, rotations and sums: each against its formula within a bound that follows from its rounding,
// and the same bits from all kernels.
#include <limits>

#include "cpu/elementwise.hpp"
#include "cpu/lanes.hpp"
#include "device/device_fixture.hpp"

namespace wisk::device {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// |found - exact| in units of the last place of exact.
double ulps(float found, long double exact) {
  int exponent = 0;
  std::frexp(exact, &exponent);
  return static_cast<double>(std::abs(static_cast<long double>(found) - exact) /
                             std::ldexp(1.0L, std::max(exponent, -125) - 24));
}

float lane(PortableLanes::Vector (*f)(PortableLanes::Vector), float x) {
  return f(PortableLanes::set1(x)).lane[3];
}

TEST(Exponential, WithinItsUlpsOverTheWholeRange) {
  double worst = 0;
  for (std::int64_t i = 0; i <= 1000000; ++i) {
    const float x = static_cast<float>(-87.29 + 175.28 * static_cast<double>(i) / 1e6);
    worst = std::max(worst, ulps(lane(exp_lanes<PortableLanes>, x), std::exp(static_cast<long double>(x))));
  }
  EXPECT_LE(worst, 1.1);
  RecordProperty("worst_ulps", std::to_string(worst));
}

TEST(Exponential, Ends) {
  const auto e = [](float x) { return lane(exp_lanes<PortableLanes>, x); };
  EXPECT_EQ(e(0.0f), 1.0f);
  EXPECT_EQ(e(-0.0f), 1.0f);
  EXPECT_EQ(test::bits_of(e(-kInfinity)), 0u);
  EXPECT_EQ(test::bits_of(e(-1e30f)), 0u);
  EXPECT_EQ(e(-87.4f), 0.0f);
  EXPECT_GT(e(-87.3f), 0.0f);
  EXPECT_EQ(e(88.0f), e(kInfinity));
  EXPECT_EQ(e(1e-39f), 1.0f);
  EXPECT_TRUE(std::isnan(e(kNan)));
  EXPECT_TRUE(std::isnan(e(-kNan)));
}

class Elementwise : public test::OverKernels {};
INSTANTIATE_TEST_SUITE_P(Kernels, Elementwise, ::testing::Values("avx2", "portable"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(Elementwise, SoftcapIsTanhWithinItsUlps) {
  std::vector<float> x;
  for (int i = 0; i <= 400000; ++i) x.push_back(static_cast<float>(-20 + 40.0 * i / 4e5));
  for (float tiny = 1; tiny > 1e-37f; tiny *= 0.71f) x.push_back(-tiny);
  const std::vector<float> in = x;
  device_->softcap(x.data(), static_cast<std::int64_t>(x.size()), 1.0f);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    worst = std::max(worst, ulps(x[i], std::tanh(static_cast<long double>(in[i]))));
  EXPECT_LE(worst, 2.0);
  RecordProperty("worst_ulps", std::to_string(worst));

  std::vector<float> ends = {kInfinity, -kInfinity, kNan, 1e30f, -1e30f, 0.0f, -0.0f, 3.0f, -3.0f};
  device_->softcap(ends.data(), 9, 5.0f);
  EXPECT_EQ(ends[0], 5.0f);
  EXPECT_EQ(ends[1], -5.0f);
  EXPECT_TRUE(std::isnan(ends[2]));
  EXPECT_EQ(ends[3], 5.0f);
  EXPECT_EQ(ends[4], -5.0f);
  EXPECT_EQ(ends[5], 0.0f);
  EXPECT_EQ(ends[6], 0.0f);
  EXPECT_NEAR(ends[7], 5 * std::tanh(0.6), 1e-6);
  EXPECT_EQ(ends[8], -ends[7]);
}

/// SiLU: the quotient and e^-x (1.1 ulp = 2.2 eps, weight at most 1) and the sum: 6 eps relative; from x =
/// -88 on the exponential is held at e^88, so what is left is below |x| e^-88. GELU: 1 + tanh is off by at
/// most 2 ulp of 1, and by tanh' times the argument's own error (below 0.45 * 4 eps): 8 eps |x|.
TEST_P(Elementwise, GatesWithinTheirBounds) {
  std::vector<float> gate, up;
  for (int i = 0; i <= 100000; ++i) gate.push_back(static_cast<float>(-110 + 220.0 * i / 1e5));
  for (float tiny = 1; tiny > 1e-30f; tiny *= 0.7f) gate.push_back(-tiny);
  up.assign(gate.size(), 1.0f);
  std::vector<float> out(gate.size());
  const auto count = static_cast<std::int64_t>(gate.size());
  device_->gated(Activation::kSilu, gate.data(), up.data(), count, Compute::kFloat32, out.data());
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const auto x = static_cast<long double>(gate[i]);
    const long double exact = x / (1 + std::exp(-x));
    ASSERT_LE(std::abs(out[i] - exact),
              6 * test::kEpsilon * std::abs(exact) + (x < -87 ? 120 * std::exp(-88.0L) : 0))
        << x;
  }
  device_->gated(Activation::kGeluTanh, gate.data(), up.data(), count, Compute::kFloat32, out.data());
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const auto x = static_cast<long double>(gate[i]);
    const long double exact =
        0.5L * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846L) * (x + 0.044715L * x * x * x)));
    ASSERT_LE(std::abs(out[i] - exact), 8 * test::kEpsilon * std::abs(x)) << x;
  }
}

TEST_P(Elementwise, GatesMultiplyRoundAndKeepNan) {
  for (const Activation activation : {Activation::kSilu, Activation::kGeluTanh}) {
    const auto gate = test::random_floats(2501, 1, -6, 6), up = test::random_floats(2501, 2, -6, 6),
               ones = std::vector<float>(2501, 1);
    std::vector<float> active(2501), wide(2501), narrow(2501), in_place = gate;
    device_->gated(activation, gate.data(), ones.data(), 2501, Compute::kFloat32, active.data());
    device_->gated(activation, gate.data(), up.data(), 2501, Compute::kFloat32, wide.data());
    device_->gated(activation, gate.data(), up.data(), 2501, Compute::kBFloat16, narrow.data());
    threaded_->gated(activation, in_place.data(), up.data(), 2501, Compute::kBFloat16, in_place.data());
    for (std::size_t i = 0; i < 2501; ++i) {
      ASSERT_EQ(wide[i], active[i] * up[i]);
      ASSERT_EQ(narrow[i], round_to_bf16(wide[i]));
    }
    EXPECT_TRUE(test::same_bits(in_place, narrow));
    for (const Compute rounding : {Compute::kFloat32, Compute::kBFloat16}) {
      for (const std::uint32_t payload : {0x7fc00000u, 0xffc00000u, 0x7fffffffu, 0xffffffffu, 0x7f800001u}) {
        std::vector<float> g(11, 1.0f), u(11, 1.0f), out(11);
        g[2] = u[9] = std::bit_cast<float>(payload);
        device_->gated(activation, g.data(), u.data(), 11, rounding, out.data());
        for (std::size_t i = 0; i < 11; ++i)
          EXPECT_EQ(std::isnan(out[i]), i == 2 || i == 9) << i << ' ' << std::hex << payload;
      }
    }
  }
}

/// Sixteen chains of width / 16 products and a tree of four sums: the sum of squares is off by (width / 16 +
/// 5) eps of itself, half of that after the root; the division, the root, the mean and two products add 5
/// eps.
TEST_P(Elementwise, RmsNormWithinItsBound) {
  for (const std::int64_t width : {1, 7, 8, 15, 16, 17, 64, 100, 896, 1152}) {
    const std::int64_t rows = 5;
    const auto size = static_cast<std::size_t>(rows * width);
    const float largest = width % 2 == 0 ? 4.0f : 2e-3f;  // eps matters in the second
    const auto x = test::random_floats(size, 3, -largest, largest),
               weight = test::random_floats(static_cast<std::size_t>(width), 4, 0, 2);
    std::vector<float> wide(size), narrow(size), in_place = x;
    device_->rms_norm(x.data(), weight.data(), 1e-5f, rows, width, Compute::kFloat32, wide.data());
    device_->rms_norm(x.data(), weight.data(), 1e-5f, rows, width, Compute::kBFloat16, narrow.data());
    threaded_->rms_norm(in_place.data(), weight.data(), 1e-5f, rows, width, Compute::kBFloat16,
                        in_place.data());
    EXPECT_TRUE(test::same_bits(in_place, narrow));
    const double bound = ((static_cast<double>(width) / 16 + 5) / 2 + 5) * test::kEpsilon;
    for (std::int64_t r = 0; r < rows; ++r) {
      long double sum = 0;
      for (std::int64_t c = 0; c < width; ++c) {
        const auto v = static_cast<long double>(x[static_cast<std::size_t>(r * width + c)]);
        sum += v * v;
      }
      for (std::int64_t c = 0; c < width; ++c) {
        const auto i = static_cast<std::size_t>(r * width + c);
        const long double exact = x[i] / std::sqrt(sum / width + static_cast<long double>(1e-5f)) *
                                  weight[static_cast<std::size_t>(c)];
        ASSERT_LE(std::abs(wide[i] - exact), bound * std::abs(exact)) << width;
        ASSERT_EQ(narrow[i], round_to_bf16(wide[i]));
      }
    }
  }
}

/// NaNs of any payload: one must not become a number when it is rounded to bfloat16.
TEST_P(Elementwise, RmsNormKeepsNan) {
  for (const std::uint32_t payload : {0x7fc00000u, 0x7fffffffu, 0xffffffffu, 0x7f800001u}) {
    std::vector<float> x(37, 1.0f), weight(37, 1.0f), out(37);
    weight[5] = weight[36] = std::bit_cast<float>(payload);
    device_->rms_norm(x.data(), weight.data(), 1e-5f, 1, 37, Compute::kBFloat16, out.data());
    for (std::size_t i = 0; i < 37; ++i)
      EXPECT_EQ(std::isnan(out[i]), i == 5 || i == 36) << i << ' ' << std::hex << payload;
    x[20] = std::bit_cast<float>(payload);
    device_->rms_norm(x.data(), weight.data(), 1e-5f, 1, 37, Compute::kBFloat16, out.data());
    for (std::size_t i = 0; i < 37; ++i) EXPECT_TRUE(std::isnan(out[i])) << i;
  }
}

TEST_P(Elementwise, SameBitsAsThePortableKernels) {
  const auto portable = test::device_with("portable");
  const auto x = test::random_floats(4099, 5, -30, 30), y = test::random_floats(4099, 6, -2, 2);
  const auto both = [&](auto&& call) {
    std::vector<float> a(4099), b(4099);
    call(*threaded_, a);
    call(*portable, b);
    EXPECT_TRUE(test::same_bits(a, b));
  };
  for (const Compute rounding : {Compute::kFloat32, Compute::kBFloat16}) {
    both([&](Device& d, std::vector<float>& out) {
      d.rms_norm(x.data(), y.data(), 1e-6f, 1, 4099, rounding, out.data());
    });
    both([&](Device& d, std::vector<float>& out) {
      d.gated(Activation::kSilu, x.data(), y.data(), 4099, rounding, out.data());
    });
    both([&](Device& d, std::vector<float>& out) {
      d.gated(Activation::kGeluTanh, x.data(), y.data(), 4099, rounding, out.data());
    });
  }
  both([&](Device& d, std::vector<float>& out) { out = x, d.softcap(out.data(), 4099, 7.0f); });
}

/// Two products and a sum: at most 2 eps (|a c| + |b s|).
TEST_P(Elementwise, RopeRotatesPairsAHalfApart) {
  for (const std::int64_t dim : {2, 12, 64}) {
    const std::int64_t tokens = 5, heads = 3, half = dim / 2;
    std::vector<float> angles;
    for (std::int64_t t = 0; t < tokens; ++t) {
      for (const bool sine : {false, true}) {
        for (std::int64_t d = 0; d < half; ++d) {
          const double angle = 0.37 * static_cast<double>(t * half + d);
          angles.push_back(static_cast<float>(sine ? std::sin(angle) : std::cos(angle)));
        }
      }
    }
    const auto x = test::random_floats(static_cast<std::size_t>(tokens * heads * dim), 7, -3, 3);
    std::vector<float> wide = x, narrow = x;
    test::rotate(*threaded_, wide, heads, dim, angles, Compute::kFloat32);
    test::rotate(*device_, narrow, heads, dim, angles, Compute::kBFloat16);
    for (std::int64_t t = 0; t < tokens; ++t) {
      for (std::int64_t h = 0; h < heads; ++h) {
        for (std::int64_t d = 0; d < half; ++d) {
          const auto first = static_cast<std::size_t>((t * heads + h) * dim + d),
                     second = first + static_cast<std::size_t>(half);
          const auto at = static_cast<std::size_t>(t * dim + d);
          const double a = x[first], b = x[second], c = angles[at],
                       s = angles[at + static_cast<std::size_t>(half)];
          ASSERT_NEAR(wide[first], a * c - b * s, 2 * test::kEpsilon * (std::abs(a * c) + std::abs(b * s)));
          ASSERT_NEAR(wide[second], b * c + a * s, 2 * test::kEpsilon * (std::abs(b * c) + std::abs(a * s)));
          ASSERT_EQ(narrow[first], round_to_bf16(wide[first]));
          ASSERT_EQ(narrow[second], round_to_bf16(wide[second]));
        }
      }
    }
  }
}

float tree(const std::vector<std::vector<float>>& parts, std::size_t begin, std::size_t count,
           std::size_t i) {
  if (count == 1) return parts[begin][i];
  return tree(parts, begin, count / 2, i) + tree(parts, begin + count / 2, count / 2, i);
}

TEST_P(Elementwise, AddPartsAddsAsATree) {
  const std::int64_t rows = 7, width = 13;
  for (const std::size_t count : {1u, 2u, 4u, 8u}) {
    std::vector<std::vector<float>> parts;
    std::vector<const float*> pointers;
    for (std::size_t p = 0; p < count; ++p)
      parts.push_back(test::random_floats(91, static_cast<unsigned>(10 + p), -1000, 1000));
    for (const auto& part : parts) pointers.push_back(part.data());
    const auto bias = test::random_floats(13, 30), before = test::random_floats(91, 31);
    for (const bool with_bias : {false, true}) {
      for (const bool accumulate : {false, true}) {
        std::vector<float> x = before;
        threaded_->add_parts(pointers, with_bias ? bias.data() : nullptr, rows, width, accumulate, x.data());
        for (std::size_t i = 0; i < 91; ++i) {
          float expected = tree(parts, 0, count, i);
          if (with_bias) expected += bias[i % 13];
          if (accumulate) expected = before[i] + expected;
          ASSERT_EQ(test::bits_of(x[i]), test::bits_of(expected)) << count << ' ' << i;
        }
      }
    }
  }
}

// A step's worth of operators that depend on each other in every way the device may order them: rows after
// rows, rows after a product, a product after rows; deferred and at once, with any number of threads.
TEST_P(Elementwise, DeferredIsTheSameAsAtOnce) {
  const std::int64_t width = 48, tokens = 9;
  const auto count = static_cast<std::size_t>(tokens * width);
  auto matrix_values = test::random_floats(static_cast<std::size_t>(width * width), 1);
  const PackedMatrix w = test::packed(*device_, DType::kBFloat16, width, width, matrix_values);
  const auto start = test::random_floats(count, 2), weight = test::random_floats(48, 3, 0.5f, 1.5f);
  const std::vector<std::int32_t> order = {3, 1, 4, 0, 8, 2, 7, 6, 5};
  const auto run = [&](Device& device, bool deferred) {
    std::vector<float> x = start, h(count), y(count), moved(count);
    const float* const parts[] = {y.data()};
    if (deferred) device.defer();
    for (int layer = 0; layer < 200; ++layer) {  // more than one list of work holds
      device.rms_norm(x.data(), weight.data(), 1e-6f, tokens, width, Compute::kBFloat16, h.data());
      const Linear product{h.data(), width, &w, nullptr, y.data(), width, Compute::kBFloat16};
      device.linear({&product, 1}, tokens);
      device.gated(Activation::kSilu, y.data(), h.data(), tokens * width, Compute::kFloat32, y.data());
      device.add_parts(parts, nullptr, tokens, width, true, x.data());
      device.take_rows(x.data(), width, order, moved.data());
      device.rms_norm(moved.data(), weight.data(), 1e-6f, tokens, width, Compute::kFloat32, x.data());
    }
    if (deferred) device.wait();
    return x;
  };
  const std::vector<float> expected = run(*device_, false);
  EXPECT_TRUE(test::same_bits(run(*device_, true), expected));
  EXPECT_TRUE(test::same_bits(run(*threaded_, false), expected));
  for (int repeat = 0; repeat < 20; ++repeat)
    ASSERT_TRUE(test::same_bits(run(*threaded_, true), expected)) << repeat;
}

TEST_P(Elementwise, EmbedGivesItsRowsAndZerosForOthers) {
  auto values = test::random_floats(20 * 9, 8);
  const PackedMatrix embedding = test::packed(*device_, DType::kBFloat16, 20, 9, values);
  const std::vector<std::int32_t> ids = {64, 83, 63, 84, 70, 0, 64, 2000000000};
  std::vector<float> x(ids.size() * 9, kNan);
  threaded_->embed({.ids = ids}, embedding, 64, 3.0f, x.data());
  for (std::size_t t = 0; t < ids.size(); ++t) {
    for (std::size_t c = 0; c < 9; ++c) {
      const bool here = ids[t] >= 64 && ids[t] < 84;
      const float expected = here ? 3.0f * values[static_cast<std::size_t>(ids[t] - 64) * 9 + c] : 0.0f;
      ASSERT_EQ(test::bits_of(x[t * 9 + c]), test::bits_of(expected)) << ids[t];
    }
  }
}

TEST_P(Elementwise, BlendVectorTakesItsPartRoundsAndAdds) {
  auto a = test::random_floats(40, 9), b = test::random_floats(40, 10);
  const auto first = test::host_tensor(DType::kBFloat16, a), second = test::host_tensor(DType::kFloat32, b);
  const BlendInput inputs[] = {{first.data(), DType::kBFloat16, 0.25},
                               {second.data(), DType::kFloat32, 0.75}};
  std::vector<float> out(12);
  device_->blend_vector(out.data(), inputs, 5, 12, DType::kBFloat16, 1.0f);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(out[i], round_to_bf16(std::fma(0.75f, b[i + 5], 0.25f * a[i + 5])) + 1.0f);
  }
}

}  // namespace
}  // namespace wisk::device
