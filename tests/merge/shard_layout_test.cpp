#include "shard_layout.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace wisk::merge {
namespace {

const std::vector<OutputTensor> kTensors = {{"a", DType::kBFloat16, {3}, 6},
                                            {"b", DType::kFloat32, {2}, 8},
                                            {"c", DType::kBFloat16, {50}, 100},
                                            {"d", DType::kFloat16, {1}, 2}};

TEST(ShardLayout, OneFileHasNoIndexAndAlignedElements) {
  const ShardLayout layout = lay_out(kTensors, 1000);
  ASSERT_EQ(layout.shards.size(), 1u);
  EXPECT_EQ(layout.shards[0].name, "model.safetensors");
  EXPECT_EQ(layout.index, "");
  EXPECT_EQ(layout.shards[0].head.size() % 8, 0u);
  EXPECT_EQ(layout.shards[0].size, layout.shards[0].head.size() + 116);
  for (const Piece& piece : layout.shards[0].pieces) {
    EXPECT_EQ(piece.offset % size_of(kTensors[piece.tensor].dtype), 0u) << kTensors[piece.tensor].name;
  }
}

TEST(ShardLayout, FilesAreFilledInOrderAndALargeTensorStandsAlone) {
  const ShardLayout layout = lay_out(kTensors, 14);
  ASSERT_EQ(layout.shards.size(), 3u);
  EXPECT_EQ(layout.shards[1].name, "model-00002-of-00003.safetensors");
  const auto index = nlohmann::json::parse(layout.index);
  EXPECT_EQ(index["metadata"]["total_size"], 116);
  EXPECT_EQ(index["weight_map"]["a"], "model-00001-of-00003.safetensors");
  EXPECT_EQ(index["weight_map"]["b"], "model-00001-of-00003.safetensors");
  EXPECT_EQ(index["weight_map"]["c"], "model-00002-of-00003.safetensors");
  EXPECT_EQ(index["weight_map"]["d"], "model-00003-of-00003.safetensors");
}

}  // namespace
}  // namespace wisk::merge
