// Arms against each other: differences, the honest choice, mixtures, and what a fit predicts.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

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

/// Values of the distinct arms at one k. [D][P]
using Rows = std::vector<std::span<const double>>;

double p_of_difference(const stats::SignFlipTest& test, std::span<const double> a,
                       std::span<const double> b) {
  std::vector<double> difference(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return test.p_value(difference);
}

/// The row that is better than every other one, each p below `error` after Holm's correction; none where no
/// row is, or one has no number.
std::optional<std::size_t> best_of(const Rows& rows, const stats::SignFlipTest& test, double error) {
  std::vector<double> means;
  for (const auto& row : rows) means.push_back(std::accumulate(row.begin(), row.end(), 0.0));
  if (std::any_of(means.begin(), means.end(), [](double mean) { return std::isnan(mean); }))
    return std::nullopt;
  const auto best = static_cast<std::size_t>(std::max_element(means.begin(), means.end()) - means.begin());
  std::vector<double> p_values;
  for (std::size_t i = 0; i < rows.size(); ++i)
    p_values.push_back(i == best ? kNaN : p_of_difference(test, rows[best], rows[i]));
  const auto adjusted = stats::holm(p_values);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i != best && !(adjusted[i] < error)) return std::nullopt;
  }
  return best;
}

/// Differences of the distinct arms at one k from the row `base`.
std::vector<Difference> differences_at(const Rows& rows, std::size_t base, const stats::SignFlipTest& test,
                                       double width, double level) {
  std::vector<double> p_values, all;
  std::vector<Difference> found;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    p_values.push_back(i == base ? kNaN : p_of_difference(test, rows[i], rows[base]));
    const Estimate difference =
        i == base ? Estimate{kNaN, kNaN, kNaN} : stats::paired_difference(rows[i], rows[base], width, level);
    found.push_back({difference, p_values.back(), kNaN, kNaN, false});
    all.insert(all.end(), rows[i].begin(), rows[i].end());
  }
  const bool complete = std::none_of(all.begin(), all.end(), [](double value) { return std::isnan(value); });
  const auto adjusted = stats::holm(p_values);
  const auto best = stats::best_probability(all, rows.size());
  const auto surely = best_of(rows, test, 1 - level);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    found[i].holm = adjusted[i];
    if (complete) found[i].best = best[i];
    found[i].is_best = surely == i;
  }
  return found;
}

/// The sides of the split and the problems that are on one of them.
struct Split {
  std::vector<std::size_t> problems;
  std::vector<std::uint8_t> is_choose;  // of `problems`

  [[nodiscard]] bool has_both_sides() const {
    return std::count(is_choose.begin(), is_choose.end(), 1) > 0 &&
           std::count(is_choose.begin(), is_choose.end(), 0) > 0;
  }
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

/// For each distinct arm the first arm with a delta that has its samples: blends compete, the ends among
/// them, where there are two. Else every arm.
std::vector<std::optional<std::size_t>> candidates_of(const Analysis& analysis,
                                                      const std::vector<std::size_t>& distinct) {
  std::vector<std::optional<std::size_t>> blends(distinct.size()), all;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const auto place = static_cast<std::size_t>(
        std::find(distinct.begin(), distinct.end(), analysis.arm(arm).sampled_as) - distinct.begin());
    if (!std::isnan(analysis.arm(arm).delta) && !blends[place]) blends[place] = arm;
  }
  for (const std::size_t arm : distinct) all.emplace_back(arm);
  return std::count(blends.begin(), blends.end(), std::nullopt) + 1 < std::ssize(blends) ? blends : all;
}

void add_choice(Analysis& analysis, const Rows& rows, std::size_t base,
                const std::vector<std::optional<std::size_t>>& candidates, const Split& split,
                std::size_t k) {
  if (!split.has_both_sides()) return;
  std::vector<double> some;
  std::vector<std::uint8_t> competes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const std::size_t problem : split.problems) some.push_back(rows[i][problem]);
    competes.push_back(candidates[i] ? 1 : 0);
  }
  if (std::any_of(some.begin(), some.end(), [](double value) { return std::isnan(value); })) return;
  stats::Choice choice = stats::choose_arm(some, rows.size(), base, split.is_choose, competes, analysis.level,
                                           stats::range_of(analysis.metric, analysis.k[k]));
  choice.chosen = candidates[choice.chosen].value();
  analysis.choices.push_back({analysis.k[k], choice});
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

/// Pass@k of every problem when a parts of every a + b samples come from the first arm, the others from the
/// second; of an odd k in halves the odd one comes from either with the same probability. [P]
std::vector<double> mixture_values(const stats::Samples& samples, const Mixture& mixture, std::int64_t k) {
  const std::int64_t parts = mixture.first_parts + mixture.second_parts;
  const bool halves = mixture.first_parts == mixture.second_parts;
  const std::int64_t first = halves ? k / 2 : k / parts * mixture.first_parts;
  std::vector<double> values;
  for (std::size_t problem = 0; problem < samples.problems; ++problem) {
    const auto counts = joint_counts(samples, stats::Cell(samples, mixture.first, problem),
                                     stats::Cell(samples, mixture.second, problem));
    if (counts.n < k || (!halves && k % parts != 0)) {
      values.push_back(kNaN);
    } else if (halves) {
      values.push_back((stats::mixture_pass_at_k(counts, first, k - first) +
                        stats::mixture_pass_at_k(counts, k - first, first)) /
                       2);
    } else {
      values.push_back(stats::mixture_pass_at_k(counts, first, k - first));
    }
  }
  return values;
}

std::vector<double> pass_values(const Analysis& analysis, const stats::Samples& samples, std::size_t arm,
                                std::int64_t k) {
  const std::size_t begin = arm * samples.problems;
  return stats::pass_at_k_of_problems(std::span(analysis.results.n).subspan(begin, samples.problems),
                                      std::span(analysis.results.c).subspan(begin, samples.problems), k);
}

/// Fills the values of a mixture, and what its blends reach above them.
Mixture computed(const Analysis& analysis, const stats::Samples& samples, Mixture mixture) {
  for (const std::int64_t k : analysis.k) {
    const auto values = mixture_values(samples, mixture, k);
    mixture.values.push_back(stats::mean_interval(values, {0, 1}, analysis.level));
    for (auto& [blend, differences] : mixture.blends) {
      differences.push_back(
          stats::paired_difference(pass_values(analysis, samples, blend, k), values, 1, analysis.level));
    }
  }
  return mixture;
}

bool same_decoding(const store::ArmColumns& a, const store::ArmColumns& b) {
  return a.temperature == b.temperature && a.top_p == b.top_p && a.top_k == b.top_k && a.min_p == b.min_p &&
         a.max_tokens == b.max_tokens;
}

/// The arm that is an end of `like` under the same decoding: of delta 0 or 1 between the same two
/// checkpoints, or the checkpoint alone.
std::optional<std::size_t> end_of(const Analysis& analysis, const store::ArmColumns& like, double delta) {
  const std::string& name = delta == 0 ? like.late : like.early;
  std::optional<std::size_t> alone;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const store::ArmColumns& other = analysis.arm(arm);
    if (!same_decoding(other, like)) continue;
    if (other.delta == delta && other.early == like.early && other.late == like.late) return arm;
    if (!alone && is_checkpoint(other, name)) alone = arm;
  }
  return alone;
}

}  // namespace

void compare_arms(Analysis& analysis, const MetricByProblem& values) {
  if (!analysis.baseline || analysis.arms() < 2) return;
  const std::size_t ks = analysis.k.size();
  const auto distinct = distinct_arms(analysis);
  const auto place_of = [&](std::size_t arm) {
    return static_cast<std::size_t>(
        std::find(distinct.begin(), distinct.end(), analysis.arm(arm).sampled_as) - distinct.begin());
  };
  const auto candidates = candidates_of(analysis, distinct);
  const Split split = split_of(analysis.results.plan);
  const stats::SignFlipTest test(analysis.results.plan.problems.size());
  const std::size_t base = place_of(*analysis.baseline);
  analysis.differences.resize(analysis.arms() * ks);
  for (std::size_t k = 0; k < ks; ++k) {
    Rows rows;
    for (const std::size_t arm : distinct) rows.emplace_back(values[k][arm]);
    const double width = stats::range_of(analysis.metric, analysis.k[k]).high;
    const auto found = differences_at(rows, base, test, width, analysis.level);
    for (std::size_t arm = 0; arm < analysis.arms(); ++arm)
      analysis.differences[arm * ks + k] = found[place_of(arm)];
    add_choice(analysis, rows, base, candidates, split, k);
  }
}

std::string title_of(const Analysis& analysis, const Mixture& mixture) {
  const bool halves = mixture.first_parts == mixture.second_parts;
  const auto part = [&](std::int64_t parts, std::size_t arm) {
    return (halves ? "" : std::to_string(parts) + " x ") + analysis.arm(arm).name;
  };
  return part(mixture.first_parts, mixture.first) + " + " + part(mixture.second_parts, mixture.second);
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
  for (const auto& [ends, blends] : pairs) {
    Mixture mixture{ends.first, ends.second, 1, 1, {}, {}};
    for (const std::size_t blend : blends) mixture.blends.push_back({blend, {}});
    result.push_back(computed(analysis, samples, std::move(mixture)));
  }
  for (const WantedMixture& wanted : options.mixtures) {
    const store::ResultsPlan& plan = analysis.results.plan;
    result.push_back(computed(analysis, samples,
                              {arm_named(plan, wanted.first, "--mixture"),
                               arm_named(plan, wanted.second, "--mixture"),
                               wanted.first_parts,
                               wanted.second_parts,
                               {},
                               {}}));
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
