#include <wisk/report/show.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <wisk/core/error.hpp>
#include <wisk/report/table.hpp>
#include <wisk/stats/pass_at_k.hpp>

namespace wisk::report {
namespace {

constexpr double kManyTruncated =
    0.01;  // from here on a table says more about max_tokens than about the arms

std::span<const std::int64_t> row_of(const std::vector<std::int64_t>& table, std::size_t arm,
                                     std::size_t width) {
  return std::span(table).subspan(arm * width, width);
}

std::int64_t sum(std::span<const std::int64_t> values) {
  std::int64_t total = 0;
  for (const std::int64_t value : values) total += value;
  return total;
}

}  // namespace

Comparison compare(const store::Results& results, const std::string& baseline) {
  const auto& arms = results.plan.arms;
  const auto found = std::find_if(arms.begin(), arms.end(), [&](const store::ArmColumns& arm) {
    return baseline.empty() ? arm.delta == 0.0 : arm.name == baseline;
  });
  if (found == arms.end()) {
    if (baseline.empty()) return {};
    std::vector<std::string> names;
    for (const auto& arm : arms) names.push_back(arm.name);
    throw UsageError("--baseline " + baseline + ": no such arm" + did_you_mean(baseline, names) +
                     "; the run has: " + join(names, ", "));
  }
  const auto base = static_cast<std::size_t>(found - arms.begin());
  const std::size_t problems = results.plan.problems.size();
  const auto pass = [&](std::size_t arm, std::int64_t k) {
    return stats::pass_at_k_of_problems(row_of(results.n, arm, problems), row_of(results.c, arm, problems),
                                        k);
  };
  Comparison comparison{base, std::vector<stats::Estimate>(arms.size() * results.plan.k.size())};
  for (std::size_t k = 0; k < results.plan.k.size(); ++k) {
    const auto of_baseline = pass(base, results.plan.k[k]);
    for (std::size_t arm = 0; arm < arms.size(); ++arm) {
      comparison.difference[arm * results.plan.k.size() + k] =
          stats::paired_difference(pass(arm, results.plan.k[k]), of_baseline);
    }
  }
  return comparison;
}

ArmShares shares_of(const store::Results& results, std::size_t arm) {
  const std::size_t problems = results.plan.problems.size();
  ArmShares shares{};
  for (const std::int64_t n : row_of(results.n, arm, problems)) {
    shares.samples += n;
    shares.missing += std::max<std::int64_t>(0, results.plan.arms[arm].samples - n);
  }
  const auto verdicts = row_of(results.verdicts, arm, kVerdicts);
  const auto share = [&](std::int64_t part) {
    return static_cast<double>(part) / static_cast<double>(shares.samples);  // NaN for 0 / 0
  };
  const auto of = [&](Verdict verdict) { return share(verdicts[static_cast<std::size_t>(verdict)]); };
  shares.correct = of(Verdict::kCorrect);
  shares.no_answer = of(Verdict::kNoAnswer);
  shares.undecided = of(Verdict::kUndecided);
  shares.truncated = share(sum(row_of(results.truncated, arm, problems)));
  return shares;
}

std::vector<std::string> warnings(const store::Results& results) {
  std::vector<std::string> lines;
  const auto& arms = results.plan.arms;
  if (results.missing_samples > 0) {
    std::int64_t planned = 0;
    for (const auto& arm : arms)
      planned += arm.samples * static_cast<std::int64_t>(results.plan.problems.size());
    lines.push_back(
        fmt::format("incomplete: {} of {} samples are missing ({:.1f} %). A dash stands where a problem has "
                    "fewer than k samples; "
                    "the samples that finished first are the short ones, so numbers of unfinished arms may "
                    "be off. Run the job "
                    "again to finish it.",
                    results.missing_samples, planned,
                    100.0 * static_cast<double>(results.missing_samples) / static_cast<double>(planned)));
  }
  std::vector<std::string> truncated, undecided;
  for (std::size_t arm = 0; arm < arms.size(); ++arm) {
    const ArmShares shares = shares_of(results, arm);
    const std::string name = printable(arms[arm].name);
    if (shares.truncated > kManyTruncated) {
      truncated.push_back(
          fmt::format("{:.1f} % of {} (max_tokens {})", 100 * shares.truncated, name, arms[arm].max_tokens));
    }
    if (shares.undecided > 0)
      undecided.push_back(fmt::format("{:.2f} % of {}", 100 * shares.undecided, name));
  }
  if (!truncated.empty()) {
    lines.push_back("samples reached max_tokens: " + join(truncated, ", ") +
                    "; a larger max_tokens may change the result.");
  }
  if (!undecided.empty()) {
    lines.push_back("samples are undecided (the checker's limit was reached) and count as not correct: " +
                    join(undecided, ", ") + ".");
  }
  return lines;
}

}  // namespace wisk::report
