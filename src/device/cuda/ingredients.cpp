#include "ingredients.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

#include "blend_pack.hpp"

namespace wisk::device::cuda {

namespace {

constexpr std::size_t kStageBytes = std::size_t{32} << 20;  // of all inputs of one piece, at most

/// Rows of a piece whose inputs fit the staging together; whole panels.
std::int64_t rows_of_piece(std::span<const BlendInput> inputs, std::int64_t columns) {
  std::size_t row = 0;
  for (const BlendInput& input : inputs) row += static_cast<std::size_t>(columns) * size_of(input.dtype);
  const auto rows = static_cast<std::int64_t>(kStageBytes / std::max<std::size_t>(row, 1));
  return std::max(rows / PackedMatrix::kPanel, std::int64_t{1}) * PackedMatrix::kPanel;
}

const std::byte* begin_of(const BlendInput& input, const MatrixWindow& window, std::int64_t row) {
  const std::int64_t element = (window.first_row + row) * window.row_stride + window.first_column;
  return input.data + static_cast<std::size_t>(element) * size_of(input.dtype);
}

constexpr std::size_t aligned(std::size_t bytes) {
  constexpr std::size_t kAlignment = 256;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

std::size_t Ingredients::kept_bytes_of(const Kept& kept) {
  std::size_t bytes = 0;
  for (const auto& [key, array] : kept) bytes += array.bytes();
  return bytes;
}

void Ingredients::blend(PackedMatrix& matrix, std::span<const BlendInput> inputs, const MatrixWindow& window,
                        DType storage, Stream stream) {
  if (matrix.rows == 0 || matrix.columns == 0) return;
  std::vector<const std::byte*> whole;
  for (const BlendInput& input : inputs)
    whole.push_back(resident(input, window, matrix.rows, matrix.columns, stream));
  const bool all_resident = std::ranges::find(whole, nullptr) == whole.end();
  const std::int64_t step = all_resident ? matrix.rows : rows_of_piece(inputs, matrix.columns);
  std::vector<BlendInput> pieces(inputs.begin(), inputs.end());
  for (std::int64_t first = 0; first < matrix.rows; first += step) {
    const std::int64_t rows = std::min(step, matrix.rows - first);
    const auto bytes_of = [&](const BlendInput& input, std::int64_t count) {
      return static_cast<std::size_t>(count * matrix.columns) * size_of(input.dtype);
    };
    std::size_t staged = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (whole[i] == nullptr) staged += aligned(bytes_of(inputs[i], rows));
    }
    Stage* stage = staged == 0 ? nullptr : &next_stage(staged);
    std::size_t offset = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (whole[i] != nullptr) {
        pieces[i].data = whole[i] + bytes_of(inputs[i], first);
        continue;
      }
      copy_rows(begin_of(inputs[i], window, first),
                static_cast<std::size_t>(window.row_stride) * size_of(inputs[i].dtype),
                bytes_of(inputs[i], 1), rows, stage->host.data() + offset);
      pieces[i].data = stage->device.data() + offset;
      offset += aligned(bytes_of(inputs[i], rows));
    }
    if (stage != nullptr) {
      copy_to_device(stage->device.data(), stage->host.data(), staged, stream);
      stage->read.record(stream);
    }
    constexpr std::int64_t kPanel = PackedMatrix::kPanel;
    blend_pack(matrix, pieces, {-first, 0, matrix.columns}, storage, first / kPanel,
               (first + rows + kPanel - 1) / kPanel, stream);
  }
}

const std::byte* Ingredients::resident(const BlendInput& input, const MatrixWindow& window, std::int64_t rows,
                                       std::int64_t columns, Stream stream) {
  const Key key{begin_of(input, window, 0), rows, columns};
  if (const auto found = kept_.find(key); found != kept_.end()) return found->second.data();
  const std::byte* data = keep(input, window, rows, columns).data();
  if (data == nullptr) return nullptr;
  try {
    load(input, window, rows, columns, stream);
  } catch (...) {
    kept_.erase(key);  // nobody must take what was not read for the tensor
    throw;
  }
  return data;
}

std::span<std::byte> Ingredients::keep(const BlendInput& input, const MatrixWindow& window, std::int64_t rows,
                                       std::int64_t columns) {
  const auto bytes = static_cast<std::size_t>(rows * columns) * size_of(input.dtype);
  const Key key{begin_of(input, window, 0), rows, columns};
  if (const auto found = kept_.find(key); found != kept_.end()) return {found->second.data(), bytes};
  if (!keep_ || bytes == 0 || memory_info().free < reserve_ + bytes) return {};
  try {
    return {kept_.emplace(key, DeviceArray(bytes)).first->second.data(), bytes};
  } catch (const OutOfMemory&) {  // less was free than it seemed: another process has it
    return {};
  }
}

/// Piece by piece through the staging.
void Ingredients::load(const BlendInput& input, const MatrixWindow& window, std::int64_t rows,
                       std::int64_t columns, Stream stream) {
  std::byte* to = kept_.at({begin_of(input, window, 0), rows, columns}).data();
  const std::size_t row = static_cast<std::size_t>(columns) * size_of(input.dtype);
  const std::int64_t step = rows_of_piece({&input, 1}, columns);
  for (std::int64_t first = 0; first < rows; first += step) {
    const std::int64_t count = std::min(step, rows - first);
    const std::size_t bytes = row * static_cast<std::size_t>(count);
    Stage& stage = next_stage(bytes);
    copy_rows(begin_of(input, window, first),
              static_cast<std::size_t>(window.row_stride) * size_of(input.dtype), row, count,
              stage.host.data());
    copy_to_device(to + row * static_cast<std::size_t>(first), stage.host.data(), bytes, stream);
    stage.read.record(stream);
  }
}

/// Rows of `bytes` bytes, `stride` apart, side by side: on all host threads, since a core alone reads slower
/// than the device takes.
void Ingredients::copy_rows(const std::byte* from, std::size_t stride, std::size_t bytes, std::int64_t rows,
                            std::byte* to) {
  const std::int64_t tasks = std::min<std::int64_t>(rows, std::int64_t{4} * host_.members());
  host_.for_each(tasks, [&](std::int64_t task, int) {
    for (std::int64_t row = rows * task / tasks; row < rows * (task + 1) / tasks; ++row) {
      const auto r = static_cast<std::size_t>(row);
      std::memcpy(to + r * bytes, from + r * stride, bytes);
    }
  });
}

/// The half of the staging that is longer unused, when the device has done with it.
Ingredients::Stage& Ingredients::next_stage(std::size_t bytes) {
  stage_ = 1 - stage_;
  Stage& stage = stages_[stage_];
  stage.read.wait();
  if (std::min(stage.host.bytes(), stage.device.bytes()) < bytes) {  // either may have found no memory
    stage.host = PinnedBuffer(std::max(bytes, kStageBytes));
    stage.device = DeviceArray(std::max(bytes, kStageBytes));
  }
  return stage;
}

}  // namespace wisk::device::cuda
