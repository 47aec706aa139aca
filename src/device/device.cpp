#include <wisk/device/device.hpp>

#include <wisk/core/assert.hpp>

namespace wisk::device {

PackedMatrix Device::allocate_matrix(DType dtype, std::int64_t rows, std::int64_t columns) {
  return PackedMatrix{dtype, rows, columns, allocate(PackedMatrix::bytes_for(dtype, rows, columns))};
}

std::span<std::byte> Device::keep_ingredient(const BlendInput& /*input*/, const MatrixWindow& /*window*/,
                                             std::int64_t /*rows*/, std::int64_t /*columns*/) {
  return {};
}

void Device::load_ingredient(const BlendInput& /*input*/, const MatrixWindow& /*window*/,
                             std::int64_t /*rows*/, std::int64_t /*columns*/) {
  WISK_ASSERT(false);  // nothing is kept
}

void Device::forget_ingredients() {}

void Device::repeat(StepSize /*size*/, const std::function<void()>& operators) {
  operators();
}

void Device::gated_linear(std::span<const Linear> gates, std::span<const Linear> ups, Activation activation,
                          std::int64_t rows, std::int64_t width, Compute rounding, Operands out) {
  gated_products_.assign(gates.begin(), gates.end());
  gated_products_.insert(gated_products_.end(), ups.begin(), ups.end());
  linear(gated_products_, rows);
  gated(activation, gates.front().out, ups.front().out, rows * width, rounding, out);
}

void Device::gated(Activation /*activation*/, const float* /*gate*/, const float* /*up*/,
                   std::int64_t /*count*/, Compute /*rounding*/, Operands /*out*/) {
  WISK_ASSERT(false);  // gated_linear() is all there is
}

void Device::update_residual(const ResidualUpdate& u, std::int64_t rows, std::int64_t width) {
  if (u.post_norm == nullptr) {
    add_parts(u.parts, u.bias, rows, width, true, u.x);
  } else {
    add_parts(u.parts, u.bias, rows, width, false, u.scratch);
    rms_norm(u.scratch, u.post_norm, u.epsilon, rows, width, Compute::kFloat32, u.scratch);
    const float* const sum[] = {u.scratch};
    add_parts(sum, nullptr, rows, width, true, u.x);
  }
  if (u.next_norm != nullptr) rms_norm(u.x, u.next_norm, u.epsilon, rows, width, u.rounding, u.out);
}

void Device::choose_in_parts(const Linear& /*head*/, std::int64_t /*rows*/, const VocabularyParts& /*parts*/,
                             PartChoice* /*choices*/) {
  WISK_ASSERT(chooses());
}

void Device::find_cuts(const WholeLogits& /*logits*/, std::int64_t /*rows*/) {
  WISK_ASSERT(chooses());
}

void Device::choose_in_rows(const PartChoice* /*choices*/, int /*parts*/, std::int64_t /*rows*/,
                            RowChoice* /*result*/) {
  WISK_ASSERT(chooses());
}

}  // namespace wisk::device
