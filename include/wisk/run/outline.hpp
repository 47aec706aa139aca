#pragma once
// What a job comes to before it runs: arms, cells, samples, tokens, memory. Reads headers and the task only.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <wisk/run/job.hpp>

namespace wisk::run {

struct OutlineArm {
  std::string name, recipe;  ///< the recipe in words
  std::int64_t samples;      ///< of each problem
  std::string sampled_as;    ///< name of the arm whose samples it shares; empty: its own
};

/// Bytes that a rank needs.
struct MemoryOfRank {
  std::uint64_t host = 0;  ///< the program; on the CPU weights, and keys and values of a batch, too
  std::uint64_t gpu = 0;   ///< on a GPU: weights, and keys and values of a batch
};

struct Outline {
  std::string name, task;
  std::vector<OutlineArm> arms;
  std::vector<std::int64_t> k;
  std::int64_t problems = 0, choose = 0, report = 0;  ///< problems on the sides of the split
  std::int64_t skipped_golds = 0;                     ///< problems left out because their gold is no number
  std::int64_t cells = 0, samples = 0;                ///< that are drawn
  std::int64_t most_tokens = 0;                       ///< computed, when every sample is as long as it may be
  std::int64_t longest = 0;  ///< tokens of the longest prompt with its longest sample
  MemoryOfRank on_cpu, on_gpu;
  DeviceChoice device = DeviceChoice::kAuto;  ///< which of them it will be; a plan looks for no GPU
};

/// Throws InputError for a wrong job.
Outline outline_of(const std::filesystem::path& job_file, const std::vector<std::string>& overrides);

}  // namespace wisk::run
