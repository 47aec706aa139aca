#include <wisk/merge/inspection.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "checkpoint/make_folder.hpp"

namespace wisk::merge {
namespace {

TEST(Inspection, CountsByLayer) {
  const test::TempFolder temp;
  const auto found =
      inspect(test::make_folder(temp, "a", test::llama_config(), test::little_model("BF16", false, 1)));
  EXPECT_EQ(found.architecture, "LlamaForCausalLM");
  EXPECT_EQ(found.parameters, 6 * 4 * 2 + 5 * 4 * 2 + 4);
  EXPECT_EQ(found.bytes, static_cast<std::uint64_t>(2 * found.parameters));
  EXPECT_FALSE(found.ties_embeddings);
  std::vector<std::string> layers;
  for (const Layer& layer : found.layers) layers.push_back(layer.name);
  EXPECT_EQ(layers, (std::vector<std::string>{"lm_head", "model.embed_tokens", "model.layers.0",
                                              "model.layers.1", "model.norm"}));
}

TEST(Inspection, DistanceIsAsComputedByHand) {
  const test::TempFolder temp;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto a = test::make_folder(temp, "a", test::llama_config(),
                                   {test::made("x.weight", "F32", {5}, {3.0f, 4.0f, 0.0f, 1.0f, nan})});
  const auto b = test::make_folder(temp, "b", test::llama_config(),
                                   {test::made("x.weight", "F32", {5}, {3.0f, 1.0f, 4.0f, 1.0f, 2.0f})});
  const Comparison found = compare(a, b, 2);
  const Distance& total = found.total;
  EXPECT_EQ(total.elements, 4);
  EXPECT_EQ(total.non_finite, 1);
  EXPECT_EQ(total.share_equal(), 0.5);
  EXPECT_EQ(total.largest, 4.0);
  EXPECT_DOUBLE_EQ(total.relative_l2(), std::sqrt(25.0 / 26.0));
  EXPECT_DOUBLE_EQ(total.cosine(), 14.0 / (std::sqrt(26.0) * std::sqrt(27.0)));
  EXPECT_TRUE(found.hindrances.empty());
}

TEST(Inspection, TheNumbersDoNotDependOnThreads) {
  const test::TempFolder temp;
  const auto a =
      test::make_folder(temp, "a", test::llama_config(), {test::made("x.weight", "BF16", {999, 301}, 1)});
  const auto b =
      test::make_folder(temp, "b", test::llama_config(), {test::made("x.weight", "BF16", {999, 301}, 2)});
  const Distance one = compare(a, b, 1).total, three = compare(a, b, 3).total;
  EXPECT_EQ(one.squares_difference, three.squares_difference);
  EXPECT_EQ(one.product, three.product);
  EXPECT_EQ(one.elements, 999 * 301);
}

TEST(Inspection, CheckpointsThatDoNotFitAreComparedWhereTheyDo) {
  const test::TempFolder temp;
  auto tensors = test::little_model("BF16", true, 1);
  tensors[0] = test::made("model.embed_tokens.weight", "BF16", {7, 4}, 9);
  const auto a = test::make_folder(temp, "a", test::llama_config(), test::little_model("BF16", true, 1));
  const auto b = test::make_folder(temp, "b", test::llama_config(), tensors);
  const Comparison found = compare(a, b, 1);
  EXPECT_EQ(found.hindrances.size(), 1u);
  EXPECT_EQ(found.total.elements, 44);
  EXPECT_EQ(found.total.relative_l2(), 0);
}

}  // namespace
}  // namespace wisk::merge
