#include <wisk/merge/recipe.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

namespace wisk::merge {
namespace {

/// Ten digits at most: 1 - 0.9 is written 0.1.
std::string in_digits(double value) {
  std::array<char, 40> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 10);
  return {text.data(), end.ptr};
}

/// The last `parts` components of a folder's path.
std::string tail(const std::filesystem::path& folder, std::size_t parts) {
  std::filesystem::path path = folder.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path == ".") path = std::filesystem::absolute(path).lexically_normal().parent_path();
  std::filesystem::path end = path.filename();
  for (std::size_t i = 1; i < parts && path.has_parent_path() && path.parent_path() != path.root_path();
       ++i) {
    path = path.parent_path();
    end = path.filename() / end;
  }
  return end.empty() ? folder.string() : end.string();
}

/// Folder names that tell the ingredients apart: the last component, or as many as it takes (at most four).
std::vector<std::string> folder_names(const std::vector<Ingredient>& ingredients) {
  std::vector<std::string> names;
  for (std::size_t parts = 1; parts <= 4; ++parts) {
    names.clear();
    for (const Ingredient& ingredient : ingredients) names.push_back(tail(ingredient.folder, parts));
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) break;
  }
  return names;
}

}  // namespace

std::string Recipe::in_words() const {
  WISK_ASSERT(ingredients.size() == coefficients.size());
  const auto folders = folder_names(ingredients);
  std::string words;
  for (std::size_t i = 0; i < ingredients.size(); ++i) {
    const bool minus = std::signbit(coefficients[i]) && coefficients[i] != 0;
    if (i > 0) words += minus ? " - " : " + ";
    if (i == 0 && minus) words += '-';
    words += in_digits(std::abs(coefficients[i])) + " x " + folders[i];
    if (!ingredients[i].name.empty() && ingredients[i].name != folders[i])
      words += " (" + ingredients[i].name + ')';
  }
  return words;
}

Recipe interpolation(Ingredient early, Ingredient late, double delta) {
  if (!std::isfinite(delta)) throw InputError("delta", "a finite number", in_digits(delta));
  return {{std::move(early), std::move(late)}, {delta, 1.0 - delta}};
}

void normalize(Recipe& recipe) {
  double sum = 0;
  for (const double coefficient : recipe.coefficients) sum += coefficient;
  if (sum == 0 || !std::isfinite(sum)) {
    throw InputError(recipe.in_words(), "weights with a finite sum other than 0 (to normalize them)",
                     "the sum " + in_digits(sum));
  }
  for (double& coefficient : recipe.coefficients) coefficient /= sum;
}

}  // namespace wisk::merge
