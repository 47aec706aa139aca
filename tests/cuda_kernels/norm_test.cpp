#include "norm.hpp"

#include <algorithm>

#include <wisk/device/device.hpp>

#include "fixture.hpp"

namespace wisk::test {
namespace {

using device::Compute;
using device::cuda::ResidualAndNorm;

constexpr float kEps = 1e-6f;

std::size_t product(std::int64_t a, std::int64_t b) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
}

std::vector<float> ordinary(std::size_t count, unsigned seed) {
  std::vector<float> values = varied_floats(count, seed);
  for (float& value : values) {
    if (!(value > -100 && value < 100)) value = 0.25f;
  }
  return values;
}

/// A norm's result of `count` numbers: f32, or bf16 where it is rounded; filled with something else.
class Result {
 public:
  Result(std::size_t count, Compute rounding, std::size_t shift)
      : bf16_(rounding == Compute::kBFloat16),
        wide_(std::vector<float>(bf16_ ? 0 : count, 77.0f), shift),
        narrow_(std::vector<std::uint16_t>(bf16_ ? count : 0, 77), shift) {}
  [[nodiscard]] std::byte* data() const {
    return bf16_ ? reinterpret_cast<std::byte*>(narrow_.data()) : reinterpret_cast<std::byte*>(wide_.data());
  }
  [[nodiscard]] std::vector<float> values() const {
    if (!bf16_) return wide_.values();
    std::vector<float> all;
    for (const std::uint16_t bits : narrow_.values()) all.push_back(bf16_to_float(bits));
    return all;
  }

 private:
  bool bf16_;
  Shifted<float> wide_;
  Shifted<std::uint16_t> narrow_;
};

void expect_same(const std::vector<float>& actual, const std::vector<float>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_TRUE(same_number(actual[i], expected[i])) << i << ": " << actual[i] << ", not " << expected[i];
  }
}

/// The kernel's result and the CPU's, each number of `values` in its place. Rows begin `shift` elements off
/// 16 bytes.
void expect_cpu_norm(const std::vector<float>& values, std::int64_t rows, std::int64_t width,
                     Compute rounding, std::size_t shift) {
  SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(width) + ", shift " +
               std::to_string(shift));
  const Shifted<float> x(values, shift), weight(varied_floats(static_cast<std::size_t>(width), 2), shift);
  const Result out(values.size(), rounding, shift);
  device::cuda::rms_norm(x.data(), weight.data(), kEps, rows, width, rounding, out.data(), {});
  std::vector<float> expected(values.size());
  const auto cpu = device::make_cpu_device({.threads = 1});
  cpu->rms_norm(x.data(), weight.data(), kEps, rows, width, rounding, expected.data());
  expect_same(out.values(), expected);
}

class CudaNorm : public InThreadOrder {};

TEST_P(CudaNorm, GivesTheCpusBits) {
  // Around a chain, the unrolled steps, a row of eight and a row of one in a block, a stretch.
  for (const std::int64_t width :
       {1, 2, 3, 4, 15, 16, 17, 31, 64, 127, 129, 252, 256, 257, 260, 896, 2050, 8192}) {
    for (const Compute rounding : {Compute::kFloat32, Compute::kBFloat16}) {
      expect_cpu_norm(ordinary(product(3, width), 1), 3, width, rounding, 0);
    }
  }
  for (const std::int64_t width : {64, 300}) {
    for (const Compute rounding : {Compute::kFloat32, Compute::kBFloat16}) {
      expect_cpu_norm(ordinary(product(1, width), 2), 1, width, rounding, 1);
    }
  }
  for (const std::int64_t width : {8196, 16385}) {
    expect_cpu_norm(ordinary(product(2, width), 4), 2, width, Compute::kBFloat16, 0);
  }
  for (const std::int64_t rows : {7, 8, 9, 17})
    expect_cpu_norm(ordinary(product(rows, 64), 5), rows, 64, Compute::kFloat32, 0);
}

TEST_P(CudaNorm, InfinitiesAndNaNsStayInTheirRow) {
  expect_cpu_norm(varied_floats(5 * 24, 3), 5, 24, Compute::kBFloat16, 0);
  expect_cpu_norm(varied_floats(3 * 300, 3), 3, 300, Compute::kFloat32, 0);
}

TEST_P(CudaNorm, DenormalsCountAsZero) {
  std::vector<float> tiny(40, 0x1p-130f);
  tiny[7] = 0x1p-70f;  // its square is denormal
  expect_cpu_norm(tiny, 1, 40, Compute::kFloat32, 0);
}

TEST_P(CudaNorm, NoRows) {
  expect_cpu_norm({}, 0, 64, Compute::kFloat32, 0);
  expect_cpu_norm({}, 0, 512, Compute::kBFloat16, 0);
}

TEST_P(CudaNorm, InPlace) {
  for (const std::int64_t width : {100, 1000, 8200}) {
    const std::vector<float> values = ordinary(product(2, width), 4);
    const Shifted<float> x(values, 0), in_place(values, 0), out(values.size()),
        weight(ordinary(static_cast<std::size_t>(width), 5), 0);
    const auto run = [&](const Shifted<float>& from, const Shifted<float>& to) {
      device::cuda::rms_norm(from.data(), weight.data(), 1e-5f, 2, width, Compute::kFloat32,
                             reinterpret_cast<std::byte*>(to.data()), {});
    };
    run(x, out);
    run(in_place, in_place);
    EXPECT_EQ(in_place.values(), out.values());
  }
}

/// What the residual kernel is asked for.
struct Residual {
  std::size_t parts;
  bool bias, post, norm;
  Compute rounding;
  std::int64_t rows, width;
  std::size_t shift;
};

void expect_cpu_residual(const Residual& asked) {
  const auto [parts, bias, post, norm, rounding, rows, width, shift] = asked;
  SCOPED_TRACE(std::to_string(parts) + " parts of " + std::to_string(rows) + " x " + std::to_string(width) +
               (bias ? ", bias" : "") + (post ? ", post-norm" : "") + (norm ? ", norm" : "") + ", shift " +
               std::to_string(shift));
  const std::size_t count = product(rows, width), one = static_cast<std::size_t>(width);
  std::vector<Shifted<float>> data;
  std::vector<const float*> pointers;
  for (std::size_t s = 0; s < parts; ++s) {
    data.emplace_back(ordinary(count, 20 + static_cast<unsigned>(s)), 0);
    pointers.push_back(data.back().data());
  }
  const Shifted<float> bias_row(ordinary(one, 11), 0), post_row(ordinary(one, 12), 0),
      norm_row(ordinary(one, 13), 0);
  std::vector<float> expected_x = ordinary(count, 14), sum(count), expected(count);
  const Shifted<float> x(expected_x, shift);
  const Result out(count, rounding, 0);
  const ResidualAndNorm work{.parts = pointers,
                             .bias = bias ? bias_row.data() : nullptr,
                             .post_weight = post ? post_row.data() : nullptr,
                             .x = x.data(),
                             .weight = norm ? norm_row.data() : nullptr,
                             .eps = kEps,
                             .rounding = rounding,
                             .out = out.data()};
  const std::vector<float> untouched = out.values();
  device::cuda::add_parts_and_norm(work, rows, width, {});

  const auto cpu = device::make_cpu_device({.threads = 1});
  cpu->add_parts(pointers, work.bias, rows, width, false, sum.data());
  if (post) cpu->rms_norm(sum.data(), post_row.data(), kEps, rows, width, Compute::kFloat32, sum.data());
  const float* sums[] = {sum.data()};
  cpu->add_parts(sums, nullptr, rows, width, true, expected_x.data());
  cpu->rms_norm(expected_x.data(), norm_row.data(), kEps, rows, width, rounding, expected.data());
  expect_same(x.values(), expected_x);
  expect_same(out.values(), norm ? expected : untouched);
}

TEST_P(CudaNorm, ResidualGivesTheCpusBits) {
  for (const std::size_t parts : {1, 2, 4, 8}) {
    for (const bool post : {false, true}) {
      for (const std::int64_t width : {1, 30, 64, 300, 1028}) {
        expect_cpu_residual({parts, true, post, true, Compute::kBFloat16, 2, width, 0});
      }
      expect_cpu_residual({parts, false, post, true, Compute::kFloat32, 3, 260, 0});
      expect_cpu_residual({parts, true, post, false, Compute::kFloat32, 2, 260, 0});
      expect_cpu_residual({parts, true, post, true, Compute::kBFloat16, 1, 260, 1});
    }
  }
  for (const bool post : {false, true}) {
    for (const bool norm : {false, true}) {
      expect_cpu_residual({2, true, post, norm, Compute::kBFloat16, 1, 8192, 0});
      expect_cpu_residual({2, true, post, norm, Compute::kBFloat16, 2, 8200, 0});
      expect_cpu_residual({2, true, post, norm, Compute::kBFloat16, 0, 64, 0});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaNorm, ::testing::ValuesIn(thread_orders()), name_of_order);

}  // namespace
}  // namespace wisk::test
