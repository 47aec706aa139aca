#pragma once
// The arrays of a step on their way to device memory, where they stay at the same place from step to step.

#include <cstdint>
#include <span>

#include <wisk/device/choosing.hpp>
#include <wisk/device/device.hpp>

#include "device_array.hpp"
#include "runtime.hpp"
#include "step.hpp"

namespace wisk::device::cuda {

/// Sizes for which steps of `count` tokens and as many rows are computed, so that few are recorded: at most a
/// quarter more beyond 64.
[[nodiscard]] std::int64_t padded_size(std::int64_t count);

/// Owns the arrays; one thread. What upload() was given before must have been waited for.
class StepArrays {
 public:
  /// Copies in the order of the stream, padded to `size`: tokens without an id and a position, rows of token
  /// 0, draws that are not active, targets below 0. The memory moves when something is larger than ever:
  /// moved() counts that.
  void upload(const StepTokens& step, std::span<const std::int32_t> rows /* [R] */,
              std::span<const RowDraw> draws /* [R], or none */,
              std::span<const std::int32_t> targets /* [R], or none */, StepSize size, Stream stream);

  [[nodiscard]] Step tokens(std::int64_t count) const {
    return {part(0), part(1), part(2), part(kArrays), static_cast<int>(count)};
  }
  [[nodiscard]] const std::int32_t* rows() const { return part(3); }
  [[nodiscard]] const std::int32_t* targets() const { return part(4); }
  [[nodiscard]] const RowDraw* draws() const { return device_.as<RowDraw>(); }
  [[nodiscard]] int moved() const { return moved_; }

 private:
  // Draws first, for their alignment: [draws][ids][positions][page rows][rows][targets][pages].
  static constexpr std::int64_t kArrays = 5;
  void grow(std::int64_t tokens, std::int64_t pages);
  [[nodiscard]] std::int64_t offset(std::int64_t array) const {
    return tokens_ * static_cast<std::int64_t>(sizeof(RowDraw)) +
           array * tokens_ * static_cast<std::int64_t>(sizeof(std::int32_t));
  }
  [[nodiscard]] const std::int32_t* part(std::int64_t array) const {
    return reinterpret_cast<const std::int32_t*>(device_.data() + offset(array));
  }

  std::int64_t tokens_ = 0, pages_ = 0;  // room for so many
  PinnedBuffer host_;
  DeviceArray device_;
  int moved_ = 0;
};

}  // namespace wisk::device::cuda
