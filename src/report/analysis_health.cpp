// How the samples ended, and whether they are as independent as they should be.

#include <tuple>

#include "columns.hpp"

namespace wisk::report {
namespace {

using stats::Cell;
using stats::Estimate;
using stats::Samples;

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

template <class T, class Is>
std::int64_t count_if(std::span<const T> values, Is is) {
  return std::count_if(values.begin(), values.end(), is);
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
  columns.add("duplicate_excess", "beyond chance (99.99 % interval)", "%", "health",
              "difference of the two, paired over problems; no interval where "
              "fewer than five problems have more than chance allows",
              [&](std::size_t arm) { return duplicate_excess(analysis, samples, arm); });
}

}  // namespace

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
  add_duplicates(columns, analysis, samples);
}

}  // namespace wisk::report
