#include <wisk/run/model_setup.hpp>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include <wisk/checkpoint/compare.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/core/clock.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/log.hpp>
#include <wisk/run/interrupt.hpp>
#include <wisk/sample/engine.hpp>

#include "memory.hpp"
#include "together.hpp"

namespace wisk::run {

namespace {

void add_end_tokens(const std::string& json, const std::string& where, std::vector<std::int32_t>& tokens) {
  const auto value = nlohmann::json::parse(json, nullptr, false);
  if (!value.is_object() || !value.contains("eos_token_id") || value["eos_token_id"].is_null()) return;
  const auto& ids = value["eos_token_id"];
  const auto add = [&](const nlohmann::json& id) {
    constexpr std::int64_t kLargest = std::int64_t{1} << 30;
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 || id.get<std::int64_t>() > kLargest) {
      throw InputError(where + ": key `eos_token_id`", "a token id or a list of them", ids.dump());
    }
    tokens.push_back(id.get<std::int32_t>());
  };
  if (!ids.is_array()) return add(ids);
  for (const auto& id : ids) add(id);
}

void sort_and_unique(std::vector<std::int32_t>& tokens) {
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
}

std::vector<std::int32_t> end_tokens_of(const checkpoint::ModelFolder& folder) {
  std::vector<std::int32_t> tokens;
  add_end_tokens(folder.config_text(), (folder.path() / "config.json").string(), tokens);
  if (const auto text = folder.generation_config_text()) {
    add_end_tokens(*text, (folder.path() / "generation_config.json").string(), tokens);
  }
  return tokens;
}

/// The token that ends a turn: a chat model's sample ends there whatever its config says. "" for kPlain.
std::string_view turn_end(tokenizer::ChatFormat format) {
  switch (format) {
    case tokenizer::ChatFormat::kChatML:
      return "<|im_end|>";
    case tokenizer::ChatFormat::kLlama3:
      return "<|eot_id|>";
    case tokenizer::ChatFormat::kGemma:
      return "<end_of_turn>";
    case tokenizer::ChatFormat::kMistral:
      return "</s>";
    case tokenizer::ChatFormat::kPlain:
      break;
  }
  return {};
}

}  // namespace

const checkpoint::ModelFolder& Checkpoints::folder(const std::filesystem::path& path) const {
  const auto found = std::find(paths.begin(), paths.end(), path);
  WISK_ASSERT(found != paths.end());
  return folders[static_cast<std::size_t>(found - paths.begin())];
}

Checkpoints open_checkpoints(const std::vector<std::filesystem::path>& paths, const ModelOptions& options) {
  Checkpoints all;
  all.paths = paths;
  bool tied = true;
  for (const auto& path : paths) {
    all.folders.push_back(checkpoint::ModelFolder::open(path));
    tied = tied && all.folders.back().ties_embeddings();
  }
  std::vector<const checkpoint::ModelFolder*> pointers;
  for (const auto& folder : all.folders) pointers.push_back(&folder);
  checkpoint::require_blendable(pointers, options.dtype.has_value());
  const checkpoint::ModelFolder& first = all.folders.front();
  all.architecture =
      model::read_architecture(first.config_text(), (paths.front() / "config.json").string(), tied);
  const std::string beyond = "model.layers." + std::to_string(all.architecture.layers.size()) + ".";
  if (const auto extra = first.tensors().lower_bound(beyond);
      extra != first.tensors().end() && extra->first.rfind(beyond, 0) == 0) {
    throw InputError(
        (paths.front() / "config.json").string() + ": key `num_hidden_layers`",
        "as many layers as the checkpoint has",
        std::to_string(all.architecture.layers.size()) + " although there is a tensor " + extra->first);
  }
  const checkpoint::TensorView& embedding = first.tensor("model.embed_tokens.weight");
  all.own_dtypes = !options.dtype.has_value();
  all.storage = options.dtype.value_or(embedding.dtype);
  const DType compute =
      options.compute.value_or(all.storage == DType::kBFloat16 ? DType::kBFloat16 : DType::kFloat32);
  all.compute = compute == DType::kBFloat16 ? device::Compute::kBFloat16 : device::Compute::kFloat32;
  // Base and finetuned checkpoints often name different ends of a text: any of them ends a sample.
  for (const auto& folder : all.folders) {
    const std::vector<std::int32_t> own = end_tokens_of(folder);
    all.end_tokens.insert(all.end_tokens.end(), own.begin(), own.end());
  }
  sort_and_unique(all.end_tokens);
  return all;
}

tokenizer::ChatFormat chat_format_of(const std::string& name, const tokenizer::Tokenizer& tokenizer,
                                     const std::string& where) {
  return name == "auto" ? tokenizer::recognise_chat_format(tokenizer, where)
                        : tokenizer::parse_chat_format(name, where);
}

std::int64_t checked_length(const std::vector<std::int32_t>& ids, int max_tokens,
                            const model::Architecture& architecture, const std::string& where,
                            const std::string& limit) {
  if (ids.empty()) throw InputError(where, "a prompt of at least one token", "none");
  for (const std::int32_t id : ids) {
    if (id < 0 || id >= architecture.vocabulary) {
      throw InputError(where,
                       "token ids of 0 to " + std::to_string(architecture.vocabulary - 1) + " (vocab_size)",
                       std::to_string(id));
    }
  }
  const auto length = static_cast<std::int64_t>(ids.size()) + max_tokens;
  if (length > architecture.max_positions) {
    throw InputError(where,
                     "prompt and " + limit +
                         " within max_position_embeddings = " + std::to_string(architecture.max_positions),
                     std::to_string(ids.size()) + " + " + std::to_string(max_tokens) + " tokens");
  }
  return length;
}

std::vector<std::int32_t> with_turn_end(std::vector<std::int32_t> end_tokens, tokenizer::ChatFormat format,
                                        const tokenizer::Tokenizer& tokenizer) {
  const std::string_view token = turn_end(format);
  if (const auto id = token.empty() ? std::nullopt : tokenizer.id_of(token)) end_tokens.push_back(*id);
  sort_and_unique(end_tokens);
  return end_tokens;
}

std::vector<std::int32_t> with_stop_tokens(std::vector<std::int32_t> end_tokens,
                                           const std::vector<std::string>& stop,
                                           const tokenizer::Tokenizer& tokenizer) {
  for (const std::string& text : stop) {
    const auto id = tokenizer.id_of(text);
    if (id && tokenizer.is_special(*id)) end_tokens.push_back(*id);
  }
  sort_and_unique(end_tokens);
  return end_tokens;
}

tokenizer::Tokenizer shared_tokenizer(const std::vector<std::filesystem::path>& paths) {
  tokenizer::Tokenizer first = tokenizer::Tokenizer::load(paths.front());
  const std::string text = read_text(paths.front() / "tokenizer.json");
  for (std::size_t i = 1; i < paths.size(); ++i) {
    if (read_text(paths[i] / "tokenizer.json") == text) continue;
    const tokenizer::Tokenizer other = tokenizer::Tokenizer::load(paths[i]);
    for (std::int32_t id = 0; id < std::max(first.size(), other.size()); ++id) {
      if (first.token_of(id) != other.token_of(id)) {
        throw InputError((paths[i] / "tokenizer.json").string() + ": token " + std::to_string(id),
                         first.token_of(id).value_or("none") + " as in " + paths.front().string(),
                         other.token_of(id).value_or("none"));
      }
    }
  }
  return first;
}

Topology make_topology(comm::Communicator& world, int tensor_parallel,
                       const model::Architecture& architecture) {
  if (tensor_parallel < 1 || architecture.slices() % tensor_parallel != 0) {
    throw InputError("model.tensor_parallel",
                     "a power of two, at most " + std::to_string(architecture.slices()) + " for this model",
                     std::to_string(tensor_parallel));
  }
  if (world.size() % tensor_parallel != 0) {
    throw InputError("model.tensor_parallel",
                     "a divisor of the number of ranks, " + std::to_string(world.size()),
                     std::to_string(tensor_parallel));
  }
  Topology topology;
  topology.world = &world;
  topology.replicas = world.size() / tensor_parallel;
  topology.replica_index = world.rank() / tensor_parallel;
  topology.replica = world.split(topology.replica_index, world.rank());
  topology.peers = world.split(topology.replica->rank(), topology.replica_index);
  topology.node = world.split_by_node();
  return topology;
}

bool Topology::agree(bool asked) const {
  std::array<std::byte, 1> flag = {static_cast<std::byte>(asked ? 1 : 0)};
  if (replica->size() > 1) replica->broadcast(flag, 0);
  return flag[0] != std::byte{0};
}

device::CpuOptions cpu_options(const EngineOptions& options, const Topology& topology) {
  device::CpuOptions cpu;
  cpu.threads = options.threads;
  cpu.share = topology.core_share;
  cpu.share_rank = topology.core_share_rank;
  cpu.pin = topology.cores_alike;
  return cpu;
}

namespace {

/// What the kernels of a GPU cannot do that the CPU's can.
void check_limits_of_gpu(const model::Architecture& architecture, const device::GpuInfo& gpu) {
  constexpr int kMostHeadDim = 256, kHeadDimOfSmallBlocks = 128;
  if (architecture.head_dim > kMostHeadDim) {
    throw InputError("config.json: head_dim", "at most 256 on a GPU (engine.device: cpu has no such limit)",
                     std::to_string(architecture.head_dim));
  }
  const bool large_blocks = (gpu.major == 8 && gpu.minor == 0) || gpu.major == 9 || gpu.major == 10;
  if (architecture.head_dim > kHeadDimOfSmallBlocks && !large_blocks) {
    throw EnvironmentError(
        "engine.device: expected a GPU with 132 KiB of shared memory a block (A100, H100, "
        "B200) for heads of " +
        std::to_string(architecture.head_dim) + " numbers, found " + gpu.name +
        ": engine.device: cpu computes without");
  }
}

}  // namespace

ResidentModel::ResidentModel(const Checkpoints& checkpoints, const EngineOptions& options, Topology& topology)
    : checkpoints_(checkpoints), options_(options), topology_(topology) {
  if (topology.gpu) check_limits_of_gpu(checkpoints.architecture, *topology.gpu);
  device_ = device::make_device({cpu_options(options, topology), topology.gpu, options.graphs});
  group_ = make_device_group(*topology.replica, options, topology);
  if (group_ != nullptr) group_->on_abort([device = device_.get()] { device->forget_recorded(); });
  const model::Shard shard{topology.replica->rank(), topology.replica->size()};
  weights_ = std::make_unique<model::Weights>(*device_, checkpoints.architecture, checkpoints.storage,
                                              checkpoints.compute, shard, checkpoints.own_dtypes);
  transformer_ = std::make_unique<model::Transformer>(*device_, checkpoints.architecture, *weights_,
                                                      checkpoints.compute, *topology.replica, group_.get());
}

void ResidentModel::share_ingredients(const std::set<std::filesystem::path>& paths) {
  if (!topology_.gpu || topology_.peers->size() == 1) return;
  std::unique_ptr<comm::DeviceGroup> group;
  std::string trouble;
  try {
    group = make_device_group(*topology_.peers, options_, topology_);
  } catch (const EnvironmentError& error) {
    trouble = error.what();
  }
  if (one_rank_warns(*topology_.world, "each replica reads the checkpoints itself: ", trouble)) return;
  std::vector<const checkpoint::ModelFolder*> folders;
  for (const std::filesystem::path& path : paths) folders.push_back(&checkpoints_.folder(path));
  weights_->keep_ingredients(folders, *topology_.peers, *group);
}

std::uint64_t ResidentModel::blend(const merge::Recipe& recipe) {
  const Stopwatch watch;
  std::string wanted;
  std::vector<const checkpoint::ModelFolder*> folders;
  for (std::size_t i = 0; i < recipe.ingredients.size(); ++i) {
    folders.push_back(&checkpoints_.folder(recipe.ingredients[i].folder));
    wanted += std::to_string(std::bit_cast<std::uint64_t>(recipe.coefficients[i])) + "*" +
              recipe.ingredients[i].folder.string() + "\n";
  }
  constexpr std::size_t kMostOnGpu = 128;
  if (topology_.gpu && recipe.ingredients.size() > kMostOnGpu) {
    throw InputError("blend", "at most 128 checkpoints in one blend on a GPU",
                     std::to_string(recipe.ingredients.size()));
  }
  if (wanted != resident_) {
    weights_->blend(folders, recipe.coefficients);
    std::uint64_t hash[] = {weights_->hash()};
    topology_.replica->all_reduce_sum(std::span<std::uint64_t>(hash));
    hash_ = hash[0];
    resident_ = wanted;
  }
  blend_seconds_ += watch.seconds();
  return hash_;
}

}  // namespace wisk::run
