#pragma once
// The opened checkpoints of a recipe, and the model that they blend to.

#include <cstddef>
#include <string>
#include <vector>

#include <wisk/checkpoint/model_folder.hpp>
#include <wisk/core/dtype.hpp>
#include <wisk/merge/recipe.hpp>

namespace wisk::merge {

/// Owns the folders of a recipe's ingredients whose coefficient is not 0, in the recipe's order. Move-only,
/// immutable, thread-safe.
class Ingredients {
 public:
  /// Opens and compares (headers only). Throws InputError: no coefficient other than 0, a coefficient that is
  /// not finite, a folder that cannot be read, folders that do not fit (all differences in one message).
  static Ingredients open(const Recipe& recipe, bool allow_different_dtypes);

  [[nodiscard]] const std::vector<checkpoint::ModelFolder>& folders() const { return folders_; }
  [[nodiscard]] const std::vector<double>& coefficients() const {
    return coefficients_;
  }  ///< [folders().size()]
  /// The folder that config, tokenizer and chat files of the blend are taken from: the ingredient called
  /// "late" when it takes part (a blend should speak the format that finetuning taught), otherwise the first
  /// that does.
  [[nodiscard]] const checkpoint::ModelFolder& leading() const { return folders_[leading_]; }

  /// True when all ingredients tie the output matrix to the embedding; the blend then has no lm_head.weight.
  /// If only some do, the blend has one, made of the untied matrices and the embeddings of the tied
  /// ingredients.
  [[nodiscard]] bool ties_embeddings() const { return ties_; }

  /// The blended model's tensors, in natural order.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// The ingredients' tensors for one of names(), in the order of folders().
  [[nodiscard]] std::vector<const checkpoint::TensorView*> sources(const std::string& name) const;

 private:
  std::vector<checkpoint::ModelFolder> folders_;
  std::vector<double> coefficients_;
  std::vector<bool> folder_ties_;
  std::size_t leading_ = 0;
  bool ties_ = false;
  std::vector<std::string> names_;
};

/// Blends elements `begin` to `begin + count` of a tensor, given by its sources, into `out` [count]
/// (device::blend).
void blend_range(const std::vector<const checkpoint::TensorView*>& sources,
                 const std::vector<double>& coefficients, std::size_t begin, std::size_t count,
                 DType out_type, std::byte* out);

}  // namespace wisk::merge
