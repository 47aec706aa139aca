#pragma once
// What a job file says, key by key, before the grid of arms is made of it.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <wisk/run/job.hpp>

namespace wisk::run {

/// A checkpoint along a training run.
struct Step {
  std::filesystem::path folder;
  std::int64_t number = 0;  ///< the last whole number in the folder's name
};

/// Weights of named checkpoints, in the order of known_checkpoints().
using NamedWeights = std::vector<std::pair<std::string, double>>;

struct Settings {
  std::string name;
  std::uint64_t seed = 0;
  std::vector<merge::Ingredient> checkpoints;
  std::vector<double> delta;
  std::vector<std::string> early, late;  ///< names; patterns too until resolve_ends()
  std::vector<NamedWeights> weights;
  bool normalize = false;
  std::vector<Step> trajectory;
  std::vector<double> temperature, top_p, min_p;
  std::vector<int> top_k;
  sample::SamplingParameters decode;  ///< samples, max_tokens, stop
  std::filesystem::path task;
  ModelOptions model;
  EngineOptions engine;
  std::vector<std::int64_t> k;
  std::map<std::string, std::string, std::less<>>
      where;  ///< of every key that was given: "job.yaml:3: key `k`"
};

/// The grid: recipes (trajectory, delta, weights; without any of them each checkpoint) times decoding
/// settings. Throws InputError when names clash, early or late is no checkpoint, or weights sum to 0.
std::vector<Arm> make_arms(const Settings& settings);

}  // namespace wisk::run
