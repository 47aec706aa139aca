#include "product_plan.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace wisk::test {
namespace {

using device::cuda::choose_tile;
using device::cuda::kTileShapes;
using device::cuda::TileShape;

struct Plan {
  TileShape tile;
  std::int64_t blocks;
};

Plan plan(const std::vector<std::int64_t>& panels, std::int64_t rows, int multiprocessors = 132) {
  const TileShape tile = kTileShapes[choose_tile(panels, 2, rows, multiprocessors)];
  std::int64_t groups = 0;
  for (const std::int64_t count : panels) groups += (count + 2 * tile.warps - 1) / (2 * tile.warps);
  return {tile, groups * ((rows + tile.tokens - 1) / tile.tokens)};
}

TEST(ProductPlan, SmallProductsFillTheGpu) {
  // q, k, v of Qwen2.5-0.5B, 1152 features: 18 blocks of the largest tile.
  EXPECT_GE(plan({56, 8, 8}, 256).blocks, 66);
  EXPECT_GE(plan({56, 8, 8}, 64).blocks, 66);
  // One token: nothing but panels to share out.
  EXPECT_EQ(plan({56, 8, 8}, 1).blocks, 36);
  EXPECT_EQ(plan({56, 8, 8}, 1).tile.tokens, 8);
}

TEST(ProductPlan, LargeProductsTakeLargeTiles) {
  EXPECT_EQ(plan({9496}, 1).tile.warps, 4);  // its logits
  EXPECT_EQ(plan({9496}, 1).tile.tokens, 8);
  EXPECT_EQ(plan({608}, 4096).tile.tokens, 128);
  EXPECT_EQ(plan({608}, 4096).tile.warps, 4);
  // Not more rows than there are.
  for (const std::int64_t rows : {1, 8, 9, 16, 17, 32, 64})
    EXPECT_LE(plan({9496}, rows).tile.tokens, 2 * rows + 8);
}

TEST(ProductPlan, FewerMultiprocessorsLargerTiles) {
  std::int64_t before = 0;
  for (const int multiprocessors : {1000, 132, 20, 1}) {
    const TileShape tile = plan({72}, 256, multiprocessors).tile;
    EXPECT_GE(tile.features() * tile.tokens, before) << multiprocessors;
    before = tile.features() * tile.tokens;
  }
}

TEST(ProductPlan, NothingToDo) {
  EXPECT_LT(choose_tile({}, 2, 5, 132), kTileShapes.size());
  EXPECT_LT(choose_tile(std::vector<std::int64_t>{4}, 2, 0, 132), kTileShapes.size());
}

TEST(ProductPlan, TilesFitSharedMemory) {
  for (const TileShape& tile : kTileShapes)
    EXPECT_LE(tile.shared_bytes(), 99 << 10);  // of every GPU from sm_80
}

}  // namespace
}  // namespace wisk::test
