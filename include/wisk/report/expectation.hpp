#pragma once
// How sure the numbers of a run will be, before it runs.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <wisk/report/runs.hpp>
#include <wisk/stats/prediction.hpp>

namespace wisk::report {

/// How hard problems are supposed to be.
struct Difficulty {
  std::string words;  ///< "as delta=0", "spread evenly from 0 to 1"
  stats::DifficultyFit fit;
};

/// Some cases for where no earlier run says how hard the problems are.
std::vector<Difficulty> usual_difficulties();

/// Those of an earlier run's arms. Throws InputError when it has no samples.
std::vector<Difficulty> difficulties_of(const LoadedRun& run);

/// A table of Pass@k and the 95 % interval to expect for so many problems and samples, one row a
/// difficulty. k: none above `samples`.
std::string expected_widths(const std::vector<Difficulty>& difficulties, std::int64_t problems,
                            std::int64_t samples, const std::vector<std::int64_t>& k, std::size_t width);

}  // namespace wisk::report
