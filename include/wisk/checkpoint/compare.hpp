#pragma once
// Whether checkpoints are of one model.

#include <span>
#include <string>
#include <vector>

#include <wisk/checkpoint/model_folder.hpp>

namespace wisk::checkpoint {

/// What differs between two config.json, both spellings of transformers 4 and 5 brought to one form first
/// (rope_theta and rope_scaling against rope_parameters, torch_dtype against dtype, sliding_window_pattern
/// against layer_types, null or an architecture's default against an absent key).
struct ConfigDifferences {
  std::vector<std::string>
      computation;  ///< keys that change what the model computes: "hidden_size: 576 against 640"
  std::vector<std::string> remarks;  ///< keys that don't, worth a warning: token ids, context length
};

ConfigDifferences config_differences(const ModelFolder& first, const ModelFolder& other);

/// All that hinders blending the folders: of each, weights of unusable dtypes; of each against the first,
/// names, shapes, dtypes and config keys that change the computation. A tied lm_head matches one that is
/// present. Names that differ only in their layer's number make one entry. Empty when the folders fit.
std::vector<std::string> hindrances(std::span<const ModelFolder* const> folders, bool allow_different_dtypes);

/// Throws one InputError naming all hindrances.
void require_blendable(std::span<const ModelFolder* const> folders, bool allow_different_dtypes);

}  // namespace wisk::checkpoint
