#pragma once
// What to blend, in what proportion: the recipe of one arm, without its weights.

#include <filesystem>
#include <string>
#include <vector>

namespace wisk::merge {

/// A checkpoint that takes part in a recipe.
struct Ingredient {
  std::string name;              ///< its name in the job: "early", "late", "step-112"
  std::filesystem::path folder;  ///< Hugging Face model folder
};

/// w = sum_i coefficients[i] * ingredients[i], summed in this order (arXiv 2504.10478 with two ingredients
/// and coefficients delta, 1 - delta). An ingredient with coefficient 0 is not read.
struct Recipe {
  std::vector<Ingredient> ingredients;
  std::vector<double> coefficients;  ///< [ingredients.size()]

  /// "0.25 x step-112 (early) + 0.75 x step-1120 (late)": folder names, and the job's names where they
  /// differ.
  [[nodiscard]] std::string in_words() const;
};

/// The two-way form: delta is the weight of **early**; delta outside 0..1 extrapolates.
Recipe interpolation(Ingredient early, Ingredient late, double delta);

/// Divides the coefficients by their sum. Throws InputError when the sum is 0.
void normalize(Recipe& recipe);

}  // namespace wisk::merge
