// Arms against each other: differences, the honest choice, mixtures, and what a fit predicts.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <wisk/core/error.hpp>
#include <wisk/stats/bias_variance.hpp>
#include <wisk/stats/mixture.hpp>
#include <wisk/stats/pass_at_k.hpp>
#include <wisk/stats/prediction_interval.hpp>

#include "analysis_parts.hpp"

namespace wisk::report {
namespace {

using stats::Estimate;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Arms that stand for themselves, in their order.
std::vector<std::size_t> distinct_arms(const Analysis& analysis) {
  std::vector<std::size_t> arms;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    if (analysis.is_first(arm)) arms.push_back(arm);
  }
  return arms;
}

std::span<const double> row(const std::vector<double>& values, std::size_t arm, std::size_t problems) {
  return std::span(values).subspan(arm * problems, problems);
}

/// The metric's values at one k: rows of distinct arms only, as [arms, P].
std::vector<double> rows_of(const std::vector<double>& values, const std::vector<std::size_t>& arms,
                            std::size_t problems) {
  std::vector<double> rows;
  for (const std::size_t arm : arms) {
    const auto of_arm = row(values, arm, problems);
    rows.insert(rows.end(), of_arm.begin(), of_arm.end());
  }
  return rows;
}

/// Differences of every arm at one k; arms that share samples get the numbers of the arm that drew them.
std::vector<Difference> differences_at(const Analysis& analysis, const std::vector<double>& values,
                                       const std::vector<std::size_t>& distinct,
                                       const stats::SignFlipTest& test, double width) {
  const std::size_t problems = analysis.results.plan.problems.size();
  const std::size_t base = analysis.arm(*analysis.baseline).sampled_as;
  std::vector<double> p_values;
  std::vector<Difference> found;
  for (const std::size_t arm : distinct) {
    const auto mine = row(values, arm, problems), theirs = row(values, base, problems);
    std::vector<double> difference(problems);
    for (std::size_t i = 0; i < problems; ++i) difference[i] = mine[i] - theirs[i];
    p_values.push_back(arm == base ? kNaN : test.p_value(difference));
    found.push_back({arm == base ? Estimate{kNaN, kNaN, kNaN}
                                 : stats::paired_difference(mine, theirs, width, analysis.level),
                     p_values.back(), kNaN, 0});
  }
  const auto adjusted = stats::holm(p_values);
  const auto best = stats::best_probability(rows_of(values, distinct, problems), distinct.size());
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    found[i].holm = adjusted[i];
    found[i].best = best[i];
  }
  std::vector<Difference> all;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const auto place = std::find(distinct.begin(), distinct.end(), analysis.arm(arm).sampled_as);
    all.push_back(found[static_cast<std::size_t>(place - distinct.begin())]);
  }
  return all;
}

/// The sides of the split and the problems that are on one of them.
struct Split {
  std::vector<std::size_t> problems;
  std::vector<std::uint8_t> is_choose;  // of `problems`
};

Split split_of(const store::ResultsPlan& plan) {
  Split split;
  for (std::size_t problem = 0; problem < plan.about.split.size(); ++problem) {
    const std::string& side = plan.about.split[problem];
    if (side.empty()) continue;
    split.problems.push_back(problem);
    split.is_choose.push_back(side == "choose" ? 1 : 0);
  }
  return split;
}

/// Blends compete where there are any, else every arm.
std::vector<std::uint8_t> candidates_of(const Analysis& analysis, const std::vector<std::size_t>& distinct) {
  std::vector<std::uint8_t> blends, all(distinct.size(), 1);
  for (const std::size_t arm : distinct) blends.push_back(std::isnan(analysis.arm(arm).delta) ? 0 : 1);
  return std::count(blends.begin(), blends.end(), 1) > 1 ? blends : all;
}

void add_choice(Analysis& analysis, const std::vector<double>& values,
                const std::vector<std::size_t>& distinct, const Split& split, std::int64_t k) {
  if (split.problems.empty()) return;
  const std::size_t problems = analysis.results.plan.problems.size();
  std::vector<double> some;
  for (const std::size_t arm : distinct) {
    for (const std::size_t problem : split.problems) some.push_back(row(values, arm, problems)[problem]);
  }
  if (std::any_of(some.begin(), some.end(), [](double value) { return std::isnan(value); })) return;
  const std::size_t base = analysis.arm(*analysis.baseline).sampled_as;
  const auto reference =
      static_cast<std::size_t>(std::find(distinct.begin(), distinct.end(), base) - distinct.begin());
  stats::Choice choice =
      stats::choose_arm(some, distinct.size(), reference, split.is_choose, candidates_of(analysis, distinct),
                        analysis.level, stats::range_of(analysis.metric, k));
  choice.chosen = distinct[choice.chosen];
  analysis.choices.push_back({k, choice});
}

/// Of one problem: samples with the same number in both arms, by who is wrong.
stats::JointCounts joint_counts(const stats::Samples& samples, const stats::Cell& a, const stats::Cell& b) {
  stats::JointCounts counts{0, 0, 0, 0};
  std::size_t i = a.begin(), j = b.begin();
  while (i < a.end() && j < b.end()) {
    if (samples.number[i] != samples.number[j]) {
      ++(samples.number[i] < samples.number[j] ? i : j);
      continue;
    }
    const bool a_wrong = samples.verdict[i++] != Verdict::kCorrect,
               b_wrong = samples.verdict[j++] != Verdict::kCorrect;
    counts.n += 1;
    counts.both_wrong += a_wrong && b_wrong;
    counts.only_a_wrong += a_wrong && !b_wrong;
    counts.only_b_wrong += b_wrong && !a_wrong;
  }
  return counts;
}

/// Pass@k of every problem when half of the k samples come from each arm; of an odd k the odd one comes from
/// either with the same probability. [P]
std::vector<double> mixture_values(const stats::Samples& samples, std::size_t a, std::size_t b,
                                   std::int64_t k) {
  std::vector<double> values;
  for (std::size_t problem = 0; problem < samples.problems; ++problem) {
    const auto counts =
        joint_counts(samples, stats::Cell(samples, a, problem), stats::Cell(samples, b, problem));
    values.push_back(counts.n < k ? kNaN
                                  : (stats::mixture_pass_at_k(counts, k / 2, k - k / 2) +
                                     stats::mixture_pass_at_k(counts, k - k / 2, k / 2)) /
                                        2);
  }
  return values;
}

std::vector<double> pass_values(const Analysis& analysis, const stats::Samples& samples, std::size_t arm,
                                std::int64_t k) {
  const std::size_t begin = arm * samples.problems;
  return stats::pass_at_k_of_problems(std::span(analysis.results.n).subspan(begin, samples.problems),
                                      std::span(analysis.results.c).subspan(begin, samples.problems), k);
}

Mixture mixture(const Analysis& analysis, const stats::Samples& samples, std::size_t a, std::size_t b,
                const std::vector<std::size_t>& blends) {
  Mixture result{a, b, {}, {}};
  for (const std::size_t blend : blends) result.blends.push_back({blend, {}});
  for (const std::int64_t k : analysis.k) {
    const auto values = mixture_values(samples, a, b, k);
    result.values.push_back(stats::mean_interval(values, {0, 1}, analysis.level));
    for (auto& [blend, differences] : result.blends) {
      differences.push_back(
          stats::paired_difference(pass_values(analysis, samples, blend, k), values, 1, analysis.level));
    }
  }
  return result;
}

bool same_decoding(const store::ArmColumns& a, const store::ArmColumns& b) {
  return a.temperature == b.temperature && a.top_p == b.top_p && a.top_k == b.top_k && a.min_p == b.min_p &&
         a.max_tokens == b.max_tokens;
}

/// The arm of that delta between the same two checkpoints under the same decoding.
std::optional<std::size_t> end_of(const Analysis& analysis, const store::ArmColumns& like, double delta) {
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const store::ArmColumns& other = analysis.arm(arm);
    if (other.delta == delta && other.early == like.early && other.late == like.late &&
        same_decoding(other, like))
      return arm;
  }
  return std::nullopt;
}

}  // namespace

std::vector<double> metric_values(const Analysis& analysis, const stats::Samples& samples,
                                  const std::vector<double>& score, std::size_t k) {
  std::vector<double> values;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    if (!analysis.is_first(arm)) {
      const std::vector<double> same(
          values.begin() + static_cast<std::ptrdiff_t>(analysis.arm(arm).sampled_as * samples.problems),
          values.begin() +
              static_cast<std::ptrdiff_t>((analysis.arm(arm).sampled_as + 1) * samples.problems));
      values.insert(values.end(), same.begin(), same.end());
      continue;
    }
    const auto of_arm =
        stats::values_of(samples, arm, analysis.metric, std::span(analysis.k).subspan(k, 1), score).front();
    values.insert(values.end(), of_arm.begin(), of_arm.end());
  }
  return values;
}

void compare_arms(Analysis& analysis, const stats::Samples& samples, const std::vector<double>& score) {
  if (!analysis.baseline || analysis.arms() < 2) return;
  const auto distinct = distinct_arms(analysis);
  const Split split = split_of(analysis.results.plan);
  const stats::SignFlipTest test(samples.problems);
  std::vector<std::vector<Difference>> by_k;
  for (std::size_t i = 0; i < analysis.k.size(); ++i) {
    const auto values = metric_values(analysis, samples, score, i);
    const double width = stats::range_of(analysis.metric, analysis.k[i]).high;
    by_k.push_back(differences_at(analysis, values, distinct, test, width));
    add_choice(analysis, values, distinct, split, analysis.k[i]);
  }
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    for (const auto& at_k : by_k) analysis.differences.push_back(at_k[arm]);
  }
}

std::vector<Mixture> mixtures_of(const Analysis& analysis, const stats::Samples& samples,
                                 const AnalysisOptions& options) {
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> pairs;  // (early, late) -> blends
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const store::ArmColumns& columns = analysis.arm(arm);
    if (std::isnan(columns.delta)) continue;
    const auto early = end_of(analysis, columns, 1), late = end_of(analysis, columns, 0);
    if (!early || !late) continue;
    auto& blends = pairs[{*early, *late}];
    if (columns.delta != 0 && columns.delta != 1) blends.push_back(arm);
  }
  std::vector<Mixture> result;
  for (const auto& [ends, blends] : pairs)
    result.push_back(mixture(analysis, samples, ends.first, ends.second, blends));
  for (const auto& [first, second] : options.mixtures) {
    result.push_back(mixture(analysis, samples, arm_named(analysis.results.plan, first, "--mixture"),
                             arm_named(analysis.results.plan, second, "--mixture"), {}));
  }
  return result;
}

std::vector<Prediction> predictions_of(const Analysis& analysis) {
  constexpr std::int64_t kDoublings = 2;
  std::vector<Prediction> predictions;
  const std::size_t problems = analysis.results.plan.problems.size();
  for (const std::size_t arm : distinct_arms(analysis)) {
    const auto n = std::span(analysis.results.n).subspan(arm * problems, problems),
               c = std::span(analysis.results.c).subspan(arm * problems, problems);
    if (std::any_of(n.begin(), n.end(), [](std::int64_t each) { return each < 2; })) continue;
    Prediction prediction{arm, {}, {}};
    for (std::int64_t i = 1, k = analysis.arm(arm).samples; i <= kDoublings; ++i) {
      k *= 2;
      prediction.k.push_back(k);
    }
    prediction.values = stats::predicted_with_interval(n, c, prediction.k, analysis.level);
    predictions.push_back(std::move(prediction));
  }
  return predictions;
}

}  // namespace wisk::report
