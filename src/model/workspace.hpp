#pragma once
// The memory of a step: what its operators give to one another.

#include <cstdint>
#include <vector>

#include <wisk/device/device.hpp>
#include <wisk/model/transformer.hpp>

namespace wisk::model {

/// Device memory that grows to the largest step seen. All uses of one step ask for the same size, so that
/// what is deferred keeps its memory.
class Scratch {
 public:
  std::byte* bytes(device::Device& device, std::int64_t count) {
    const auto bytes = static_cast<std::size_t>(count);
    if (buffer_.bytes() < bytes) buffer_ = device.allocate(bytes + bytes / 4);
    return buffer_.data();
  }
  [[nodiscard]] std::byte* memory() const { return buffer_.data(); }
  float* get(device::Device& device, std::int64_t count) {
    return reinterpret_cast<float*>(bytes(device, count * static_cast<std::int64_t>(sizeof(float))));
  }
  device::Operands operands(device::Device& device, std::int64_t count, device::Compute rounding) {
    const std::int64_t each = device.operand_bytes(rounding);
    return {bytes(device, count * each), each};
  }

 private:
  device::Buffer buffer_;
};

/// Cosines and sines of one rope's angles on the device, of positions from 0 on; grown as positions come.
struct AngleTable {
  std::int64_t positions = 0;
  device::Buffer angles;  // [positions, 2, D/2]
};

struct Transformer::Workspace {
  Scratch residual, normed, query, rotated, key, value, attended, gate, up, act, parts, local_sum, gathered,
      sum, taken, rows, logits, maxima, whole_logits, part_choices, all_choices, row_choices;
  std::vector<device::RowChoice> chosen;                   // [rows of the step], host
  bool alone = false;                                      // nothing is exchanged with other ranks
  float* x = nullptr;                                      // [T, C], the residual stream
  device::Operands h;                                      // [T, C], its norm, which the next products read
  std::vector<device::Linear> products, others;            // of the next parallel region
  std::vector<const float*> summands;                      // of the next update of the residual stream
  std::vector<AngleTable> angles;                          // of each rope
  std::vector<float> exchanged, local_logits, all_logits;  // host
};

}  // namespace wisk::model
