#include <wisk/merge/recipe.hpp>

#include <gtest/gtest.h>

#include <limits>

#include <wisk/core/error.hpp>

namespace wisk::merge {
namespace {

TEST(Recipe, SaysInWordsWhatHasWhichWeight) {
  EXPECT_EQ(interpolation({"early", "ckpt/step-112"}, {"late", "ckpt/step-1120/"}, 0.25).in_words(),
            "0.25 x step-112 (early) + 0.75 x step-1120 (late)");
  EXPECT_EQ(interpolation({"early", "a"}, {"late", "b"}, 0.9).in_words(), "0.9 x a (early) + 0.1 x b (late)");
  EXPECT_EQ(interpolation({"a", "a"}, {"b", "b"}, 1.5).in_words(), "1.5 x a - 0.5 x b");
  EXPECT_EQ(interpolation({"a", "a"}, {"b", "b"}, -0.5).in_words(), "-0.5 x a + 1.5 x b");
  EXPECT_EQ(interpolation({"a", "a"}, {"b", "b"}, 0).in_words(), "0 x a + 1 x b");
}

TEST(Recipe, FoldersOfOneNameAreToldApart) {
  EXPECT_EQ(interpolation({"early", "run1/final"}, {"late", "run2/final"}, 0.5).in_words(),
            "0.5 x run1/final (early) + 0.5 x run2/final (late)");
}

TEST(Recipe, DeltaIsTheWeightOfEarly) {
  const Recipe recipe = interpolation({"early", "a"}, {"late", "b"}, 0.25);
  EXPECT_EQ(recipe.ingredients[0].name, "early");
  EXPECT_EQ(recipe.coefficients, (std::vector<double>{0.25, 0.75}));
  EXPECT_THROW(interpolation({"early", "a"}, {"late", "b"}, std::numeric_limits<double>::quiet_NaN()),
               InputError);
}

TEST(Recipe, NormalizeDividesByTheSum) {
  Recipe recipe{{{"a", "a"}, {"b", "b"}, {"c", "c"}}, {1, 2, 1}};
  normalize(recipe);
  EXPECT_EQ(recipe.coefficients, (std::vector<double>{0.25, 0.5, 0.25}));
  Recipe zero{{{"a", "a"}, {"b", "b"}}, {1, -1}};
  EXPECT_THROW(normalize(zero), InputError);
}

}  // namespace
}  // namespace wisk::merge
