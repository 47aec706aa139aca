#pragma once
// Every table of a run, computed from its samples: what `show` prints, `report` draws and both give to
// machines.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <wisk/stats/comparison.hpp>
#include <wisk/stats/interval.hpp>
#include <wisk/stats/metric.hpp>
#include <wisk/stats/samples.hpp>
#include <wisk/store/results.hpp>

namespace wisk::report {

/// first_parts of every first_parts + second_parts samples come from arm `first`, the others from `second`.
struct WantedMixture {
  std::string first, second;  ///< names of arms
  std::int64_t first_parts = 1, second_parts = 1;
};

/// What a reader may ask for.
struct AnalysisOptions {
  std::string baseline;  ///< name of the arm that the others are compared with; "": the first with delta 0
  std::vector<std::int64_t> k;  ///< instead of the run's own; empty: those
  double level = stats::kIntervalLevel;
  stats::Metric metric = stats::Metric::kPass;      ///< of comparisons, choice and mixtures' neighbours
  stats::Score score = stats::Score::kMeanLogprob;  ///< of Best@k
  std::vector<double> imported_score;               ///< [R] for Score::kImported
  bool weighted_majority = false;                   ///< takes long for many samples
  bool predictions = true;
  std::vector<WantedMixture> mixtures;  ///< besides early + late
};

/// One number for each arm and k, averaged over problems. [A, K]
struct MetricTable {
  stats::Metric metric;
  std::vector<stats::Estimate> values;    ///< NaN where samples are missing
  std::vector<double> monte_carlo_error;  ///< standard errors that random subsets leave; 0: all were counted
};

/// One number for each arm.
struct Column {
  std::string id, title;
  std::string unit;   ///< "%": a share of 1; else a word or ""
  std::string group;  ///< "spread", "diversity", "health"
  std::string meaning;
  std::vector<stats::Estimate> values;  ///< [A]; NaN: not known; an interval that is NaN: none
};

/// Arm against baseline over the same problems; NaN where they are the same samples.
struct Difference {
  stats::Estimate difference;  ///< of means, paired over problems
  double p_value, holm;        ///< of no difference, by sign flips; adjusted for the number of arms, each k
  /// Probability that the arm is the best one of all at this k, by the Bayesian bootstrap over the problems
  /// that were seen; NaN where an arm has no number.
  double best;
  bool is_best;  ///< better than every other arm, each p below 1 - level after Holm's correction
};

/// Samples of two arms together, half of them from each unless parts are given.
struct Mixture {
  std::size_t first, second;  ///< arms
  std::int64_t first_parts, second_parts;
  /// [K]; the odd sample of a half comes from either; NaN where k is no multiple of other parts' sum and
  /// where samples are missing.
  std::vector<stats::Estimate> values;
  /// Arms that blend the two: what they reach above the mixture at the same budget. [K] each
  std::vector<std::pair<std::size_t, std::vector<stats::Estimate>>> blends;
};

struct ChoiceAtK {
  std::int64_t k;
  stats::Choice choice;
};

/// Pass@k beyond the samples that were drawn, from a fit: never a measurement.
struct Prediction {
  std::size_t arm;
  std::vector<std::int64_t> k;
  std::vector<stats::Estimate> values;  ///< [k]
};

/// Owns everything. Immutable after analyse().
struct Analysis {
  store::Results results;
  double level = stats::kIntervalLevel;
  std::vector<std::int64_t> k;  ///< [K] ascending
  stats::Metric metric = stats::Metric::kPass;
  std::vector<MetricTable> tables;  ///< the first one is Pass@k
  std::vector<Column> columns;
  std::vector<stats::Estimate> bound;  ///< [A, K] the paper's bound on Pass@k; NaN at k = 1
  std::optional<std::size_t> baseline;
  std::vector<Difference> differences;  ///< [A, K] of `metric`; empty without a baseline
  std::vector<Mixture> mixtures;
  std::vector<ChoiceAtK> choices;  ///< [K]; empty without a split
  std::vector<Prediction> predictions;
  std::vector<std::string> warnings;

  [[nodiscard]] std::size_t arms() const { return results.plan.arms.size(); }
  [[nodiscard]] const store::ArmColumns& arm(std::size_t index) const { return results.plan.arms[index]; }
  /// Whether an arm stands for itself: not one that shares another's samples.
  [[nodiscard]] bool is_first(std::size_t index) const { return arm(index).sampled_as == index; }
  [[nodiscard]] const MetricTable* table(stats::Metric of) const;
};

/// "delta=1 + delta=0", "3 x delta=1 + 1 x delta=0".
std::string title_of(const Analysis& analysis, const Mixture& mixture);

/// Computes every table. `samples`: of `results`. Throws UsageError for an arm or a k that is not there.
Analysis analyse(store::Results results, const stats::Samples& samples, const AnalysisOptions& options);

/// The same run restricted to the problems with that value of a field, for each value in the order of their
/// first problem. Throws UsageError naming the fields there are.
std::vector<std::pair<std::string, Analysis>> analyse_by(const store::Results& results,
                                                         const stats::Samples& samples,
                                                         const AnalysisOptions& options,
                                                         const std::string& field);

}  // namespace wisk::report
