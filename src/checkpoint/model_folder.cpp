#include <wisk/checkpoint/model_folder.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <tuple>
#include <utility>

#include <wisk/checkpoint/names.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>

#include "config_form.hpp"
#include "json.hpp"
#include "weight_files.hpp"

namespace wisk::checkpoint {

struct ModelFolder::State {
  std::filesystem::path path;
  std::string config_text;
  Json config;
  std::optional<std::string> generation_config_text;
  WeightFiles weights;
  std::map<std::string, TensorView> tensors;
  std::map<std::string, std::string> unusable;
  std::string lm_head_name, embedding_name;
};

namespace {

/// Tensors that old versions of transformers saved and every version computes anew: no weights.
bool is_computed_buffer(const StoredTensor& tensor) {
  const std::string& name = tensor.view.name;
  for (const std::string_view end :
       {".inv_freq", ".position_ids", ".masked_bias", ".rotary_emb.cos_cached", ".rotary_emb.sin_cached"}) {
    if (name.ends_with(end)) return true;
  }
  // The causal mask of GPT-2 and GPT-NeoX is called like a bias; unlike one it is [1, 1, T, T].
  return (name.ends_with(".attn.bias") || name.ends_with(".attention.bias")) && tensor.view.shape.size() == 4;
}

/// Finds the names of the output and the embedding matrix; a prefix ("language_model.") is the same for both.
std::pair<std::string, std::string> name_ends(const std::map<std::string, TensorView>& tensors) {
  std::string embedding;
  for (const auto& [name, view] : tensors) {
    for (const std::string_view end : {"embed_tokens.weight", "wte.weight", "embed_in.weight"}) {
      if (embedding.empty() && (name == end || name.ends_with('.' + std::string(end)))) embedding = name;
    }
  }
  for (const auto& [name, view] : tensors) {
    if (name.ends_with("lm_head.weight") || name.ends_with("embed_out.weight")) return {name, embedding};
  }
  const std::size_t model = embedding.rfind("model.embed_tokens");
  const std::string prefix = model == std::string::npos || (model > 0 && embedding[model - 1] != '.')
                                 ? std::string{}
                                 : embedding.substr(0, model);
  return {prefix + "lm_head.weight", embedding};
}

bool matches(std::string_view name, std::string_view begin, std::string_view end) {
  return name.size() >= begin.size() + end.size() && name.starts_with(begin) && name.ends_with(end);
}

/// Files that belong to the tokenizer, the chat format, the licence or the code of a model.
bool is_side_file(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kPatterns = {{
      {"tokenizer", ".json"},
      {"tokenizer", ".model"},
      {"tokenizer", ".jinja"},
      {"special_tokens_map", ".json"},
      {"added_tokens", ".json"},
      {"vocab", ".json"},
      {"vocab", ".txt"},
      {"merges", ".txt"},
      {"", ".tiktoken"},
      {"spiece", ".model"},
      {"sentencepiece", ".model"},
      {"chat_template", ""},
      {"generation_config", ".json"},
      {"LICENSE", ""},
      {"NOTICE", ""},
      {"", ".py"},
  }};
  return std::any_of(kPatterns.begin(), kPatterns.end(),
                     [&](const auto& pattern) { return matches(name, pattern.first, pattern.second); });
}

void require_folder(const std::filesystem::path& folder) {
  std::error_code error;
  const auto status = std::filesystem::status(folder, error);
  if (std::filesystem::is_directory(status)) return;
  throw InputError(folder.string(), "a model folder",
                   std::filesystem::exists(status) ? "a file" : "nothing there");
}

}  // namespace

ModelFolder ModelFolder::open(const std::filesystem::path& folder) {
  require_folder(folder);
  auto state = std::make_unique<State>();
  state->path = folder;
  require_regular_file(folder / "config.json");
  state->config_text = read_text(folder / "config.json", std::size_t{16} << 20);
  state->config = parse_object(state->config_text, (folder / "config.json").string());
  if (std::filesystem::exists(folder / "generation_config.json")) {
    require_regular_file(folder / "generation_config.json");
    state->generation_config_text = read_text(folder / "generation_config.json", std::size_t{16} << 20);
    parse_object(*state->generation_config_text, (folder / "generation_config.json").string());
  }
  state->weights = open_weight_files(folder);
  for (const SafetensorsFile& shard : state->weights.shards) {
    for (const StoredTensor& tensor : shard.tensors()) {
      if (is_computed_buffer(tensor)) continue;
      if (tensor.usable) {
        state->tensors.emplace(tensor.view.name, tensor.view);
      } else {
        state->unusable.emplace(tensor.view.name, tensor.dtype_name);
      }
    }
  }
  if (state->tensors.empty() && state->unusable.empty()) {
    throw InputError(folder.string(), "at least one weight", "none in its safetensors");
  }
  std::tie(state->lm_head_name, state->embedding_name) = name_ends(state->tensors);
  return ModelFolder(std::move(state));
}

ModelFolder::ModelFolder(std::unique_ptr<const State> state) : state_(std::move(state)) {}
ModelFolder::ModelFolder(ModelFolder&&) noexcept = default;
ModelFolder& ModelFolder::operator=(ModelFolder&&) noexcept = default;
ModelFolder::~ModelFolder() = default;

const std::filesystem::path& ModelFolder::path() const {
  return state_->path;
}
const std::string& ModelFolder::config_text() const {
  return state_->config_text;
}
std::optional<std::string> ModelFolder::generation_config_text() const {
  return state_->generation_config_text;
}
const std::map<std::string, TensorView>& ModelFolder::tensors() const {
  return state_->tensors;
}
const std::map<std::string, std::string>& ModelFolder::unusable_tensors() const {
  return state_->unusable;
}
const std::string& ModelFolder::lm_head_name() const {
  return state_->lm_head_name;
}
const std::string& ModelFolder::embedding_name() const {
  return state_->embedding_name;
}

std::string ModelFolder::model_type() const {
  const auto place = state_->config.find("model_type");
  return place != state_->config.end() && place->is_string() ? place->get<std::string>() : std::string{};
}

const TensorView* ModelFolder::find(const std::string& name) const {
  const auto place = state_->tensors.find(name);
  return place == state_->tensors.end() ? nullptr : &place->second;
}

const TensorView& ModelFolder::tensor(const std::string& name) const {
  if (const TensorView* view = find(name)) return *view;
  const auto unusable = state_->unusable.find(name);
  const std::string where = path().string() + ": tensor " + printable(name);
  if (unusable != state_->unusable.end()) {
    throw InputError(where, "bfloat16, float16 or float32", unusable->second);
  }
  std::vector<std::string> names;
  for (const auto& [known, view] : state_->tensors) names.push_back(known);
  throw InputError(where, "to be there", "none" + did_you_mean(name, names));
}

bool ModelFolder::ties_embeddings() const {
  const TensorView* head = find(lm_head_name());
  const TensorView* embedding = find(embedding_name());
  if (embedding == nullptr) return false;
  if (head == nullptr) return !state_->unusable.contains(lm_head_name());
  return config_ties_embeddings(state_->config) && head->dtype == embedding->dtype &&
         head->shape == embedding->shape &&
         std::memcmp(head->bytes.data(), embedding->bytes.data(), head->bytes.size()) == 0;
}

const TensorView* ModelFolder::effective(const std::string& name) const {
  const TensorView* view = find(name);
  if (view == nullptr && name == lm_head_name() && ties_embeddings()) return find(embedding_name());
  return view;
}

std::vector<std::string> ModelFolder::side_files() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path())) {
    const std::string name = entry.path().filename().string();
    if (is_side_file(name) && entry.is_regular_file()) names.push_back(name);
  }
  const std::filesystem::path templates = path() / "additional_chat_templates";
  if (std::filesystem::is_directory(templates)) {
    for (const auto& entry : std::filesystem::directory_iterator(templates)) {
      if (entry.path().extension() == ".jinja" && entry.is_regular_file()) {
        names.push_back("additional_chat_templates/" + entry.path().filename().string());
      }
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::filesystem::path> ModelFolder::files() const {
  std::set<std::filesystem::path> all = {path() / "config.json"};
  for (const std::string& name : side_files()) all.insert(path() / name);
  if (state_->weights.index) all.insert(*state_->weights.index);
  for (const SafetensorsFile& shard : state_->weights.shards) all.insert(shard.path());
  return {all.begin(), all.end()};
}

}  // namespace wisk::checkpoint
