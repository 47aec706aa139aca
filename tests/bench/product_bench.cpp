// The product at the sizes of a step: GFLOP/s, GB/s of weights, and the ratio to the rate that operands in
// the first cache levels reach in the same run.
//   product_bench [THREADS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <wisk/core/clock.hpp>
#include <wisk/device/device.hpp>

namespace {

using namespace wisk::device;

struct Shape {
  std::int64_t columns, rows;  // K, N
};

/// Best seconds of one product over some repeats.
double seconds_of(Device& device, const PackedMatrix& weights, std::int64_t tokens) {
  const std::vector<float> x(static_cast<std::size_t>(tokens * weights.columns), 0.5f);
  std::vector<float> out(static_cast<std::size_t>(tokens * weights.rows));
  constexpr double kOperationsPerRepeat = 5e8;
  const double operations = 2.0 * static_cast<double>(tokens * weights.rows * weights.columns);
  const auto repeats = std::max(1, static_cast<int>(kOperationsPerRepeat / operations));
  double best = 1e9;
  for (int trial = 0; trial < 7; ++trial) {
    const wisk::Stopwatch watch;
    for (int i = 0; i < repeats; ++i) {
      const Linear product{x.data(),   weights.columns, &weights,          nullptr,
                           out.data(), weights.rows,    Compute::kBFloat16};
      device.linear({&product, 1}, tokens);
    }
    best = std::min(best, watch.seconds() / repeats);
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const auto device = make_cpu_device({.threads = argc > 1 ? std::atoi(argv[1]) : 0});
  std::printf("%s\n%8s %8s %6s %10s %10s %8s\n", device->description().c_str(), "K", "N", "M", "GFLOP/s",
              "GB/s", "of limit");
  for (const Shape shape :
       {Shape{576, 1536}, Shape{1536, 576}, Shape{896, 4864}, Shape{4864, 896}, Shape{576, 49152}}) {
    const PackedMatrix weights = device->allocate_matrix(wisk::DType::kBFloat16, shape.rows, shape.columns);
    for (const std::int64_t tokens : {1, 4, 16, 64, 256}) {
      const double limit = device->peak_rate();
      const double seconds = seconds_of(*device, weights, tokens);
      const double weight_count = static_cast<double>(shape.rows * shape.columns);
      const double rate = 2.0 * static_cast<double>(tokens) * weight_count / seconds;
      std::printf("%8ld %8ld %6ld %10.1f %10.1f %8.2f\n", static_cast<long>(shape.columns),
                  static_cast<long>(shape.rows), static_cast<long>(tokens), rate * 1e-9,
                  2.0 * weight_count / seconds * 1e-9, rate / limit);
    }
  }
  return 0;
}
