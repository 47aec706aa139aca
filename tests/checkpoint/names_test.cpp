#include <wisk/checkpoint/names.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wisk::checkpoint {
namespace {

TEST(Names, NumbersCompareAsNumbers) {
  EXPECT_TRUE(natural_less("layers.2.x", "layers.10.x"));
  EXPECT_FALSE(natural_less("layers.10.x", "layers.2.x"));
  EXPECT_TRUE(natural_less("layers.2", "layers.2.x"));
  EXPECT_TRUE(natural_less("a", "b"));
  EXPECT_FALSE(natural_less("a7", "a7"));
  EXPECT_NE(natural_less("a07", "a7"), natural_less("a7", "a07")) << "a strict order for equal numbers too";
}

TEST(Names, ManyLayersBecomeOneLine) {
  const auto summary = summarize_names({"model.layers.10.w", "model.layers.2.w", "model.layers.3.w",
                                        "model.layers.4.w", "lm_head.weight", "model.layers.2.k"});
  EXPECT_EQ(summary, (std::vector<std::string>{"lm_head.weight", "model.layers.2.k",
                                               "model.layers.{2-4,10}.w (4 tensors)"}));
}

TEST(Names, PrintableKeepsOneLine) {
  EXPECT_EQ(printable("a\nb\x1b[0m"), "a\\x0ab\\x1b[0m");
  EXPECT_EQ(printable(std::string(500, 'a'), 10), "aaaaaaaaaa...");
}

}  // namespace
}  // namespace wisk::checkpoint
