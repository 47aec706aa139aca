#pragma once
// What a job comes to: prompts, arms and cells, and the keys that identify its results.

#include <cstdint>
#include <string>
#include <vector>

#include <wisk/comm/communicator.hpp>
#include <wisk/comm/work_queue.hpp>
#include <wisk/run/job.hpp>
#include <wisk/run/model_setup.hpp>
#include <wisk/store/journal.hpp>
#include <wisk/store/results.hpp>
#include <wisk/store/run_directory.hpp>
#include <wisk/task/task.hpp>
#include <wisk/tokenizer/tokenizer.hpp>

namespace wisk::run {

/// A job with everything it names opened and checked. Owns it all; immutable after make_plan.
struct Plan {
  Job job;
  Checkpoints checkpoints;
  tokenizer::Tokenizer tokenizer;
  task::Task task;
  std::vector<std::vector<std::int32_t>> prompts;  // [P] token ids
  std::vector<std::vector<std::string>> stop;      // [A] stop strings of the task and of the arm
  std::vector<std::int32_t> end_tokens;            ///< sorted
  std::vector<std::pair<std::string, std::string>> input_sha256;  ///< file and digest, in a fixed order
  store::ResultKeys keys;                                         ///< everything that changes results
  std::int64_t longest = 0;  ///< tokens of the longest prompt with the largest max_tokens

  /// Samples of the arms that are drawn (arms that share another's samples are not), resumed ones included.
  [[nodiscard]] std::int64_t samples() const;
  /// The columns of the results, hosts and weight hashes aside.
  [[nodiscard]] store::ResultsPlan results() const;
  /// What is not in the journal yet, as slices for `replicas` replicas, in the order of the arms.
  [[nodiscard]] std::vector<comm::Slice> remaining(const store::Journal& journal, int replicas) const;
};

/// Loads and checks everything but the contents of the checkpoints: no keys, no digests. One process. Throws
/// InputError.
Plan open_plan(const std::filesystem::path& job_file, const std::vector<std::string>& overrides);

/// Loads and checks everything; the ranks share the work of hashing the files. Rank 0 looks first, so that an
/// error is reported once. Throws InputError. Collective.
Plan make_plan(const std::filesystem::path& job_file, const std::vector<std::string>& overrides,
               comm::Communicator& world);

}  // namespace wisk::run
