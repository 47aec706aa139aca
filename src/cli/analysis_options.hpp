#pragma once
// Options that `show` and `report` share: what to compute, and against what.

#include <string>
#include <vector>

#include <wisk/report/analysis.hpp>
#include <wisk/report/runs.hpp>

#include "verb.hpp"

namespace wisk::cli {

/// Adds them to `verb`, and RUN... as its positional arguments.
void add_analysis_options(Verb& verb);

/// The runs that were named, each with its own samples. Throws UsageError when there is none.
std::vector<report::LoadedRun> load_runs(const po::variables_map& options);

/// What the options ask for. A score file is read for `run`. Throws UsageError, InputError.
report::AnalysisOptions analysis_options(const po::variables_map& options, const report::LoadedRun& run);

}  // namespace wisk::cli
