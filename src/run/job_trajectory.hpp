#pragma once
// Checkpoints along a training run: folders, lists of them and glob patterns, ordered by step number.

#include <vector>

#include "job_settings.hpp"
#include "job_values.hpp"

namespace wisk::run {

/// A pattern ("ckpt/step-*"), or a list of folders and patterns; sorted by step. Throws InputError for a
/// pattern that matches no folder, a missing folder, a folder without a number and two folders of one step.
std::vector<Step> read_trajectory(const Field& field);

}  // namespace wisk::run
