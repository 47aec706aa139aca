#include "step_arrays.hpp"

#include <algorithm>
#include <bit>

#include <wisk/core/assert.hpp>

namespace wisk::device::cuda {

std::int64_t padded_size(std::int64_t count) {
  const auto up_to = [count](std::int64_t unit) { return (count + unit - 1) / unit * unit; };
  if (count <= 8) return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
  if (count <= 64) return up_to(8);
  return count <= 256 ? up_to(16) : up_to(64);
}

void StepArrays::grow(std::int64_t tokens, std::int64_t pages) {
  if (tokens <= tokens_ && pages <= pages_) return;
  constexpr std::int64_t kFewest = 64;
  const auto room = [kFewest](std::int64_t wanted, std::int64_t before) {
    const auto enough = static_cast<std::uint64_t>(std::max(wanted, kFewest));
    return wanted <= before ? before : static_cast<std::int64_t>(std::bit_ceil(enough));
  };
  StepArrays larger;
  larger.tokens_ = room(tokens, tokens_);
  larger.pages_ = room(pages, pages_);
  larger.moved_ = moved_ + 1;
  const auto bytes = static_cast<std::size_t>(
      larger.offset(kArrays) + larger.pages_ * static_cast<std::int64_t>(sizeof(std::int32_t)));
  larger.host_ = PinnedBuffer(bytes);
  larger.device_ = DeviceArray(bytes);  // may throw: then nothing has changed
  *this = std::move(larger);
}

void StepArrays::upload(const StepTokens& step, std::span<const std::int32_t> rows,
                        std::span<const RowDraw> draws, std::span<const std::int32_t> targets, StepSize size,
                        Stream stream) {
  WISK_ASSERT(size.tokens >= step.size() && size.rows >= static_cast<std::int64_t>(rows.size()));
  WISK_ASSERT(draws.empty() || draws.size() == rows.size());
  WISK_ASSERT(targets.empty() || targets.size() == rows.size());
  grow(std::max(size.tokens, size.rows), static_cast<std::int64_t>(step.pages.size()));
  const auto put = [&](std::int64_t array, std::span<const std::int32_t> values, std::int64_t padded,
                       std::int32_t padding) {
    auto* to = reinterpret_cast<std::int32_t*>(host_.data() + offset(array));
    std::fill(std::copy(values.begin(), values.end(), to), to + padded, padding);
  };
  put(0, step.ids, size.tokens, -1);
  put(1, step.positions, size.tokens, -1);
  put(2, step.page_rows, size.tokens, 0);
  put(3, rows, size.rows, 0);
  put(4, targets, size.rows, -1);
  const auto pages = static_cast<std::int64_t>(step.pages.size());
  put(kArrays, step.pages, pages, 0);
  auto* draw = host_.as<RowDraw>();
  std::fill(std::copy(draws.begin(), draws.end(), draw), draw + size.rows, RowDraw{});
  const std::int64_t used = offset(kArrays) + pages * static_cast<std::int64_t>(sizeof(std::int32_t));
  copy_to_device(device_.data(), host_.data(), static_cast<std::size_t>(used), stream);
}

}  // namespace wisk::device::cuda
