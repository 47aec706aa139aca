#pragma once
// The tables of a run for people (text) and machines (CSV, JSON).

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <wisk/stats/interval.hpp>
#include <wisk/store/results.hpp>

namespace wisk::report {

/// What changes against one arm, over the same problems.
struct Comparison {
  std::optional<std::size_t> baseline;  ///< index of the arm; none: nothing to compare with
  std::vector<stats::Estimate>
      difference;  ///< [A, K] Pass@k minus the baseline's; NaN where samples are missing
};

/// `baseline`: the name of an arm, or "" for the first arm with delta 0, if there is one.
/// Throws UsageError naming the arms when there is no such arm.
Comparison compare(const store::Results& results, const std::string& baseline);

/// Shares of an arm's samples; NaN without samples.
struct ArmShares {
  std::int64_t samples, missing;         ///< missing: of the plan, not sampled yet
  double correct, no_answer, undecided;  ///< verdicts
  double truncated;                      ///< samples that reached max_tokens, whatever their verdict
};
ArmShares shares_of(const store::Results& results, std::size_t arm);

/// What a reader must know before believing the numbers: missing samples, many truncated ones, undecided
/// ones.
std::vector<std::string> warnings(const store::Results& results);

/// Tables and words, at most `width` letters wide where possible.
std::string show_text(const store::Results& results, const Comparison& comparison, std::size_t width);
/// One row an arm and k, all of an arm's columns repeated (RFC 4180); empty where there is no number.
std::string show_csv(const store::Results& results, const Comparison& comparison);
/// One object (docs/results-format.md); null where there is no number.
std::string show_json(const store::Results& results, const Comparison& comparison);

}  // namespace wisk::report
