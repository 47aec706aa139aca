#include <wisk/report/analysis.hpp>

#include <algorithm>
#include <cmath>

#include <wisk/core/error.hpp>
#include <wisk/stats/pass_at_k.hpp>

#include "columns.hpp"

namespace wisk::report {
namespace {

/// The k of the tables, none above what every arm is to have.
std::vector<std::int64_t> sizes_of(const store::ResultsPlan& plan, const AnalysisOptions& options) {
  std::vector<std::int64_t> k = options.k.empty() ? plan.k : options.k;
  std::sort(k.begin(), k.end());
  k.erase(std::unique(k.begin(), k.end()), k.end());
  for (const store::ArmColumns& arm : plan.arms) {
    if (!k.empty() && (k.front() < 1 || k.back() > arm.samples)) {
      throw UsageError("--k: expected k from 1 to " + std::to_string(arm.samples) + ", the samples of arm " +
                       arm.name + ", found " + std::to_string(k.front() < 1 ? k.front() : k.back()));
    }
  }
  return k;
}

/// The named arm, or the first with delta 0, or one that is itself the late end of others, or the last step.
std::optional<std::size_t> baseline_of(const store::ResultsPlan& plan, const std::string& name) {
  if (!name.empty()) return arm_named(plan, name, "--baseline");
  const auto place_of = [&](auto is) -> std::optional<std::size_t> {
    const auto found = std::find_if(plan.arms.begin(), plan.arms.end(), is);
    if (found == plan.arms.end()) return std::nullopt;
    return static_cast<std::size_t>(found - plan.arms.begin());
  };
  if (const auto late = place_of([](const store::ArmColumns& arm) { return arm.delta == 0.0; })) return late;
  const auto is_end = [&](const store::ArmColumns& arm) {
    return place_of([&](const store::ArmColumns& other) {
             return !other.late.empty() && is_checkpoint(arm, other.late);
           })
        .has_value();
  };
  if (const auto late = place_of(is_end)) return late;
  std::optional<std::size_t> last;
  for (std::size_t arm = 0; arm < plan.arms.size(); ++arm) {
    const double step = plan.arms[arm].step;
    if (!std::isnan(step) && (!last || step > plan.arms[*last].step)) last = arm;
  }
  return last;
}

bool has_undecided(const stats::Samples& samples) {
  return std::find(samples.verdict.begin(), samples.verdict.end(), Verdict::kUndecided) !=
         samples.verdict.end();
}

/// The tables in their order, that of the compared metric always among them.
std::vector<stats::Metric> metrics_of(const stats::Samples& samples, const AnalysisOptions& options) {
  using enum stats::Metric;
  std::vector<stats::Metric> metrics = {kPass};
  if (has_undecided(samples) || options.metric == kPassUndecidedCorrect)
    metrics.push_back(kPassUndecidedCorrect);
  metrics.insert(metrics.end(), {kMajority, kBest});
  if (options.weighted_majority || options.metric == kWeightedMajority) metrics.push_back(kWeightedMajority);
  metrics.push_back(kDistinct);
  return metrics;
}

/// The table of a metric. Arms that share samples get the numbers of the arm that drew them. `kept`, if any,
/// gets the values of every problem.
MetricTable table_of(const Analysis& analysis, const stats::Samples& samples, const stats::Scores& scores,
                     stats::Metric metric, MetricByProblem* kept) {
  const std::size_t ks = analysis.k.size();
  MetricTable table{metric, {}, {}};
  if (kept != nullptr) kept->assign(ks, {});
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const std::size_t source = analysis.arm(arm).sampled_as;
    if (source < arm) {
      for (std::size_t i = 0; i < ks; ++i) {
        table.values.push_back(table.values[source * ks + i]);
        table.monte_carlo_error.push_back(table.monte_carlo_error[source * ks + i]);
        if (kept != nullptr) (*kept)[i].push_back((*kept)[i][source]);
      }
      continue;
    }
    stats::MetricValues values = stats::values_of(samples, arm, metric, analysis.k, scores);
    for (std::size_t i = 0; i < ks; ++i) {
      table.values.push_back(stats::interval_of(metric, analysis.k[i], values.of_problem[i], analysis.level));
      table.monte_carlo_error.push_back(values.monte_carlo_error[i]);
      if (kept != nullptr) (*kept)[i].push_back(std::move(values.of_problem[i]));
    }
  }
  return table;
}

/// Only columns [P] of the listed problems.
template <class T>
void keep(std::vector<T>& values, std::span<const std::size_t> problems) {
  if (values.empty()) return;
  std::vector<T> kept;
  for (const std::size_t problem : problems) kept.push_back(values[problem]);
  values = std::move(kept);
}

/// The run as if it had only these problems.
store::Results restricted(const store::Results& results, const stats::Samples& part,
                          std::span<const std::size_t> problems) {
  store::Results some = results;
  store::ResultsPlan& plan = some.plan;
  keep(plan.problems, problems);
  keep(plan.about.question, problems);
  keep(plan.about.gold, problems);
  keep(plan.about.split, problems);
  for (auto& [name, values] : plan.about.fields) keep(values, problems);
  some.n.clear();
  some.c.clear();
  some.truncated.clear();
  some.missing_samples = 0;
  for (std::size_t arm = 0; arm < part.arms; ++arm) {
    for (std::size_t i = 0; i < problems.size(); ++i) {
      const std::size_t from = arm * results.plan.problems.size() + problems[i];
      some.n.push_back(results.n[from]);
      some.c.push_back(results.c[from]);
      some.truncated.push_back(results.truncated[from]);
      if (plan.arms[arm].sampled_as == arm)
        some.missing_samples += std::max<std::int64_t>(0, plan.arms[arm].samples - results.n[from]);
    }
  }
  return some;
}

std::vector<Column> columns_of(const Analysis& analysis, const stats::Samples& samples) {
  Columns columns(analysis, samples);
  add_spread(columns, analysis, samples);
  add_diversity(columns, analysis, samples);
  add_health(columns, analysis, samples);
  return std::move(columns.result);
}

}  // namespace

const MetricTable* Analysis::table(stats::Metric of) const {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [of](const MetricTable& table) { return table.metric == of; });
  return found == tables.end() ? nullptr : &*found;
}

std::vector<double> per_problem(const stats::Samples& samples, std::size_t arm,
                                const std::function<double(const stats::Cell&)>& value) {
  std::vector<double> values;
  for (std::size_t problem = 0; problem < samples.problems; ++problem)
    values.push_back(value(stats::Cell(samples, arm, problem)));
  return values;
}

bool is_checkpoint(const store::ArmColumns& arm, const std::string& name) {
  return arm.recipe_in_words == "1 x " + name;
}

std::size_t arm_named(const store::ResultsPlan& plan, const std::string& name, const std::string& option) {
  std::vector<std::string> names;
  for (const store::ArmColumns& arm : plan.arms) {
    if (arm.name == name) return names.size();
    names.push_back(arm.name);
  }
  throw UsageError(option + " " + name + ": no such arm" + did_you_mean(name, names) +
                   "; the run has: " + join(names, ", "));
}

Analysis analyse(store::Results results, const stats::Samples& samples, const AnalysisOptions& options) {
  Analysis analysis;
  analysis.k = sizes_of(results.plan, options);
  analysis.baseline = baseline_of(results.plan, options.baseline);
  analysis.results = std::move(results);
  analysis.level = options.level;
  analysis.metric = options.metric;
  const stats::Scores scores = stats::scores_of(samples, options.score, options.imported_score);
  MetricByProblem compared;
  for (const stats::Metric metric : metrics_of(samples, options)) {
    analysis.tables.push_back(
        table_of(analysis, samples, scores, metric, metric == options.metric ? &compared : nullptr));
  }
  analysis.columns = columns_of(analysis, samples);
  analysis.bound = bounds_of(analysis, samples);
  compare_arms(analysis, compared);
  analysis.mixtures = mixtures_of(analysis, samples, options);
  if (options.predictions) analysis.predictions = predictions_of(analysis);
  analysis.warnings = warnings_of(analysis);
  return analysis;
}

std::vector<std::pair<std::string, Analysis>> analyse_by(const store::Results& results,
                                                         const stats::Samples& samples,
                                                         const AnalysisOptions& options,
                                                         const std::string& field) {
  const auto& fields = results.plan.about.fields;
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const auto& entry) { return entry.first == field; });
  if (found == fields.end()) {
    std::vector<std::string> names;
    for (const auto& [name, values] : fields) names.push_back(name);
    throw UsageError("--by " + field + ": no such field of the problems" + did_you_mean(field, names) +
                     "; there are: " + (names.empty() ? "none" : join(names, ", ")));
  }
  std::vector<std::pair<std::string, std::vector<std::size_t>>> groups;
  for (std::size_t problem = 0; problem < found->second.size(); ++problem) {
    const std::string& value = found->second[problem];
    const auto group =
        std::find_if(groups.begin(), groups.end(), [&](const auto& entry) { return entry.first == value; });
    (group == groups.end() ? groups.emplace_back(value, std::vector<std::size_t>{}) : *group)
        .second.push_back(problem);
  }
  std::vector<std::pair<std::string, Analysis>> parts;
  for (const auto& [value, problems] : groups) {
    const stats::Samples part = stats::of_problems(samples, problems);
    parts.emplace_back(value, analyse(restricted(results, part, problems), part, options));
  }
  return parts;
}

}  // namespace wisk::report
