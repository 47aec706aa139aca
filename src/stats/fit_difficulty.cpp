#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include <wisk/core/math.hpp>
#include <wisk/stats/prediction.hpp>

#include "beta_law.hpp"
#include "problem_counts.hpp"
#include "simplex.hpp"

namespace wisk::stats {
namespace {

/// Log-likelihood of a beta-binomial with a share of zeros, as sums of logarithms: a problem with c > 0 has
/// the probability (1 - zero_share) C(n, c) prod_{i<c} (alpha+i) prod_{i<n-c} (beta+i) / prod_{i<n}
/// (alpha+beta+i), so that only the number of problems with more than i correct, wrong and all samples
/// matters.
class Likelihood {
 public:
  Likelihood(std::span<const std::int64_t> n, std::span<const std::int64_t> c,
             std::span<const double> weights) {
    for (std::size_t i = 0; i < n.size(); ++i) {
      const double weight = weights.empty() ? 1.0 : weights[i];
      if (n[i] > 0 && weight > 0.0) count(n[i], c[i], weight);
    }
    for (auto* const table : {&correct_, &wrong_, &samples_}) {  // from "exactly i + 1" to "more than i"
      for (std::size_t i = table->size(); i-- > 1;) (*table)[i - 1] += (*table)[i];
    }
  }

  [[nodiscard]] double problems() const { return some_ + none_; }
  [[nodiscard]] bool all_wrong() const { return some_ == 0.0; }
  [[nodiscard]] bool all_correct() const { return none_ == 0.0 && wrong_.empty(); }
  /// Mean share of correct samples, and its square, over problems with a correct one.
  [[nodiscard]] std::array<double, 2> moments() const { return {share_ / some_, square_ / some_}; }
  /// Share of problems without a correct sample.
  [[nodiscard]] double none() const { return none_ / problems(); }

  /// The highest log-likelihood for alpha and beta, and the zero_share that gives it.
  [[nodiscard]] std::array<double, 2> best(double alpha, double beta) const {
    double value = constant_ + sum_of_logs(correct_, alpha) + sum_of_logs(wrong_, beta) -
                   sum_of_logs(samples_, alpha + beta);
    std::vector<std::array<double, 2>> zeros;  // {weight, chance that all n samples of a Beta are wrong}
    for (const auto& [n, weight] : zeros_) zeros.push_back({weight, std::exp(log_all_wrong(alpha, beta, n))});
    const double zero_share = best_zero_share(zeros);
    if (some_ > 0.0) value += some_ * std::log1p(-zero_share);
    for (const auto& [weight, chance] : zeros) {
      value += weight * std::log(zero_share + (1.0 - zero_share) * chance);
    }
    return {value, zero_share};
  }

 private:
  void count(std::int64_t n, std::int64_t c, double weight) {
    if (c == 0) {
      none_ += weight;
      zeros_[n] += weight;
      return;
    }
    some_ += weight;
    const double share = static_cast<double>(c) / static_cast<double>(n);
    share_ += weight * share;
    square_ += weight * share * share;
    for (std::int64_t i = 1; i <= std::min(c, n - c); ++i) {
      constant_ += weight * math::log(static_cast<double>(n - i + 1) / static_cast<double>(i));
    }
    add(correct_, c, weight);
    add(wrong_, n - c, weight);
    add(samples_, n, weight);
  }

  static void add(std::vector<double>& table, std::int64_t number, double weight) {
    if (number == 0) return;
    const auto size = static_cast<std::size_t>(number);
    if (table.size() < size) table.resize(size);
    table[size - 1] += weight;
  }

  static double sum_of_logs(const std::vector<double>& table, double first) {
    double sum = 0.0;
    for (std::size_t i = 0; i < table.size(); ++i)
      sum += table[i] * math::log(first + static_cast<double>(i));
    return sum;
  }

  /// The likelihood is concave in the share: the root of its slope, by bisection, in closed form when all
  /// problems have the same n.
  [[nodiscard]] double best_zero_share(const std::vector<std::array<double, 2>>& zeros) const {
    if (zeros.empty()) return 0.0;
    if (zeros.size() == 1) {
      const double chance = zeros.front()[1];
      return chance < 1.0 ? std::clamp((none() - chance) / (1.0 - chance), 0.0, 1.0) : 0.0;
    }
    const auto slope = [&](double share) {
      double value = -some_ / (1.0 - share);
      for (const auto& [weight, chance] : zeros)
        value += weight * (1.0 - chance) / (share + (1.0 - share) * chance);
      return value;
    };
    double low = 0.0;
    double high = 1.0 - 1e-15;
    if (!(slope(low) > 0.0)) return 0.0;
    for (int step = 0; step < 45; ++step) {
      const double middle = (low + high) / 2;
      (slope(middle) > 0.0 ? low : high) = middle;
    }
    return low;
  }

  std::map<std::int64_t, double> zeros_;                // n: problems without a correct sample
  std::vector<double> correct_, wrong_, samples_;       // of the others: problems with more than i
  double some_ = 0.0, none_ = 0.0;                      // problems with and without a correct sample
  double share_ = 0.0, square_ = 0.0, constant_ = 0.0;  // sums over the problems with one
};

/// The fit's coordinates: logit of alpha / (alpha + beta), and log of alpha + beta, within their limits.
constexpr SimplexPoint kLowest = {-13.815510557964274, -6.907755278982137};  // 1e-6, 1e-3
constexpr SimplexPoint kHighest = {13.815510557964274, 13.815510557964274};  // 1 - 1e-6, 1e6

std::array<double, 2> alpha_beta(const SimplexPoint& point) {
  const double total = std::exp(point[1]);
  return {total / (1.0 + std::exp(-point[0])), total / (1.0 + std::exp(point[0]))};
}

/// A point with the mean and the spread of beta-distributed shares.
SimplexPoint from_moments(double mean, double square) {
  mean = std::clamp(mean, 1e-3, 1.0 - 1e-3);
  const double variance =
      std::clamp(square - mean * mean, 1e-3 * mean * (1 - mean), 0.95 * mean * (1 - mean));
  return {std::log(mean / (1.0 - mean)), std::log(mean * (1.0 - mean) / variance - 1.0)};
}

}  // namespace

DifficultyFit fit_difficulty(std::span<const std::int64_t> n, std::span<const std::int64_t> c,
                             std::span<const double> weights) {
  check_problem_counts("difficulty fit", n, c, weights);
  const Likelihood likelihood(n, c, weights);
  if (likelihood.problems() == 0.0) return {std::numeric_limits<double>::quiet_NaN(), 1.0, 1.0, 0.0, false};
  if (likelihood.all_wrong()) return {1.0, 1.0, 1.0, 0.0, true};
  if (likelihood.all_correct()) return {0.0, 1.0, 0.0, 0.0, true};
  const auto function = [&](const SimplexPoint& point) {
    const auto [alpha, beta] = alpha_beta(point);
    return likelihood.best(alpha, beta)[0];
  };
  // From the moments of all problems and from those of the solved ones: zeros as a tail, and as a share.
  const auto [mean, square] = likelihood.moments();
  const double some = 1.0 - likelihood.none();
  Maximum best = maximise(function, from_moments(mean, square), kLowest, kHighest);
  if (some < 1.0) {
    const Maximum other = maximise(function, from_moments(mean * some, square * some), kLowest, kHighest);
    if (other.value > best.value) best = other;
  }
  const auto [alpha, beta] = alpha_beta(best.point);
  return {likelihood.best(alpha, beta)[1], alpha, beta, best.value, best.converged};
}

}  // namespace wisk::stats
