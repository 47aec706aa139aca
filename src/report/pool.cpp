#include <wisk/report/runs.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/report/table.hpp>

namespace wisk::report {
namespace {

/// Index of the arm of that name in every run; none where a run lacks it.
std::optional<std::vector<std::size_t>> places_of(const std::string& arm,
                                                  const std::vector<LoadedRun>& runs) {
  std::vector<std::size_t> places;
  for (const LoadedRun& run : runs) {
    const auto& arms = run.results.plan.arms;
    const auto found =
        std::find_if(arms.begin(), arms.end(), [&](const auto& other) { return other.name == arm; });
    if (found == arms.end()) return std::nullopt;
    places.push_back(static_cast<std::size_t>(found - arms.begin()));
  }
  return places;
}

/// The weighted mean over runs of value(analysis, arm, k index).
template <class Value>
stats::Estimate pooled(const std::vector<Analysis>& analyses, const std::vector<std::size_t>& places,
                       const std::vector<double>& weights, std::int64_t k, Value value) {
  std::vector<stats::Estimate> parts;
  for (std::size_t i = 0; i < analyses.size(); ++i) {
    const auto& all = analyses[i].k;
    parts.push_back(value(analyses[i], places[i],
                          static_cast<std::size_t>(std::find(all.begin(), all.end(), k) - all.begin())));
  }
  return stats::weighted_sum(parts, weights);
}

/// A table of the arms that all runs have: means in percent, and intervals below. `sign`: of differences.
template <class Value>
std::string pooled_table(const std::vector<LoadedRun>& runs, const std::vector<Analysis>& analyses,
                         const std::vector<double>& weights, const std::vector<std::int64_t>& k, bool sign,
                         std::size_t width, Value value) {
  std::vector<std::string> heads = {"arm"};
  const stats::Metric metric = analyses.front().metric;
  const std::string_view title = stats::title_of(metric);
  for (const std::int64_t each : k)
    heads.push_back(fmt::format("{}@{}", title.substr(0, title.rfind('@')), each));
  const double scale = stats::is_share(metric) ? 100 : 1;
  Table table(heads);
  std::size_t rows = 0;
  const auto number = [sign, scale](double of) {
    return sign ? fmt::format("{:+.1f}", scale * of) : fmt::format("{:.1f}", scale * of);
  };
  for (const store::ArmColumns& arm : runs.front().results.plan.arms) {
    const auto places = places_of(arm.name, runs);
    if (!places) continue;
    ++rows;
    std::vector<std::string> means = {printable(arm.name)}, ranges = {""};
    for (const std::int64_t each : k) {
      const stats::Estimate of = pooled(analyses, *places, weights, each, value);
      means.push_back(std::isnan(of.mean) ? "-" : number(of.mean));
      ranges.push_back(std::isnan(of.low) ? "" : number(of.low) + ".." + number(of.high));
    }
    table.add_row(means);
    table.add_row(ranges);
  }
  if (rows == 0) throw InputError("arms of the runs", "at least one arm name that all runs have", "none");
  return table.text(width);
}

}  // namespace

std::string pooled_text(const std::vector<LoadedRun>& runs, const std::vector<Analysis>& analyses,
                        std::vector<double> weights, std::size_t width) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  std::vector<std::string> tasks;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    weights[i] /= sum;
    tasks.push_back(fmt::format("{} x {:.3g}", printable(run_name(runs[i])), weights[i]));
  }
  std::vector<std::vector<std::int64_t>> all_k;
  for (const Analysis& analysis : analyses) all_k.push_back(analysis.k);
  const auto k = common_k(all_k);
  std::string text = wrapped(fmt::format("{}{}, pooled over tasks ({}), and its {:g} % interval",
                                         stats::title_of(analyses.front().metric),
                                         stats::is_share(analyses.front().metric) ? " in %" : "",
                                         join(tasks, " + "), 100 * analyses.front().level),
                             width, 0) +
                     pooled_table(runs, analyses, weights, k, false, width,
                                  [](const Analysis& of, std::size_t arm, std::size_t i) {
                                    return of.table(of.metric)->values[arm * of.k.size() + i];
                                  });
  const bool compared = std::all_of(analyses.begin(), analyses.end(),
                                    [](const Analysis& of) { return !of.differences.empty(); });
  if (compared) {
    text += "\n" + wrapped("Difference from each task's baseline, pooled in the same way", width, 0) +
            pooled_table(runs, analyses, weights, k, true, width,
                         [](const Analysis& of, std::size_t arm, std::size_t i) {
                           return of.differences[arm * of.k.size() + i].difference;
                         });
  }
  return text +
         wrapped("Intervals: MOVER (Zou & Donner 2008) of the tasks' own; tasks are independent.", width, 2);
}

}  // namespace wisk::report
