#include <wisk/device/device.hpp>

#include "cpu/flush_denormals.hpp"
#include "fixture.hpp"
#include "kernels.hpp"

namespace wisk::test {
namespace {

using device::Compute;

/// The kernel's result and the CPU's, each number of `values` in its place. Rows begin `shift` floats off 16
/// bytes.
void expect_cpu_bits(const std::vector<float>& values, std::int64_t rows, std::int64_t width,
                     Compute rounding, std::size_t shift) {
  SCOPED_TRACE(std::to_string(rows) + " rows of " + std::to_string(width) + ", shift " +
               std::to_string(shift));
  const Shifted<float> x(values, shift), weight(varied_floats(static_cast<std::size_t>(width), 2), shift);
  const Shifted<float> out(values.size(), shift);
  {
    const device::FlushDenormals mode(true);  // as the kernel's file is compiled
    device::cuda::rms_norm(x.data(), weight.data(), 1e-6f, rows, width, rounding, out.data(), {});
  }
  std::vector<float> expected(values.size());
  const auto cpu = device::make_cpu_device({.threads = 1});
  cpu->rms_norm(x.data(), weight.data(), 1e-6f, rows, width, rounding, expected.data());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_TRUE(same_number(out.data()[i], expected[i]))
        << i << ": " << out.data()[i] << ", not " << expected[i];
  }
}

std::vector<float> ordinary(std::size_t count, unsigned seed) {
  std::vector<float> values = varied_floats(count, seed);
  for (float& value : values) {
    if (!(value > -100 && value < 100)) value = 0.25f;
  }
  return values;
}

class CudaRmsNorm : public InThreadOrder {};

TEST_P(CudaRmsNorm, GivesTheCpusBits) {
  for (const std::int64_t width : {1, 2, 3, 4, 15, 16, 17, 31, 64, 127, 129, 896, 2048, 2050, 4100}) {
    for (const Compute rounding : {Compute::kFloat32, Compute::kBFloat16}) {
      expect_cpu_bits(ordinary(static_cast<std::size_t>(3 * width), 1), 3, width, rounding, 0);
    }
    expect_cpu_bits(ordinary(static_cast<std::size_t>(width), 2), 1, width, Compute::kFloat32, 1);
  }
}

TEST_P(CudaRmsNorm, InfinitiesAndNaNsStayInTheirRow) {
  expect_cpu_bits(varied_floats(5 * 24, 3), 5, 24, Compute::kBFloat16, 0);
}

TEST_P(CudaRmsNorm, DenormalsCountAsZero) {
  std::vector<float> tiny(40, 0x1p-130f);
  tiny[7] = 0x1p-70f;  // its square is denormal
  expect_cpu_bits(tiny, 1, 40, Compute::kFloat32, 0);
}

TEST_P(CudaRmsNorm, NoRows) {
  expect_cpu_bits({}, 0, 64, Compute::kFloat32, 0);
}

TEST_P(CudaRmsNorm, InPlace) {
  const std::vector<float> values = ordinary(2 * 100, 4);
  const Shifted<float> x(values, 0), in_place(values, 0), out(values.size()), weight(ordinary(100, 5), 0);
  device::cuda::rms_norm(x.data(), weight.data(), 1e-5f, 2, 100, Compute::kFloat32, out.data(), {});
  device::cuda::rms_norm(in_place.data(), weight.data(), 1e-5f, 2, 100, Compute::kFloat32, in_place.data(),
                         {});
  EXPECT_EQ(in_place.values(), out.values());
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaRmsNorm, ::testing::ValuesIn(kThreadOrders), name_of_order);

}  // namespace
}  // namespace wisk::test
