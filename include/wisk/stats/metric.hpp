#pragma once
// What is computed of each cell and then averaged over problems: one row of numbers for each arm and k.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <wisk/stats/interval.hpp>
#include <wisk/stats/samples.hpp>

namespace wisk::stats {

enum class Metric : std::uint8_t {
  kPass,                  ///< at least one of k samples is correct
  kPassUndecidedCorrect,  ///< the same with undecided samples taken as correct
  kMajority,              ///< the most frequent answer among k samples is correct, ties shared
  kBest,                  ///< the sample with the largest score among k is correct, ties averaged
  kWeightedMajority,      ///< the answer with the largest sum of weights among k is correct
  kDistinct,              ///< distinct answers among k samples
};
inline constexpr int kMetrics = 6;

/// "pass_at_k", the name of its variable in results.h5 and in JSON.
std::string_view id_of(Metric metric);
/// "Pass@k": `k` stands for the number.
std::string_view title_of(Metric metric);
/// What it is and where its formula comes from.
std::string_view meaning_of(Metric metric);
/// A share of 1, shown in percent; kDistinct is a number of answers.
bool is_share(Metric metric);
/// What one problem can have: 0..1, or 0..k.
Range range_of(Metric metric, std::int64_t k);

/// Mean of counts, one a problem, and its interval: by the percentiles of functional_interval, for a range as
/// wide as that of counts (0..n) would make mean_interval's ends those of problems that nobody has seen.
/// Counts that are all equal have mean_interval. NaN inside gives NaN. values: [P].
Estimate count_interval(std::span<const double> values, Range range, double level = kIntervalLevel);

/// How interval_of makes the intervals of a metric, in words.
std::string_view interval_method_of(Metric metric);

/// The interval of the mean of a metric's values: mean_interval of shares, count_interval of counts.
Estimate interval_of(Metric metric, std::int64_t k, std::span<const double> values,
                     double level = kIntervalLevel);

/// What best@k and weighted majority sort and weigh by.
enum class Score : std::uint8_t { kMeanLogprob, kLogprob, kShortest, kLongest, kImported };

/// What ranks samples, and what their votes weigh. [R] each.
struct Scores {
  std::vector<double> rank;
  /// exp of a log-probability; tokens for kLongest, 1 / tokens for kShortest; an imported score as it is.
  std::vector<double> weight;
};

/// Of every row. `imported` is [R] for kImported.
Scores scores_of(const Samples& samples, Score score, std::span<const double> imported = {});

/// One arm's values of a metric. NaN where the cell has fewer than k samples.
struct MetricValues {
  std::vector<std::vector<double>> of_problem;  ///< [K][P]
  /// [K] standard error of the mean over problems that comes from random subsets; 0 where all were counted.
  std::vector<double> monte_carlo_error;
};

/// k: ascending. `scores` are read by kBest and kWeightedMajority only.
MetricValues values_of(const Samples& samples, std::size_t arm, Metric metric,
                       std::span<const std::int64_t> k, const Scores& scores = {});

}  // namespace wisk::stats
