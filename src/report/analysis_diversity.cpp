// How different the samples of a problem are.

#include <wisk/stats/diversity.hpp>

#include "columns.hpp"

namespace wisk::report {
namespace {

using stats::Cell;
using stats::Estimate;
using stats::Samples;

std::int64_t distinct(const Samples& samples, const Cell& cell, const std::vector<std::uint64_t>& column,
                      bool correct_only) {
  std::vector<std::uint64_t> values;
  for (std::size_t row = cell.begin(); row < cell.end(); ++row) {
    if (!correct_only || samples.verdict[row] == Verdict::kCorrect) values.push_back(column[row]);
  }
  return static_cast<std::int64_t>(stats::multiplicities(values, &column == &samples.path).size());
}

/// NaN of a cell without samples.
double entropy(const Samples& samples, const Cell& cell) {
  if (cell.size() == 0) return kNaN;
  std::vector<std::int64_t> votes;
  for (const auto& of_answer : stats::answer_classes(samples, cell)) votes.push_back(of_answer.votes);
  return votes.empty() ? 0.0 : stats::answer_entropy(votes);
}

}  // namespace

void add_diversity(Columns& columns, const Analysis& analysis, const Samples& samples) {
  columns.add_mean(
      "answer_entropy", "entropy of answers", "nats", "diversity",
      "of the distribution of answers of a problem, bias-corrected (Chao, Wang & Jost 2013)",
      [&](std::size_t arm) {
        double largest = std::log(static_cast<double>(std::max<std::int64_t>(2, analysis.arm(arm).samples)));
        for (const double value :
             per_problem(samples, arm, [&](const Cell& cell) { return entropy(samples, cell); }))
          largest = std::max(largest, value);
        return stats::Range{0, largest};
      },
      [&](const Cell& cell) { return entropy(samples, cell); });
  const auto add_distinct = [&](const char* id, const char* title, const char* meaning,
                                const std::vector<std::uint64_t>& column, bool correct_only) {
    columns.add(id, title, "", "diversity", meaning, [&, correct_only](std::size_t arm) {
      const auto values = per_problem(samples, arm, [&](const Cell& cell) {
        return cell.size() == 0 ? kNaN : static_cast<double>(distinct(samples, cell, column, correct_only));
      });
      return stats::count_interval(values, {0, static_cast<double>(analysis.arm(arm).samples)},
                                   analysis.level);
    });
  };
  add_distinct("distinct_completions", "distinct completions",
               "different sequences of tokens among the samples of a problem", samples.tokens_hash, false);
  add_distinct("distinct_correct_completions", "distinct correct completions",
               "the same among correct samples", samples.tokens_hash, true);
  add_distinct("distinct_paths", "distinct reasoning paths",
               "different sequences of arithmetic results among the samples of a problem", samples.path,
               false);
  add_distinct("distinct_correct_paths", "distinct correct paths", "the same among correct samples",
               samples.path, true);
  columns.add(
      "token_surprisal", "surprisal a token", "nats", "diversity",
      "mean of -log p of a token under the raw logits; at temperature 1 without filters an unbiased "
      "estimate of the mean entropy of a token",
      [&](std::size_t arm) {
        const auto surprisal = per_problem(samples, arm, [&](const Cell& cell) {
          const auto logprob = cell.of(samples.logprob);
          return -std::accumulate(logprob.begin(), logprob.end(), 0.0);
        });
        const auto tokens = per_problem(samples, arm, [&](const Cell& cell) {
          const auto of_cell = cell.of(samples.tokens);
          return std::accumulate(of_cell.begin(), of_cell.end(), 0.0);
        });
        const auto mean = [&](std::span<const double> weights) {
          const double all = std::inner_product(weights.begin(), weights.end(), tokens.begin(), 0.0);
          return all > 0 ? std::inner_product(weights.begin(), weights.end(), surprisal.begin(), 0.0) / all
                         : kNaN;
        };
        return stats::functional_interval(samples.problems, mean, analysis.level);
      });
}

}  // namespace wisk::report
