#include <wisk/merge/ingredients.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <wisk/checkpoint/compare.hpp>
#include <wisk/checkpoint/names.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/device/blend.hpp>

namespace wisk::merge {

Ingredients Ingredients::open(const Recipe& recipe, bool allow_different_dtypes) {
  WISK_ASSERT(recipe.ingredients.size() == recipe.coefficients.size());
  Ingredients opened;
  for (std::size_t i = 0; i < recipe.ingredients.size(); ++i) {
    const double coefficient = recipe.coefficients[i];
    if (!(std::abs(coefficient) <= std::numeric_limits<float>::max())) {
      throw InputError("weight of " + recipe.ingredients[i].folder.string(), "a number within float32",
                       std::to_string(coefficient));
    }
    if (coefficient == 0) continue;
    if (recipe.ingredients[i].name == "late") opened.leading_ = opened.folders_.size();
    opened.folders_.push_back(checkpoint::ModelFolder::open(recipe.ingredients[i].folder));
    opened.coefficients_.push_back(coefficient);
  }
  if (opened.folders_.empty()) {
    throw InputError("recipe", "at least one checkpoint with a weight other than 0", "none");
  }
  std::vector<const checkpoint::ModelFolder*> pointers;
  for (const auto& folder : opened.folders_) pointers.push_back(&folder);
  checkpoint::require_blendable(pointers, allow_different_dtypes);

  std::set<std::string> names;
  for (const auto& folder : opened.folders_) {
    opened.folder_ties_.push_back(folder.ties_embeddings());
    for (const auto& [name, view] : folder.tensors()) names.insert(name);
  }
  opened.ties_ =
      std::all_of(opened.folder_ties_.begin(), opened.folder_ties_.end(), [](bool tied) { return tied; });
  if (opened.ties_) names.erase(opened.folders_[0].lm_head_name());
  opened.names_.assign(names.begin(), names.end());
  std::sort(opened.names_.begin(), opened.names_.end(), checkpoint::natural_less);
  return opened;
}

std::vector<const checkpoint::TensorView*> Ingredients::sources(const std::string& name) const {
  std::vector<const checkpoint::TensorView*> sources;
  for (std::size_t i = 0; i < folders_.size(); ++i) {
    const checkpoint::ModelFolder& folder = folders_[i];
    const bool borrowed = name == folder.lm_head_name() && folder_ties_[i];
    sources.push_back(&folder.tensor(borrowed ? folder.embedding_name() : name));
  }
  return sources;
}

void blend_range(const std::vector<const checkpoint::TensorView*>& sources,
                 const std::vector<double>& coefficients, std::size_t begin, std::size_t count,
                 DType out_type, std::byte* out) {
  WISK_ASSERT(sources.size() == coefficients.size());
  std::vector<device::BlendInput> inputs;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::size_t width = size_of(sources[i]->dtype);
    WISK_ASSERT((begin + count) * width <= sources[i]->bytes.size());
    inputs.push_back({sources[i]->bytes.data() + begin * width, sources[i]->dtype, coefficients[i]});
  }
  device::blend(inputs, count, out_type, out);
}

}  // namespace wisk::merge
