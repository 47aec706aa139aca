#include <wisk/report/expectation.hpp>

#include <cmath>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/report/table.hpp>
#include <wisk/stats/prediction_interval.hpp>

namespace wisk::report {

std::vector<Difficulty> usual_difficulties() {
  return {{"all alike, Pass@1 near 0.5", {0.0, 20, 20, 0, true}},
          {"spread evenly from 0 to 1", {0.0, 1, 1, 0, true}},
          {"either easy or hard", {0.0, 0.3, 0.3, 0, true}},
          {"hard: 30 % never, the rest seldom", {0.3, 0.5, 3, 0, true}}};
}

std::vector<Difficulty> difficulties_of(const LoadedRun& run) {
  const store::Results& results = run.results;
  const std::size_t problems = results.plan.problems.size();
  std::vector<Difficulty> all;
  for (std::size_t arm = 0; arm < results.plan.arms.size(); ++arm) {
    if (results.plan.arms[arm].sampled_as != arm) continue;
    const auto fit = stats::fit_difficulty(std::span(results.n).subspan(arm * problems, problems),
                                           std::span(results.c).subspan(arm * problems, problems));
    if (!std::isnan(fit.zero_share)) all.push_back({"as " + printable(results.plan.arms[arm].name), fit});
  }
  if (all.empty() || problems < 2)
    throw InputError(
        run.path.string(), "a run with samples of two problems or more",
        std::to_string(problems) + " problems, " + std::to_string(all.size()) + " arms with samples");
  return all;
}

std::string expected_widths(const std::vector<Difficulty>& difficulties, std::int64_t problems,
                            std::int64_t samples, const std::vector<std::int64_t>& k, std::size_t width) {
  std::vector<std::string> heads = {"if problems are"};
  for (const std::int64_t each : k) heads.push_back(fmt::format("Pass@{}", each));
  Table table(heads);
  for (const auto& [words, fit] : difficulties) {
    std::vector<std::string> cells = {words};
    for (const stats::Estimate& each : stats::expected_intervals(fit, problems, samples, k)) {
      cells.push_back(
          fmt::format("{:.1f} ({:.1f}..{:.1f})", 100 * each.mean, 100 * each.low, 100 * each.high));
    }
    table.add_row(cells);
  }
  return wrapped(
             fmt::format("PREDICTION: Pass@k in % and the 95 % interval to expect, {} problems x {} samples "
                         "(paired differences of two arms are narrower)",
                         problems, samples),
             width, 0) +
         table.text(width);
}

}  // namespace wisk::report
