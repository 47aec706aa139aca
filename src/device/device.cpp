#include <wisk/device/device.hpp>

namespace wisk::device {

PackedMatrix Device::allocate_matrix(DType dtype, std::int64_t rows, std::int64_t columns) {
  return PackedMatrix{dtype, rows, columns, allocate(PackedMatrix::bytes_for(dtype, rows, columns))};
}

}  // namespace wisk::device
