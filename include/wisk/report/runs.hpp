#pragma once
// Several runs: read, joined where they have the same problems, pooled where they are different tasks.

#include <filesystem>
#include <string>
#include <vector>

#include <wisk/report/analysis.hpp>

namespace wisk::report {

/// Results and samples of a run.
struct LoadedRun {
  std::filesystem::path path;  ///< as it was given
  std::filesystem::path file;  ///< its results.h5
  store::Results results;
  stats::Samples samples;
};

/// `path`: a run directory or a results.h5. Throws InputError.
LoadedRun load_run(const std::filesystem::path& path);

/// The last part of its path: what its arms are named after where runs are joined.
std::string run_name(const LoadedRun& run);

/// The k that all runs have. Throws InputError when there is none.
std::vector<std::int64_t> common_k(const std::vector<std::vector<std::int64_t>>& of_runs);

/// Throws InputError saying which problems are not in every run, or have another gold there.
void check_same_problems(const std::vector<LoadedRun>& runs);

/// All arms of all runs as one run over the same problems, each arm named after its run ("a: delta=0"; its
/// whole path where names repeat). One run is returned as it is. The k are those that all runs have. Throws
/// InputError as check_same_problems.
LoadedRun joined(std::vector<LoadedRun> runs);

/// The scores of a JSON-lines file, one object a sample: {"arm", "problem", "sample", "score"} by names and
/// number. Result: [R] of the run's samples. Throws InputError for a sample without a score (a gap), an
/// unknown one, and one with two scores (under the names of arms that share samples, say).
std::vector<double> read_scores(const std::filesystem::path& file, const LoadedRun& run);

/// The analyses' metric, and the differences from the baseline, of arms that all runs have (by name), as
/// weighted means over runs. `weights`: one a run; scaled to a sum of 1. Runs are independent tasks. [text]
/// Throws InputError when no arm or no k is common.
std::string pooled_text(const std::vector<LoadedRun>& runs, const std::vector<Analysis>& analyses,
                        std::vector<double> weights, std::size_t width);

}  // namespace wisk::report
