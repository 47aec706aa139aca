#pragma once
// Submitting a job file to Slurm: the sbatch line that its sizes ask for, once.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace wisk::run {

struct SubmitRequest {
  std::filesystem::path job_file;
  std::filesystem::path out;           ///< run directory; empty: runs/NAME in the working directory
  std::vector<std::string> overrides;  ///< "key=value" of --set
  std::filesystem::path script;        ///< run.sbatch
  std::filesystem::path program;       ///< the wisk that the job runs
  int nodes = 1;
  int tasks_per_node = 0;            ///< 0: ranks of one replica
  int cpus_per_task = 0;             ///< 0: a node's cores, as sinfo gives them, divided among its tasks
  std::string time, memory;          ///< sbatch's --time and --mem; empty: from the sizes
  std::string partition;             ///< empty: Slurm's default
  std::vector<std::string> options;  ///< handed to sbatch as they are
};

/// What was found and decided.
struct Submission {
  std::vector<std::string> command;      ///< sbatch and its arguments
  std::string name;                      ///< of the Slurm job: the same for the same run directory
  std::string existing;                  ///< "123 RUNNING": such a job is queued or runs; empty: none
  bool complete = false;                 ///< the run directory holds a finished run
  std::int64_t samples = 0, tokens = 0;  ///< samples and, at most, tokens that the job comes to
  std::uint64_t memory_per_node = 0;     ///< bytes
  double hours = 0;                      ///< estimated, on those cores
};

/// Reads headers and the task only. Asks squeue and sinfo where they exist. Throws InputError for a wrong
/// job.
Submission plan_submission(const SubmitRequest& request);

/// Starts the command; Slurm's job id. Throws EnvironmentError with what sbatch said.
std::string submit(const Submission& submission);

/// The command as a line for a shell.
std::string shell_line(const std::vector<std::string>& command);

}  // namespace wisk::run
