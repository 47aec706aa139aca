#pragma once
// summary.json: how a run goes or went, for schedulers and dashboards; nothing in it changes a result.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <wisk/store/journal.hpp>

namespace wisk::store {

struct RankSummary {
  int rank = 0;
  std::string host;
  std::uint64_t peak_rss_bytes = 0;
};

struct Summary {
  std::string name, version;
  std::string state;  ///< running, interrupted, complete
  bool complete = false;
  std::int64_t arms = 0, problems = 0;
  std::int64_t samples_done = 0, samples_total = 0;
  std::int64_t correct = -1, truncated = -1, undecided = -1;  ///< -1: not counted while it runs
  HardwareCounts hardware;                                    ///< which kinds drew the samples that are done
  std::vector<AttemptRecord> attempts;                  ///< every start that began to sample, this one too
  std::int64_t journal_damage = 0;                      ///< damaged places found on a resume
  std::vector<std::pair<std::string, double>> seconds;  ///< stage and seconds, in the order of the line
  std::int64_t tokens_generated = 0;                    ///< in this attempt
  double tokens_per_second = std::numeric_limits<double>::quiet_NaN();
  double fraction_of_limit =
      std::numeric_limits<double>::quiet_NaN();  ///< of the hardware's limit; NaN: not measured
  std::vector<RankSummary> ranks;
};

/// Replaces `file` in one step; NaN is written as null. Throws EnvironmentError.
void write_summary(const std::filesystem::path& file, const Summary& summary);

/// Whether there is such a file and it tells of a complete run.
bool says_complete(const std::filesystem::path& file);

/// The same for Prometheus' text-file collector: counters and gauges. Throws EnvironmentError.
void write_metrics(const std::filesystem::path& file, const Summary& summary);

}  // namespace wisk::store
