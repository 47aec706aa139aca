#include <wisk/device/device.hpp>

#include <algorithm>
#include <vector>

#include <wisk/core/clock.hpp>

namespace wisk::device {

PackedMatrix Device::allocate_matrix(DType dtype, std::int64_t rows, std::int64_t columns) {
  return PackedMatrix{dtype, rows, columns, allocate(PackedMatrix::bytes_for(dtype, rows, columns))};
}

double measure_product_rate(Device& device) {
  constexpr std::int64_t kRows = 100, kColumns = 64, kRepeats = 12;
  const std::int64_t outputs = 256 * device.members();
  const PackedMatrix weights = device.allocate_matrix(DType::kBFloat16, outputs, kColumns);
  const Buffer x = device.allocate(static_cast<std::size_t>(kRows * kColumns) * sizeof(float));
  const Buffer out = device.allocate(static_cast<std::size_t>(kRows * outputs) * sizeof(float));
  double best = 0;
  for (std::int64_t i = 0; i < kRepeats; ++i) {
    const Stopwatch watch;
    const Linear product{x.as<float>(),   kColumns, &weights,          nullptr,
                         out.as<float>(), outputs,  Compute::kBFloat16};
    device.linear({&product, 1}, kRows);
    best = std::max(best, 2.0 * static_cast<double>(kRows * outputs * kColumns) / watch.seconds());
  }
  return best;
}

}  // namespace wisk::device
