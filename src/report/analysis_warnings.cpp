// What a reader must know before believing the numbers.

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/report/table.hpp>

#include "analysis_parts.hpp"

namespace wisk::report {
namespace {

using stats::Estimate;

/// From here on a table says more about max_tokens than about the arms.
constexpr double kManyTruncated = 0.01;

const Column* find(const Analysis& analysis, std::string_view id) {
  for (const Column& column : analysis.columns) {
    if (column.id == id) return &column;
  }
  return nullptr;
}

/// "1.5 % of late, 2.0 % of early": the arms for which the column's value is alarming.
template <class Alarming, class Words>
std::string arms_where(const Analysis& analysis, std::string_view id, Alarming alarming, Words words) {
  const Column* column = find(analysis, id);
  std::vector<std::string> parts;
  for (std::size_t arm = 0; column != nullptr && arm < analysis.arms(); ++arm) {
    if (analysis.is_first(arm) && alarming(column->values[arm]))
      parts.push_back(words(arm, column->values[arm]));
  }
  return join(parts, ", ");
}

}  // namespace

std::vector<std::string> warnings_of(const Analysis& analysis) {
  std::vector<std::string> lines;
  const store::Results& results = analysis.results;
  if (results.missing_samples > 0) {
    std::int64_t planned = 0;
    for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
      if (analysis.is_first(arm))
        planned += analysis.arm(arm).samples * static_cast<std::int64_t>(results.plan.problems.size());
    }
    lines.push_back(fmt::format(
        "incomplete: {} of {} samples are missing ({:.1f} %). A problem with fewer than k samples has no "
        "number there; the samples that finished first are the short ones, so numbers of unfinished arms may "
        "be "
        "off. "
        "Run the job again to finish it.",
        results.missing_samples, planned,
        100.0 * static_cast<double>(results.missing_samples) / static_cast<double>(planned)));
  }
  if (store::is_mixed(results.hardware)) {
    lines.push_back(
        "samples of different hardware are mixed: " + printable(store::in_words(results.hardware)) +
        ". Other hardware need not draw the same tokens, so arms that differ in it are not compared "
        "by the same random numbers.");
  }
  const std::string truncated = arms_where(
      analysis, "truncated_share", [](const Estimate& share) { return share.mean > kManyTruncated; },
      [&](std::size_t arm, const Estimate& share) {
        return fmt::format("{:.1f} % of {} (max_tokens {})", 100 * share.mean,
                           printable(analysis.arm(arm).name), analysis.arm(arm).max_tokens);
      });
  if (!truncated.empty())
    lines.push_back("samples reached max_tokens: " + truncated +
                    "; a larger max_tokens may change the result.");
  const std::string undecided = arms_where(
      analysis, "undecided_share", [](const Estimate& share) { return share.mean > 0; },
      [&](std::size_t arm, const Estimate& share) {
        return fmt::format("{:.2f} % of {}", 100 * share.mean, printable(analysis.arm(arm).name));
      });
  if (!undecided.empty())
    lines.push_back("samples are undecided (the checker's limit was reached) and count as not correct: " +
                    undecided + ".");
  const std::string duplicates = arms_where(
      analysis, "duplicate_excess", [](const Estimate& excess) { return excess.low > 0; },
      [&](std::size_t arm, const Estimate& excess) {
        return fmt::format("{} (by {:.2f} % of the pairs)", printable(analysis.arm(arm).name),
                           100 * excess.mean);
      });
  if (!duplicates.empty())
    lines.push_back("more equal completions than chance allows, as if random numbers had been used twice: " +
                    duplicates + ".");
  return lines;
}

}  // namespace wisk::report
