#pragma once
// The tiles that products of bf16 are cut into, and which one fits a list of products.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <wisk/device/packed_matrix.hpp>

namespace wisk::device::cuda {

/// What one thread block computes: `warps` times two panels (32 features) by `tokens` tokens, from stages of
/// `stage_k` columns, `stages` of them in shared memory. The result's bits do not depend on it.
struct TileShape {
  int warps, tokens, stage_k, stages;

  [[nodiscard]] constexpr std::int64_t features() const { return 2 * PackedMatrix::kPanel * warps; }
  [[nodiscard]] constexpr std::int64_t shared_bytes() const {
    return (features() + tokens) * 2 * stage_k * stages;
  }
};

/// By the work of a block. Small ones fill a GPU with little work and keep enough bytes on their way
/// for it; a large one reads less for each multiplication.
inline constexpr std::array<TileShape, 9> kTileShapes = {{{1, 8, 128, 4},
                                                          {2, 16, 64, 4},
                                                          {4, 8, 64, 4},
                                                          {4, 16, 64, 4},
                                                          {2, 32, 64, 4},
                                                          {4, 32, 64, 4},
                                                          {2, 64, 64, 4},
                                                          {4, 64, 64, 3},
                                                          {4, 128, 32, 4}}};

constexpr std::int64_t divided_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

namespace plan {

// Of a multiprocessor, in clocks and bytes; the order of magnitude is the same from A100 to B200.
inline constexpr std::int64_t kClocksOfMma = 2;   // m16n8k16, when all four tensor cores have work
inline constexpr std::int64_t kBytesAClock = 32;  // from the second cache level, all multiprocessors at work
inline constexpr std::int64_t kLatency = 800;     // of a stage, from memory
inline constexpr std::int64_t kSharedBytes = 160 << 10;  // shared memory for blocks that run at the same time

/// Clocks for 16 columns of all blocks of the busiest multiprocessor.
inline std::int64_t clocks(const TileShape& tile, std::int64_t blocks, int multiprocessors) {
  const std::int64_t mine = divided_up(blocks, multiprocessors);
  const std::int64_t multiply = std::int64_t{tile.warps} * 2 * (tile.tokens / 8) * kClocksOfMma;
  const std::int64_t load = (tile.features() + tile.tokens) * 32 / kBytesAClock;
  const std::int64_t together = std::max<std::int64_t>(1, kSharedBytes / tile.shared_bytes());
  const std::int64_t wait = kLatency / ((tile.stages - 1) * (tile.stage_k / 16));
  return std::max(mine * std::max(multiply, load), divided_up(mine, together) * wait);
}

}  // namespace plan

/// The index in kTileShapes of the tile that takes least time by a simple model. `panels`: of each product of
/// the list; `panels_of_warp`: how many of them a warp takes (two, or one where the other is of a second
/// matrix). Depends on sizes alone, not on the tokens' content.
inline std::size_t choose_tile(std::span<const std::int64_t> panels, std::int64_t panels_of_warp,
                               std::int64_t rows, int multiprocessors) {
  std::size_t best = 0;
  std::int64_t least = 0;
  for (std::size_t i = 0; i < kTileShapes.size(); ++i) {
    const TileShape& tile = kTileShapes[i];
    std::int64_t groups = 0;
    for (const std::int64_t count : panels) groups += divided_up(count, panels_of_warp * tile.warps);
    const std::int64_t time = plan::clocks(tile, groups * divided_up(rows, tile.tokens), multiprocessors);
    if (i == 0 || time <= least) {  // of equals the larger one: fewer reads
      best = i;
      least = time;
    }
  }
  return best;
}

}  // namespace wisk::device::cuda
