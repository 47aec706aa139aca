#pragma once
// From checkpoint folders to a model that is ready to be blended and run: what `run` and `generate` share.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <wisk/checkpoint/model_folder.hpp>
#include <wisk/comm/communicator.hpp>
#include <wisk/comm/device_group.hpp>
#include <wisk/device/factory.hpp>
#include <wisk/merge/recipe.hpp>
#include <wisk/model/transformer.hpp>
#include <wisk/run/job.hpp>
#include <wisk/sample/engine.hpp>
#include <wisk/tokenizer/chat.hpp>
#include <wisk/tokenizer/tokenizer.hpp>

namespace wisk::run {

/// Checkpoints that fit together, with what they share. Owns the mapped folders; immutable.
struct Checkpoints {
  std::vector<checkpoint::ModelFolder> folders;  ///< in the order they were given
  std::vector<std::filesystem::path> paths;      ///< [folders.size()]
  model::Architecture architecture;
  bool own_dtypes = true;            ///< no dtype was asked for: vectors keep their own
  DType storage = DType::kBFloat16;  ///< that blends round to
  device::Compute compute = device::Compute::kBFloat16;
  std::vector<std::int32_t> end_tokens;  ///< sorted; of all folders' generation_config.json and config.json

  [[nodiscard]] const checkpoint::ModelFolder& folder(const std::filesystem::path& path) const;
};

/// Opens the folders (headers only) and checks that they can be blended. Throws InputError naming every
/// difference.
Checkpoints open_checkpoints(const std::vector<std::filesystem::path>& paths, const ModelOptions& options);

/// The tokenizer of the first folder; throws InputError when another folder's maps any token differently.
tokenizer::Tokenizer shared_tokenizer(const std::vector<std::filesystem::path>& paths);

/// The chat format of a name: "auto" is the checkpoint's own. Throws InputError at `where`.
tokenizer::ChatFormat chat_format_of(const std::string& name, const tokenizer::Tokenizer& tokenizer,
                                     const std::string& where);

/// Tokens that a prompt comes to with `max_tokens` more. Throws InputError at `where` when it is empty, has
/// an id beyond the vocabulary, or is longer than the context; `limit` is what the user calls max_tokens.
std::int64_t checked_length(const std::vector<std::int32_t>& ids, int max_tokens,
                            const model::Architecture& architecture, const std::string& where,
                            const std::string& limit);

/// The end tokens with those that end a turn of a chat format.
std::vector<std::int32_t> with_turn_end(std::vector<std::int32_t> end_tokens, tokenizer::ChatFormat format,
                                        const tokenizer::Tokenizer& tokenizer);

/// The end tokens with the stop strings that are special tokens: those never appear in the text.
std::vector<std::int32_t> with_stop_tokens(std::vector<std::int32_t> end_tokens,
                                           const std::vector<std::string>& stop,
                                           const tokenizer::Tokenizer& tokenizer);

/// Where a rank stands: its replica (the ranks that hold one model), its node and its GPU.
struct Topology {
  comm::Communicator* world = nullptr;  ///< all ranks; not owned
  std::unique_ptr<comm::Communicator> replica, node;
  std::unique_ptr<comm::Communicator>
      peers;  ///< the ranks that hold the same part of the model in each replica
  int replicas = 1, replica_index = 0;
  std::optional<device::GpuInfo> gpu;       ///< none: it computes on the CPU
  std::uint64_t gpu_free_bytes = 0;         ///< of its memory, when it was chosen
  std::string kind = "cpu";                 ///< of hardware (device::Device::kind), the same on every rank
  int core_share = 1, core_share_rank = 0;  ///< of the ranks that have cores of mine: how many, which I am
  bool cores_alike = true;                  ///< they have the same cores
  [[nodiscard]] bool leads() const { return replica->rank() == 0; }
  /// The leader's `asked` on each rank of the replica. Collective over the replica.
  [[nodiscard]] bool agree(bool asked) const;
};

/// Splits the ranks into replicas of `tensor_parallel` neighbours. Throws InputError when the ranks can't be
/// split so, or the architecture can't. Collective.
Topology make_topology(comm::Communicator& world, int tensor_parallel,
                       const model::Architecture& architecture);

/// Finds out which ranks of a node have the same cores, and gives each rank the hardware that the options ask
/// for: a GPU of its own, or with options.share_gpu one of
/// the node's. Throws EnvironmentError on the lowest rank that cannot have it, has another kind than rank 0,
/// or lacks the NCCL that replicas of several GPUs need. Collective.
void place_ranks(comm::Communicator& world, const EngineOptions& options, Topology& topology);

/// How the GPUs of `ranks` exchange data, after place_ranks(); null where they compute on the CPU or there is
/// one rank. Throws EnvironmentError, the same on every rank where NCCL is missing. Collective over `ranks`.
std::unique_ptr<comm::DeviceGroup> make_device_group(comm::Communicator& ranks, const EngineOptions& options,
                                                     const Topology& topology);

/// Threads for host work, of the cores that this rank shares with the node's others.
device::CpuOptions cpu_options(const EngineOptions& options, const Topology& topology);

/// What an engine may use: sequences at once and tokens of prompts as the options say, or as many as the
/// hardware serves best; pages for that many sequences of `longest` tokens, or as many as fit the memory
/// budget (options.kv_cache_bytes, or a share of what is free). Throws EnvironmentError when one sequence
/// doesn't fit. To be called before the weights are allocated. Collective over the replica, the same on each
/// of its ranks.
sample::EngineLimits plan_limits(const Checkpoints& checkpoints, const EngineOptions& options,
                                 const Topology& topology, std::int64_t longest);

/// A device with its weights and model: everything of a rank that computes. Owns it all; one thread.
class ResidentModel {
 public:
  ResidentModel(const Checkpoints& checkpoints, const EngineOptions& options, Topology& topology);

  /// Where several replicas compute on GPUs: reads each of these checkpoints once and gives it to all, to be
  /// kept for blending, if there is room. Collective over all ranks.
  void share_ingredients(const std::set<std::filesystem::path>& paths);

  /// Blends a recipe into the resident weights (nothing is read when it is resident already). Returns the
  /// hash of the replica's resident weights. Collective over the replica.
  std::uint64_t blend(const merge::Recipe& recipe);

  [[nodiscard]] device::Device& device() { return *device_; }
  [[nodiscard]] model::Transformer& transformer() { return *transformer_; }
  [[nodiscard]] double blend_seconds() const { return blend_seconds_; }

 private:
  const Checkpoints& checkpoints_;
  EngineOptions options_;
  Topology& topology_;
  std::unique_ptr<comm::DeviceGroup> group_;  // of the replica's GPUs, where there are several; outlives the
                                              // device's recorded steps, which refer to it
  std::unique_ptr<device::Device> device_;
  std::unique_ptr<model::Weights> weights_;
  std::unique_ptr<model::Transformer> transformer_;
  std::string resident_;  // recipe, in canonical text
  std::uint64_t hash_ = 0;
  double blend_seconds_ = 0;
};

/// An engine with these limits, or, on a GPU that has less memory than was planned, with half of them, and so
/// on: a warning says so. Throws EnvironmentError when there is too little for one sequence of `longest`
/// tokens. Collective over the replica.
std::unique_ptr<sample::Engine> make_engine(ResidentModel& resident, sample::EngineLimits limits,
                                            const Topology& topology, std::int64_t longest);

}  // namespace wisk::run
