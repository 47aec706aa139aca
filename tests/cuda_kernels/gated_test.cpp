#include <wisk/device/device.hpp>

#include "cpu/flush_denormals.hpp"
#include "fixture.hpp"
#include "kernels.hpp"

namespace wisk::test {
namespace {

using device::Activation;
using device::Compute;

/// The kernel against the CPU on `count` pairs; each array begins at another place where `shift` is not 0.
void expect_cpu_bits(Activation activation, std::size_t count, Compute rounding, std::size_t shift) {
  SCOPED_TRACE(std::to_string(count) + " elements, shift " + std::to_string(shift));
  const Shifted<float> gate(varied_floats(count, 1), shift), up(varied_floats(count, 2), 0),
      out(count, shift);
  const auto n = static_cast<std::int64_t>(count);
  {
    const device::FlushDenormals mode(true);  // as the kernel's file is compiled
    device::cuda::gated(activation, gate.data(), up.data(), n, rounding, out.data(), {});
  }
  std::vector<float> expected(count);
  const auto cpu = device::make_cpu_device({.threads = 1});
  cpu->gated(activation, gate.data(), up.data(), n, rounding, expected.data());
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(same_number(out.data()[i], expected[i]))
        << i << ": act(" << gate.data()[i] << ") * " << up.data()[i] << " gave " << out.data()[i] << ", not "
        << expected[i];
  }
}

class CudaGated : public InThreadOrder {};

TEST_P(CudaGated, GivesTheCpusBits) {
  for (const Activation activation : {Activation::kSilu, Activation::kGeluTanh}) {
    for (const Compute rounding : {Compute::kFloat32, Compute::kBFloat16}) {
      for (const std::size_t count : {0, 1, 2, 3, 4, 5, 7, 8, 1023, 2049}) {
        for (const std::size_t shift : {0, 1}) expect_cpu_bits(activation, count, rounding, shift);
      }
    }
  }
}

TEST_P(CudaGated, InPlace) {
  const std::vector<float> values = varied_floats(1000, 3);
  const Shifted<float> gate(values, 0), up(varied_floats(1000, 4), 0), out(values.size());
  const auto run = [&](float* to) {
    device::cuda::gated(Activation::kSilu, gate.data(), up.data(), 1000, Compute::kFloat32, to, {});
  };
  run(out.data());
  run(gate.data());
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_TRUE(same_number(gate.data()[i], out.data()[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaGated, ::testing::ValuesIn(thread_orders()), name_of_order);

}  // namespace
}  // namespace wisk::test
