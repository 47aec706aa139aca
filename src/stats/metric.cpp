#include <wisk/stats/metric.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include <wisk/core/assert.hpp>
#include <wisk/stats/best_at_k.hpp>
#include <wisk/stats/diversity.hpp>
#include <wisk/stats/majority.hpp>
#include <wisk/stats/pass_at_k.hpp>

namespace wisk::stats {
namespace {

static_assert(kWeightedDraws == 512, "the words below say so");

struct Words {
  std::string_view id, title, meaning;
};

constexpr std::array<Words, kMetrics> kWords = {
    {{"pass_at_k", "Pass@k",
      "probability that at least one of k samples is correct: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, "
      "arXiv "
      "2107.03374, eq. 1), mean over problems"},
     {"pass_at_k_undecided_correct", "Pass@k, undecided as correct",
      "Pass@k with undecided samples (the checker's limit was reached) taken as correct"},
     {"majority_at_k", "Majority@k",
      "probability that the most frequent answer among k samples is correct: exact expectation over all "
      "subsets of k of the n samples, equal answers vote together, ties shared equally, samples without an "
      "answer do not vote"},
     {"best_at_k", "Best@k",
      "probability that the sample with the largest score among k is correct: exact expectation over all "
      "subsets of k of the n samples, equal scores averaged"},
     {"weighted_majority_at_k", "Weighted majority@k",
      "probability that the answer with the largest sum of weights among k samples is correct: over all "
      "subsets of k of the n samples where they are few, else over 512 random ones (standard error of a mean "
      "over "
      "P problems: at most 2.2 points / sqrt(P))"},
     {"distinct_at_k", "Distinct@k",
      "expected number of distinct answers among k samples: exact rarefaction (Hurlbert 1971, Ecology 52, "
      "577-586)"}}};

const Words& words_of(Metric metric) {
  return kWords[static_cast<std::size_t>(metric)];
}

std::vector<std::int64_t> votes_of(const std::vector<AnswerClass>& classes) {
  std::vector<std::int64_t> votes;
  for (const AnswerClass& of_answer : classes) votes.push_back(of_answer.votes);
  return votes;
}

std::vector<std::uint8_t> correct_of(const Samples& samples, const Cell& cell) {
  std::vector<std::uint8_t> correct;
  for (const Verdict verdict : cell.of(samples.verdict)) correct.push_back(verdict == Verdict::kCorrect);
  return correct;
}

/// Values of one cell, and their Monte Carlo errors, for each of `k`, all of them at most the cell's size.
std::vector<WeightedValue> values_of_cell(const Samples& samples, const Cell& cell, Metric metric,
                                          std::span<const std::int64_t> k, const Scores& scores) {
  const auto exact = [](const std::vector<double>& values) {
    std::vector<WeightedValue> result;
    for (const double value : values) result.push_back({value, 0});
    return result;
  };
  switch (metric) {
    case Metric::kPass:
    case Metric::kPassUndecidedCorrect: {
      std::int64_t correct = count(samples, cell, Verdict::kCorrect);
      if (metric == Metric::kPassUndecidedCorrect) correct += count(samples, cell, Verdict::kUndecided);
      std::vector<WeightedValue> values;
      for (const std::int64_t each : k) values.push_back({pass_at_k(cell.size(), correct, each), 0});
      return values;
    }
    case Metric::kMajority:
      return exact(majority_at_k(answer_classes(samples, cell), cell.size(), k));
    case Metric::kDistinct:
      return exact(distinct_at_k(votes_of(answer_classes(samples, cell)), cell.size(), k));
    case Metric::kBest:
      return exact(best_at_k(cell.of(scores.rank), correct_of(samples, cell), k));
    case Metric::kWeightedMajority: {
      std::vector<Vote> votes;
      for (std::size_t row = cell.begin(); row < cell.end(); ++row) {
        votes.push_back({samples.answer[row], scores.weight[row], samples.verdict[row] == Verdict::kCorrect});
      }
      return weighted_majority_at_k(votes, k, cell.begin());
    }
  }
  WISK_ASSERT(false);
  return {};
}

}  // namespace

std::string_view id_of(Metric metric) {
  return words_of(metric).id;
}

std::string_view title_of(Metric metric) {
  return words_of(metric).title;
}

std::string_view meaning_of(Metric metric) {
  return words_of(metric).meaning;
}

bool is_share(Metric metric) {
  return metric != Metric::kDistinct;
}

Range range_of(Metric metric, std::int64_t k) {
  return {0, is_share(metric) ? 1.0 : static_cast<double>(k)};
}

Estimate count_interval(std::span<const double> values, Range range, double level) {
  constexpr double kRounding = 1e-12;  // of the sums that made the counts
  const auto [least, largest] = std::minmax_element(values.begin(), values.end());
  if (values.empty() || *largest - *least <= kRounding * *largest) return mean_interval(values, range, level);
  return functional_interval(
      values.size(),
      [&](std::span<const double> weights) {
        return std::inner_product(weights.begin(), weights.end(), values.begin(), 0.0) /
               static_cast<double>(values.size());
      },
      level);
}

std::string_view interval_method_of(Metric metric) {
  if (is_share(metric)) return kIntervalMethod;
  return "over problems: percentiles of the Bayesian bootstrap, moved for bias and skewness as BCa does; "
         "where all "
         "problems are equal, that of a share of the largest count";
}

Estimate interval_of(Metric metric, std::int64_t k, std::span<const double> values, double level) {
  return is_share(metric) ? mean_interval(values, range_of(metric, k), level)
                          : count_interval(values, range_of(metric, k), level);
}

Scores scores_of(const Samples& samples, Score score, std::span<const double> imported) {
  if (score == Score::kImported) {
    WISK_ASSERT(imported.size() == samples.rows());
    const std::vector<double> own(imported.begin(), imported.end());
    return {own, own};
  }
  Scores scores;
  for (std::size_t row = 0; row < samples.rows(); ++row) {
    const double tokens = std::max(1, samples.tokens[row]), logprob = samples.logprob[row];
    double rank = 0, weight = 0;
    switch (score) {
      case Score::kMeanLogprob:
        rank = logprob / tokens, weight = std::exp(rank);
        break;
      case Score::kLogprob:
        rank = logprob, weight = std::exp(rank);
        break;
      case Score::kShortest:
        rank = -tokens, weight = 1 / tokens;
        break;
      case Score::kLongest:
        rank = weight = tokens;
        break;
      case Score::kImported:
        break;
    }
    scores.rank.push_back(rank);
    scores.weight.push_back(weight);
  }
  return scores;
}

MetricValues values_of(const Samples& samples, std::size_t arm, Metric metric,
                       std::span<const std::int64_t> k, const Scores& scores) {
  WISK_ASSERT(std::is_sorted(k.begin(), k.end()));
  const auto problems = static_cast<double>(samples.problems);
  MetricValues values;
  values.of_problem.assign(k.size(),
                           std::vector<double>(samples.problems, std::numeric_limits<double>::quiet_NaN()));
  values.monte_carlo_error.assign(k.size(), 0.0);
  for (std::size_t problem = 0; problem < samples.problems; ++problem) {
    const Cell cell(samples, arm, problem);
    const auto enough =
        static_cast<std::size_t>(std::upper_bound(k.begin(), k.end(), cell.size()) - k.begin());
    if (enough == 0) continue;
    const auto of_cell = values_of_cell(samples, cell, metric, k.subspan(0, enough), scores);
    for (std::size_t i = 0; i < enough; ++i) {
      values.of_problem[i][problem] = of_cell[i].value;
      values.monte_carlo_error[i] += of_cell[i].error * of_cell[i].error;
    }
  }
  for (double& error : values.monte_carlo_error) error = std::sqrt(error) / problems;
  return values;
}

}  // namespace wisk::stats
