#pragma once
// Which files of a folder hold the weights, and whether index and shards agree.

#include <filesystem>
#include <optional>
#include <vector>

#include "safetensors.hpp"

namespace wisk::checkpoint {

struct WeightFiles {
  std::optional<std::filesystem::path> index;
  std::vector<SafetensorsFile> shards;
};

/// The rules of ModelFolder::open. No tensor is in two shards.
WeightFiles open_weight_files(const std::filesystem::path& folder);

}  // namespace wisk::checkpoint
