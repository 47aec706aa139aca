#pragma once
// Executes a job: the way of the data from job file to results.h5.

#include <filesystem>
#include <string>
#include <vector>

#include <wisk/comm/communicator.hpp>
#include <wisk/core/error.hpp>

namespace wisk::run {

struct RunRequest {
  std::filesystem::path job_file;
  std::filesystem::path out;           ///< run directory; empty: runs/NAME in the working directory
  std::vector<std::string> overrides;  ///< "key=value" of --set
  bool allow_other_hardware = false;   ///< a resume may mix samples of several kinds of hardware
};

struct RunOutcome {
  bool complete = false;
  std::filesystem::path directory;
};

/// Plans, creates or resumes the run directory, samples on all ranks, reduces and writes results.h5 and
/// summary.json. After a signal what is unfinished is journalled and the outcome is not complete (exit status
/// 75). Throws InputError and EnvironmentError. Collective over `world`.
RunOutcome run_job(const RunRequest& request, comm::Communicator& world);

}  // namespace wisk::run
