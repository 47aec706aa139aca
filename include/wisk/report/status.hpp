#pragma once
// How a run is doing, from its directory alone: from a login node, while it goes on elsewhere.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

#include <wisk/store/journal.hpp>

namespace wisk::report {

/// What run.lock and summary.json say.
struct Status {
  /// running; silent (its host gave no sign of life for a while: it may be gone); killed (it ended without
  /// saying so); interrupted; complete; new (started, nothing noted yet).
  std::string state;
  std::string name, host;
  std::int64_t process = 0;
  std::int64_t beat_age = -1;  ///< seconds since the last sign of life, by two clocks; -1: nobody works there
  std::int64_t samples_done = 0, samples_total = 0, resumes = 0;
  double tokens_per_second = std::numeric_limits<double>::quiet_NaN();
  double seconds_left = std::numeric_limits<double>::quiet_NaN();  ///< NaN: unknown
  store::HardwareCounts hardware;  ///< which kinds drew the samples; empty: not noted
  std::string slurm_job;           ///< of the last attempt; empty: none
};

/// Throws InputError when `run` is no run directory.
Status status_of(const std::filesystem::path& run);

std::string status_text(const Status& status, const std::filesystem::path& run);
/// One object with the members of Status.
std::string status_json(const Status& status);

}  // namespace wisk::report
