// Numbers of each arm apart from Pass@k: spread over problems, diversity, health.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/report/table.hpp>
#include <wisk/stats/bias_variance.hpp>
#include <wisk/stats/diversity.hpp>

#include "analysis_parts.hpp"

namespace wisk::report {
namespace {

using stats::Cell;
using stats::Estimate;
using stats::Samples;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// From here on a table says more about max_tokens than about the arms.
constexpr double kManyTruncated = 0.01;

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? kNaN : static_cast<double>(part) / static_cast<double>(whole);
}

/// Share of a cell's pairs of samples that are the same sequence of tokens; NaN below two samples.
double duplicate_pairs(const Samples& samples, const Cell& cell) {
  std::int64_t pairs = 0;
  for (const std::int64_t m : stats::multiplicities(cell.of(samples.tokens_hash))) pairs += m * (m - 1);
  return ratio(pairs, cell.size() * (cell.size() - 1));
}

/// The probability that two independent samples are the same, which is the mean probability of a sample:
/// sum p^2 = E p.
double expected_duplicates(const Samples& samples, const Cell& cell) {
  double sum = 0;
  for (const double logprob : cell.of(samples.logprob)) sum += std::exp(std::min(0.0, logprob));
  return cell.size() == 0 ? kNaN : sum / static_cast<double>(cell.size());
}

std::int64_t distinct(const Samples& samples, const Cell& cell, const std::vector<std::uint64_t>& column,
                      bool correct_only) {
  std::vector<std::uint64_t> values;
  for (std::size_t row = cell.begin(); row < cell.end(); ++row) {
    if (!correct_only || samples.verdict[row] == Verdict::kCorrect) values.push_back(column[row]);
  }
  return static_cast<std::int64_t>(stats::multiplicities(values, &column == &samples.path).size());
}

double entropy(const Samples& samples, const Cell& cell) {
  std::vector<std::int64_t> votes;
  for (const auto& of_answer : stats::answer_classes(samples, cell)) votes.push_back(of_answer.votes);
  return votes.empty() ? 0.0 : stats::answer_entropy(votes);
}

/// A quantile of all samples' tokens under weights of the problems, for thousands of weights: sums up to
/// every block of the sorted samples are known, so that only one block is walked.
class TokenQuantile {
 public:
  TokenQuantile(const Samples& samples, std::size_t arm, double q) : problems_(samples.problems), q_(q) {
    for (std::size_t problem = 0; problem < problems_; ++problem) {
      const Cell cell(samples, arm, problem);
      for (const std::int32_t tokens : cell.of(samples.tokens))
        sorted_.push_back({tokens, problem, 1.0 / static_cast<double>(cell.size())});
    }
    std::sort(sorted_.begin(), sorted_.end(), [](const Item& a, const Item& b) {
      return std::tie(a.tokens, a.problem) < std::tie(b.tokens, b.problem);
    });
    std::vector<double> before(problems_, 0.0);
    for (std::size_t i = 0; i < sorted_.size(); ++i) {
      if (i % kBlock == 0) before_.insert(before_.end(), before.begin(), before.end());
      before[sorted_[i].problem] += sorted_[i].share;
    }
  }

  /// weights: [P], of any sum.
  double operator()(std::span<const double> weights) const {
    if (sorted_.empty()) return kNaN;
    double total = 0;
    for (const double weight : weights) total += weight;
    const double wanted = q_ * total * (1 - 1e-12);
    std::size_t low = 0, high = (sorted_.size() - 1) / kBlock;  // the last block that begins below `wanted`
    while (low < high) {
      const std::size_t middle = (low + high + 1) / 2;
      if (reached_before(middle, weights) < wanted) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    double reached = reached_before(low, weights);
    for (std::size_t i = low * kBlock; i < sorted_.size(); ++i) {
      reached += weights[sorted_[i].problem] * sorted_[i].share;
      if (reached >= wanted) return sorted_[i].tokens;
    }
    return sorted_.back().tokens;
  }

 private:
  static constexpr std::size_t kBlock = 512;
  struct Item {
    std::int32_t tokens;
    std::size_t problem;
    double share;  // of its cell
  };

  [[nodiscard]] double reached_before(std::size_t block, std::span<const double> weights) const {
    return std::inner_product(weights.begin(), weights.end(),
                              before_.begin() + static_cast<std::ptrdiff_t>(block * problems_), 0.0);
  }

  std::size_t problems_;
  double q_;
  std::vector<Item> sorted_;
  std::vector<double> before_;  // [blocks, P]
};

std::vector<std::int64_t> counts_of(const std::vector<std::int64_t>& table, std::size_t arm,
                                    std::size_t problems) {
  const auto begin = table.begin() + static_cast<std::ptrdiff_t>(arm * problems);
  return {begin, begin + static_cast<std::ptrdiff_t>(problems)};
}

/// A number of the mean and variance of Pass@1, with an interval that allows for problems that nobody has
/// seen: one never and one always solved, of half a problem's weight each. n, c: [P], n at least 2.
template <class Of>
Estimate moments_interval(std::vector<std::int64_t> n, std::vector<std::int64_t> c, double level, Of of) {
  const std::size_t problems = n.size();
  const std::int64_t most = *std::max_element(n.begin(), n.end());
  n.insert(n.end(), {most, most});
  c.insert(c.end(), {0, most});
  return stats::functional_interval(
      problems, [&](std::span<const double> weights) { return of(stats::bias_variance(n, c, weights)); },
      level, stats::Unseen::kBothEnds);
}

/// Builds columns; arms that share samples get the values of the arm that drew them.
class Columns {
 public:
  Columns(const Analysis& analysis, const Samples& samples) : analysis_(analysis), samples_(samples) {}

  template <class Value>
  void add(const char* id, const char* title, const char* unit, const char* group, const char* meaning,
           Value value) {
    Column column{id, title, unit, group, meaning, {}};
    for (std::size_t arm = 0; arm < analysis_.arms(); ++arm) {
      column.values.push_back(analysis_.is_first(arm) ? value(arm)
                                                      : column.values[analysis_.arm(arm).sampled_as]);
    }
    const bool any = std::any_of(column.values.begin(), column.values.end(),
                                 [](const Estimate& each) { return !std::isnan(each.mean); });
    if (any) result.push_back(std::move(column));
  }

  /// A mean over problems of value(cell), which lies in range(arm).
  template <class Range, class Value>
  void add_mean(const char* id, const char* title, const char* unit, const char* group, const char* meaning,
                Range range, Value value) {
    add(id, title, unit, group, meaning, [&](std::size_t arm) {
      return mean_of(per_problem(samples_, arm, [&](const Cell& cell) { return value(cell); }), range(arm));
    });
  }

  template <class Value>
  void add_share(const char* id, const char* title, const char* group, const char* meaning, Value counted) {
    add_mean(
        id, title, "%", group, meaning,
        [](std::size_t) {
          return stats::Range{0, 1};
        },
        [&](const Cell& cell) { return ratio(counted(cell), cell.size()); });
  }

  std::vector<Column> result;

 private:
  /// While problems are missing: the mean of the others, without an interval.
  [[nodiscard]] Estimate mean_of(std::vector<double> values, stats::Range range) const {
    const std::size_t all = values.size();
    std::erase_if(values, [](double value) { return std::isnan(value); });
    if (values.size() == all) return stats::mean_interval(values, range, analysis_.level);
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    return {sum / static_cast<double>(values.size()), kNaN, kNaN};  // 0 / 0 is NaN
  }

  const Analysis& analysis_;
  const Samples& samples_;
};

template <class T, class Is>
std::int64_t count_if(std::span<const T> values, Is is) {
  return std::count_if(values.begin(), values.end(), is);
}

void add_spread(Columns& columns, const Analysis& analysis, const Samples& samples) {
  const std::size_t problems = samples.problems;
  columns.add_share("mean_pass_at_1", "mean Pass@1", "spread", "mean over problems; 1 minus it is the bias",
                    [&](const Cell& cell) { return stats::count(samples, cell, Verdict::kCorrect); });
  columns.add("variance_pass_at_1", "variance of Pass@1", "", "spread",
              "over problems, without the sampling noise of n samples (unbiased, so it can fall below 0)",
              [&](std::size_t arm) {
                const auto n = counts_of(analysis.results.n, arm, problems),
                           c = counts_of(analysis.results.c, arm, problems);
                if (std::any_of(n.begin(), n.end(), [](std::int64_t each) { return each < 2; }))
                  return Estimate{kNaN, kNaN, kNaN};
                return moments_interval(n, c, analysis.level,
                                        [](const auto& moments) { return moments.variance; });
              });
}

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
        return static_cast<double>(distinct(samples, cell, column, correct_only));
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

void add_health(Columns& columns, const Analysis& analysis, const Samples& samples) {
  const auto up_to_max = [&](std::size_t arm) {
    return stats::Range{0, static_cast<double>(std::max<std::int64_t>(1, analysis.arm(arm).max_tokens))};
  };
  columns.add_mean("mean_tokens", "tokens", "", "health", "generated tokens of a sample, mean", up_to_max,
                   [&](const Cell& cell) {
                     const auto tokens = cell.of(samples.tokens);
                     return ratio(std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0}),
                                  cell.size());
                   });
  columns.add("p95_tokens", "tokens, 95th percentile", "", "health",
              "generated tokens that 95 % of the samples do not exceed", [&](std::size_t arm) {
                const TokenQuantile quantile(samples, arm, 0.95);
                return stats::functional_interval(samples.problems, quantile, analysis.level);
              });
  columns.add_share("truncated_share", "truncated", "health", "samples that reached max_tokens",
                    [&](const Cell& cell) {
                      return count_if(cell.of(samples.finish),
                                      [](FinishReason finish) { return finish == FinishReason::kLength; });
                    });
  const auto add_verdict = [&](const char* id, const char* title, const char* meaning, Verdict verdict) {
    columns.add_share(id, title, "health", meaning,
                      [&samples, verdict](const Cell& cell) { return stats::count(samples, cell, verdict); });
  };
  add_verdict("wrong_share", "wrong", "verdict wrong", Verdict::kWrong);
  add_verdict("no_answer_share", "no answer", "verdict no answer", Verdict::kNoAnswer);
  add_verdict("truncated_verdict_share", "cut off without an answer", "verdict truncated",
              Verdict::kTruncated);
  add_verdict("undecided_share", "undecided", "verdict undecided: the checker's limit was reached",
              Verdict::kUndecided);
  columns.add_share("think_share", "think tags", "health", "samples with a <think> tag",
                    [&](const Cell& cell) {
                      return count_if(cell.of(samples.thinks), [](std::uint8_t each) { return each != 0; });
                    });
}

/// Only where samples were drawn from the raw distribution, whose probabilities are known.
bool probabilities_known(const store::ArmColumns& arm) {
  return arm.temperature == 1 && arm.top_p == 1 && arm.top_k == 0 && arm.min_p == 0;
}

/// How far the share of equal pairs exceeds what chance allows. The interval is at a level that is no
/// accident of hundreds of arms; single problems do not suffice, for the probability of a rare completion
/// that was not seen is not in the estimate of chance.
Estimate duplicate_excess(const Analysis& analysis, const Samples& samples, std::size_t arm) {
  constexpr double kSure = 0.9999;
  constexpr std::ptrdiff_t kFewest = 5;
  if (!probabilities_known(analysis.arm(arm))) return {kNaN, kNaN, kNaN};
  const auto excess = per_problem(samples, arm, [&](const Cell& cell) {
    return duplicate_pairs(samples, cell) - expected_duplicates(samples, cell);
  });
  Estimate found = stats::functional_interval(
      samples.problems,
      [&](std::span<const double> weights) {
        return std::inner_product(weights.begin(), weights.end(), excess.begin(), 0.0) /
               static_cast<double>(excess.size());
      },
      kSure);
  if (std::count_if(excess.begin(), excess.end(), [](double each) { return each > 0; }) < kFewest)
    found.low = found.high = kNaN;
  return found;
}

void add_duplicates(Columns& columns, const Analysis& analysis, const Samples& samples) {
  const auto share = [](std::size_t) { return stats::Range{0, 1}; };
  columns.add_mean("duplicate_pairs", "equal pairs", "%", "health",
                   "pairs of samples of a problem that are the same sequence of tokens", share,
                   [&](const Cell& cell) { return duplicate_pairs(samples, cell); });
  columns.add(
      "expected_duplicate_pairs", "equal pairs by chance", "%", "health",
      "what chance allows: the mean probability of a sample; known at temperature 1 without filters",
      [&](std::size_t arm) {
        if (!probabilities_known(analysis.arm(arm))) return Estimate{kNaN, kNaN, kNaN};
        return stats::mean_interval(
            per_problem(samples, arm, [&](const Cell& cell) { return expected_duplicates(samples, cell); }),
            {0, 1}, analysis.level);
      });
  columns.add("duplicate_excess", "equal pairs beyond chance", "%", "health",
              "difference of the two, paired over problems; its interval is at 99.99 %; none where "
              "fewer than five problems have more than chance allows",
              [&](std::size_t arm) { return duplicate_excess(analysis, samples, arm); });
}

const Column* find(const Analysis& analysis, std::string_view id) {
  for (const Column& column : analysis.columns) {
    if (column.id == id) return &column;
  }
  return nullptr;
}

/// "1.5 % of late, 2.0 % of early": the arms for which the column's value is alarming.
template <class Alarming, class Words>
std::string arms_where(const Analysis& analysis, std::string_view id, Alarming alarming, Words words) {
  const Column* column = find(analysis, id);
  std::vector<std::string> parts;
  for (std::size_t arm = 0; column != nullptr && arm < analysis.arms(); ++arm) {
    if (analysis.is_first(arm) && alarming(column->values[arm]))
      parts.push_back(words(arm, column->values[arm]));
  }
  return join(parts, ", ");
}

}  // namespace

std::vector<Column> columns_of(const Analysis& analysis, const Samples& samples) {
  Columns columns(analysis, samples);
  add_spread(columns, analysis, samples);
  add_diversity(columns, analysis, samples);
  add_health(columns, analysis, samples);
  add_duplicates(columns, analysis, samples);
  return std::move(columns.result);
}

std::vector<Estimate> bounds_of(const Analysis& analysis, const Samples& samples) {
  std::vector<Estimate> bounds;
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    const auto n = counts_of(analysis.results.n, arm, samples.problems),
               c = counts_of(analysis.results.c, arm, samples.problems);
    if (std::any_of(n.begin(), n.end(), [](std::int64_t each) { return each < 2; })) {
      bounds.insert(bounds.end(), analysis.k.size(), {kNaN, kNaN, kNaN});
      continue;
    }
    // The bound falls in (1 - mean)^2 + variance, whatever k: one interval of that is one of every bound.
    const Estimate bracket = moments_interval(n, c, analysis.level, [](const auto& moments) {
      return (1 - moments.mean) * (1 - moments.mean) + moments.variance;
    });
    for (const std::int64_t k : analysis.k) {
      const auto bound = [k](double of) {
        return k < 2 || std::isnan(of) ? kNaN : stats::pass_at_k_bound({1, of}, k);
      };
      bounds.push_back({bound(bracket.mean), bound(bracket.high), bound(bracket.low)});
    }
  }
  return bounds;
}

std::vector<std::string> warnings_of(const Analysis& analysis) {
  std::vector<std::string> lines;
  const store::Results& results = analysis.results;
  if (results.missing_samples > 0) {
    std::int64_t planned = 0;
    for (const auto& arm : results.plan.arms)
      planned += arm.samples * static_cast<std::int64_t>(results.plan.problems.size());
    lines.push_back(fmt::format(
        "incomplete: {} of {} samples are missing ({:.1f} %). A dash stands where a problem has fewer than k "
        "samples; the samples that finished first are the short ones, so numbers of unfinished arms may be "
        "off. "
        "Run the job again to finish it.",
        results.missing_samples, planned,
        100.0 * static_cast<double>(results.missing_samples) / static_cast<double>(planned)));
  }
  const std::string truncated = arms_where(
      analysis, "truncated_share", [](const Estimate& share) { return share.mean > kManyTruncated; },
      [&](std::size_t arm, const Estimate& share) {
        return fmt::format("{:.1f} % of {} (max_tokens {})", 100 * share.mean,
                           printable(analysis.arm(arm).name), analysis.arm(arm).max_tokens);
      });
  if (!truncated.empty())
    lines.push_back("samples reached max_tokens: " + truncated +
                    "; a larger max_tokens may change the result.");
  const std::string undecided = arms_where(
      analysis, "undecided_share", [](const Estimate& share) { return share.mean > 0; },
      [&](std::size_t arm, const Estimate& share) {
        return fmt::format("{:.2f} % of {}", 100 * share.mean, printable(analysis.arm(arm).name));
      });
  if (!undecided.empty())
    lines.push_back("samples are undecided (the checker's limit was reached) and count as not correct: " +
                    undecided + ".");
  const std::string duplicates = arms_where(
      analysis, "duplicate_excess", [](const Estimate& excess) { return excess.low > 0; },
      [&](std::size_t arm, const Estimate& excess) {
        return fmt::format("{} (by {:.2f} % of the pairs)", printable(analysis.arm(arm).name),
                           100 * excess.mean);
      });
  if (!duplicates.empty())
    lines.push_back("more equal completions than chance allows, as if random numbers had been used twice: " +
                    duplicates + ".");
  return lines;
}

}  // namespace wisk::report
