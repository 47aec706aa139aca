#pragma once
// From tensors of checkpoints in host memory to blended matrices: read once through pinned memory, kept on
// the device where there is room, so that another blend of them is a pass over device memory.

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>

#include <wisk/device/device.hpp>

#include "device_array.hpp"
#include "runtime.hpp"

namespace wisk::device::cuda {

/// Owns staging and what is kept; one thread, and the host device's threads for copying.
class Ingredients {
 public:
  /// `keep`: whether tensors may stay on the device, as long as `reserve` bytes remain free there.
  Ingredients(Device& host, bool keep, std::size_t reserve) : host_(host), keep_(keep), reserve_(reserve) {}

  /// As Device::blend_matrix. Returns when the host tensors have been read.
  void blend(PackedMatrix& matrix, std::span<const BlendInput> inputs /* host tensors */,
             const MatrixWindow& window, DType storage, Stream stream);

  /// As Device::keep_ingredient and Device::load_ingredient.
  std::span<std::byte> keep(const BlendInput& input, const MatrixWindow& window, std::int64_t rows,
                            std::int64_t columns);
  void load(const BlendInput& input, const MatrixWindow& window, std::int64_t rows, std::int64_t columns,
            Stream stream);

  /// Gives back the memory of everything that is kept. The stream must have been waited for.
  void forget() { kept_.clear(); }
  [[nodiscard]] std::size_t kept_bytes() const { return kept_bytes_of(kept_); }

 private:
  /// A window of a host tensor, whole rows side by side.
  using Key = std::tuple<const std::byte*, std::int64_t, std::int64_t>;  // where it begins, rows, columns
  using Kept = std::map<Key, DeviceArray>;
  /// One of the two halves of staging: filled by the host while the device works on the other.
  struct Stage {
    PinnedBuffer host;
    DeviceArray device;
    Event read;  // the copy from `host`; the stream itself keeps the order of what `device` holds
  };
  static std::size_t kept_bytes_of(const Kept& kept);
  /// Loaded before, or now to be kept; or null.
  const std::byte* resident(const BlendInput& input, const MatrixWindow& window, std::int64_t rows,
                            std::int64_t columns, Stream stream);
  void copy_rows(const std::byte* from, std::size_t stride, std::size_t bytes, std::int64_t rows,
                 std::byte* to);
  Stage& next_stage(std::size_t bytes);

  Device& host_;
  bool keep_;
  std::size_t reserve_;
  Kept kept_;
  std::array<Stage, 2> stages_;
  std::size_t stage_ = 0;
};

}  // namespace wisk::device::cuda
