#include "weight_files.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <wisk/checkpoint/names.hpp>
#include <wisk/core/error.hpp>

#include "json.hpp"

namespace wisk::checkpoint {
namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

/// A shard is a file of the folder itself; anything else could point out of it.
void require_plain_name(const std::string& name, const std::string& where) {
  const bool plain = !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
                     name.find_first_of(std::string("/\\\0", 3)) == std::string::npos &&
                     name.ends_with(".safetensors");
  if (!plain) {
    throw InputError(where, "the name of a .safetensors file in the same folder",
                     '"' + printable(name) + '"');
  }
}

std::map<std::string, std::string> read_weight_map(const std::filesystem::path& index) {
  const Json root = read_object(index);
  const auto place = root.find("weight_map");
  if (place == root.end() || !place->is_object()) {
    throw InputError(index.string() + ": weight_map", "an object",
                     place == root.end() ? "none" : kind_of(*place));
  }
  std::map<std::string, std::string> weight_map;
  for (const auto& [tensor, shard] : place->items()) {
    const std::string where = index.string() + ": weight_map: " + printable(tensor);
    if (!shard.is_string()) throw InputError(where, "a file name", kind_of(shard));
    require_plain_name(shard.get_ref<const std::string&>(), where);
    weight_map.emplace(tensor, shard.get<std::string>());
  }
  if (weight_map.empty()) throw InputError(index.string() + ": weight_map", "at least one tensor", "none");
  return weight_map;
}

/// Every tensor of the index is in its shard and nowhere else, and every tensor of a shard is in the index.
void check_against_index(const std::map<std::string, std::string>& weight_map,
                         const std::vector<SafetensorsFile>& shards, const std::filesystem::path& index) {
  std::map<std::string, std::vector<std::string>> absent_of_shard, unlisted_of_shard;
  std::map<std::string, std::set<std::string>> stored;
  for (const SafetensorsFile& shard : shards) {
    const std::string name = shard.path().filename().string();
    for (const StoredTensor& tensor : shard.tensors()) {
      stored[name].insert(tensor.view.name);
      const auto place = weight_map.find(tensor.view.name);
      if (place == weight_map.end() || place->second != name)
        unlisted_of_shard[name].push_back(tensor.view.name);
    }
  }
  for (const auto& [tensor, shard] : weight_map) {
    if (!stored[shard].contains(tensor)) absent_of_shard[shard].push_back(tensor);
  }
  std::vector<std::string> problems;
  for (auto& [shard, names] : absent_of_shard) {
    problems.push_back(shard + " lacks " + join(summarize_names(std::move(names)), ", "));
  }
  for (auto& [shard, names] : unlisted_of_shard) {
    problems.push_back(shard + " holds " + join(summarize_names(std::move(names)), ", ") + ", not so listed");
  }
  if (!problems.empty()) {
    throw InputError(index.string(), "an index that agrees with its shards", join(problems, "; "));
  }
}

WeightFiles open_indexed(const std::filesystem::path& folder) {
  WeightFiles files;
  files.index = folder / kIndex;
  const auto weight_map = read_weight_map(*files.index);
  std::set<std::string> names;
  for (const auto& [tensor, shard] : weight_map) names.insert(shard);
  if (!names.contains(kSingle) && std::filesystem::exists(folder / kSingle)) {
    throw InputError(
        folder.string(), "one set of weights",
        std::string(kSingle) + " beside " + kIndex + ", which does not name it (remove one of them)");
  }
  for (const std::string& name : names) files.shards.push_back(SafetensorsFile::open(folder / name));
  check_against_index(weight_map, files.shards, *files.index);
  return files;
}

[[noreturn]] void no_weights(const std::filesystem::path& folder, std::size_t candidates) {
  std::string found = "none";
  if (candidates > 1) {
    found = std::to_string(candidates) + " *.safetensors files and no " + kIndex;
  } else if (std::filesystem::exists(folder / "adapter_model.safetensors")) {
    found = "a LoRA adapter (adapter_model.safetensors); merge it into its base model first";
  } else if (std::filesystem::exists(folder / "pytorch_model.bin") ||
             std::filesystem::exists(folder / "pytorch_model.bin.index.json")) {
    found = "pytorch_model.bin; wisk reads no pickle: save the model with safe_serialization=True";
  }
  throw InputError(folder.string(), std::string(kSingle) + " or " + kIndex, found);
}

}  // namespace

WeightFiles open_weight_files(const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder / kIndex)) return open_indexed(folder);
  WeightFiles files;
  if (std::filesystem::exists(folder / kSingle)) {
    files.shards.push_back(SafetensorsFile::open(folder / kSingle));
    return files;
  }
  std::vector<std::filesystem::path> candidates;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".safetensors") && name != "adapter_model.safetensors")
      candidates.push_back(entry.path());
  }
  if (candidates.size() != 1) no_weights(folder, candidates.size());
  files.shards.push_back(SafetensorsFile::open(candidates.front()));
  return files;
}

}  // namespace wisk::checkpoint
