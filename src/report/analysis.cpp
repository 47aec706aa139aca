#include <wisk/report/analysis.hpp>

#include <algorithm>

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

std::optional<std::size_t> baseline_of(const store::ResultsPlan& plan, const std::string& name) {
  if (!name.empty()) return arm_named(plan, name, "--baseline");
  const auto late = std::find_if(plan.arms.begin(), plan.arms.end(),
                                 [](const store::ArmColumns& arm) { return arm.delta == 0.0; });
  if (late == plan.arms.end()) return std::nullopt;
  return static_cast<std::size_t>(late - plan.arms.begin());
}

bool has_undecided(const stats::Samples& samples) {
  return std::find(samples.verdict.begin(), samples.verdict.end(), Verdict::kUndecided) !=
         samples.verdict.end();
}

std::vector<MetricTable> tables_of(const Analysis& analysis, const stats::Samples& samples,
                                   const std::vector<double>& score, const AnalysisOptions& options) {
  std::vector<stats::Metric> metrics = {stats::Metric::kPass};
  if (has_undecided(samples)) metrics.push_back(stats::Metric::kPassUndecidedCorrect);
  metrics.push_back(stats::Metric::kMajority);
  metrics.push_back(stats::Metric::kBest);
  if (options.weighted_majority) metrics.push_back(stats::Metric::kWeightedMajority);
  metrics.push_back(stats::Metric::kDistinct);
  std::vector<MetricTable> tables;
  for (const stats::Metric metric : metrics) {
    MetricTable table{metric, {}};
    for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
      if (!analysis.is_first(arm)) {
        const auto source = table.values.begin() +
                            static_cast<std::ptrdiff_t>(analysis.arm(arm).sampled_as * analysis.k.size());
        const std::vector<stats::Estimate> same(source,
                                                source + static_cast<std::ptrdiff_t>(analysis.k.size()));
        table.values.insert(table.values.end(), same.begin(), same.end());
        continue;
      }
      const auto values =
          stats::values_of(samples, arm, metric, analysis.k, score, options.score != stats::Score::kImported);
      for (std::size_t i = 0; i < analysis.k.size(); ++i) {
        table.values.push_back(stats::interval_of(metric, analysis.k[i], values[i], analysis.level));
      }
    }
    tables.push_back(std::move(table));
  }
  return tables;
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
  const std::vector<double> score = stats::scores_of(samples, options.score, options.imported_score);
  analysis.tables = tables_of(analysis, samples, score, options);
  analysis.columns = columns_of(analysis, samples);
  analysis.bound = bounds_of(analysis, samples);
  compare_arms(analysis, samples, score);
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
