#pragma once
// The job file: what to blend, how to sample, on which task (docs/job-file.md).

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <wisk/core/dtype.hpp>
#include <wisk/merge/recipe.hpp>
#include <wisk/sample/parameters.hpp>

namespace wisk::run {

struct ModelOptions {
  std::optional<DType> dtype;  ///< storage of the blended weights; none: the checkpoints' own
  std::optional<DType>
      compute;  ///< rounding of products' inputs; none: bfloat16 for bf16 checkpoints, else float32
  int tensor_parallel = 1;  ///< ranks that hold one model together; never changes results
};

enum class DeviceChoice { kAuto, kCpu, kCuda };
std::string name_of(DeviceChoice choice);  ///< "auto", "cpu", "cuda"
/// None for other words.
std::optional<DeviceChoice> device_choice(std::string_view name);
/// " (did you mean \"cuda\"?)" for a word that is near one of them, or says GPU in another way; else "".
std::string did_you_mean_device(std::string_view word);

/// Resources: they never change results and are no part of what identifies a job.
struct EngineOptions {
  DeviceChoice device = DeviceChoice::kAuto;  ///< auto: GPUs where there are any
  bool graphs = true;                         ///< decode steps of a GPU are recorded and repeated
  bool share_gpu = false;                     ///< ranks of a node may have the same GPU
  std::uint64_t kv_cache_bytes = 0;           ///< 0: from the memory that is free
  int max_batch = 0;                          ///< sequences at once; 0: from the sizes of the caches
  int prefill_chunk = 0;                      ///< tokens of prompts in one step; 0: 128, on a GPU 1024
  int threads = 0;                            ///< 0: the cores that the rank is bound to
  double save_seconds = 300;  ///< between savings of unfinished samples and of results.h5; 0: at the end only
  double heartbeat_seconds = 60;   ///< a rank that is silent for so long ends the run; 0: never
  double disk_wait_seconds = 60;   ///< how long a full disk is waited for
  bool strict_durability = false;  ///< every finished sample is on the disk before the next counts
};

/// One recipe with one decoding setting: one row of the result tables.
struct Arm {
  std::string name;         ///< unique in its job: "delta=0.25", "step-0112", "a=0.5,b=0.5", "delta=0 T=0.7",
                            ///< "early=step-0020 delta=0.25" where there are several early ones
  merge::Recipe recipe;     ///< without ingredients of weight 0
  double delta;             ///< weight of early; NaN when the arm is not of the two-way form
  double step;              ///< step number of a trajectory's checkpoint; NaN otherwise
  std::string early, late;  ///< names of the two ends; "" when the arm is not of the two-way form
  sample::SamplingParameters decode;
  std::size_t
      sampled_as;  ///< first arm with the same weights and decode (its own index when it is the first)
};

struct Job {
  std::string name;
  std::uint64_t seed = 0;
  std::vector<merge::Ingredient> checkpoints;  ///< in the file's order; absolute folders
  std::vector<Arm> arms;                       ///< at least one; arms with one recipe stand together
  std::filesystem::path task;                  ///< absolute
  ModelOptions model;
  EngineOptions engine;
  std::vector<std::int64_t> k;  ///< ascending, 1 <= k <= samples
  /// Every key with its value, defaults included, paths absolute; loads again to the same job.
  std::string resolved_yaml;
  /// The same without the machine's keys (`engine`, `durability`, `model.tensor_parallel`), so that
  /// results.h5 has the same bytes whatever a run was given to run on.
  std::string experiment_yaml;
  /// Every key that changes results, with its canonical value, in the order of the table. Contents of files
  /// are not in it (checkpoints and the task: the caller adds their SHA-256), nor are paths.
  std::vector<std::pair<std::string, std::string>> result_keys;
};

/// Reads and checks a job file; folders and files that it names must exist. `overrides` are "key=value" of
/// --set: they win over the file, values are YAML, paths in them are relative to the working directory (those
/// of the file: to the file's folder). Throws InputError with file, line and key (unknown keys: all of them
/// in one error), or UsageError for an override without "=".
Job load_job(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

/// A Markdown table of every key: type, default, meaning. Made of the table that the parser uses.
std::string job_key_reference();

}  // namespace wisk::run
