#include <wisk/stats/prediction.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/core/math.hpp>
#include <wisk/stats/pass_at_k.hpp>

#include "problem_counts.hpp"

namespace wisk::stats {
namespace {

/// log of prod_{i<k} (beta + i) / (alpha + beta + i): of the chance that k samples are all wrong. -infinity
/// when beta = 0 < k. From kSummed terms on by Euler and Maclaurin's formula, whose remainder is below
/// 1e-14 there.
double log_all_wrong(double alpha, double beta, std::int64_t k) {
  constexpr std::int64_t kSummed = 4096;
  const auto factor = [=](double i) { return std::log1p(-alpha / (alpha + beta + i)); };
  double sum = 0.0;
  for (std::int64_t i = 0; i < std::min(k, kSummed); ++i) sum += factor(static_cast<double>(i));
  if (k <= kSummed) return sum;
  const auto integral = [=](double i) { return (beta + i) * factor(i) - alpha * std::log(alpha + beta + i); };
  const auto slope = [=](double i) { return 1.0 / (beta + i) - 1.0 / (alpha + beta + i); };
  const auto first = static_cast<double>(kSummed);
  const auto last = static_cast<double>(k);
  return sum + integral(last) - integral(first) + (factor(first) - factor(last)) / 2.0 +
         (slope(last) - slope(first)) / 12.0;
}

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
using Point = std::array<double, 2>;
constexpr Point kLowest = {-13.815510557964274, -6.907755278982137};  // 1e-6, 1e-3
constexpr Point kHighest = {13.815510557964274, 13.815510557964274};  // 1 - 1e-6, 1e6

std::array<double, 2> alpha_beta(const Point& point) {
  const double total = std::exp(point[1]);
  return {total / (1.0 + std::exp(-point[0])), total / (1.0 + std::exp(point[0]))};
}

Point within_limits(Point point) {
  for (std::size_t i = 0; i < 2; ++i) point[i] = std::clamp(point[i], kLowest[i], kHighest[i]);
  return point;
}

struct Maximum {
  Point point;
  double value;
  bool converged;
};

/// Nelder and Mead's simplex search (1965, The Computer Journal 7, 308-313) in the two coordinates, points
/// outside moved to the limit. No derivative, so limits and the edge zero_share = 0 do no harm.
template <typename Function>
Maximum maximise(const Function& function, Point start) {
  struct Corner {
    Point point;
    double value;
  };
  const auto at = [&](Point point) {
    point = within_limits(point);
    return Corner{point, function(point)};
  };
  const auto between = [](const Point& from, const Point& to, double step) {
    return Point{from[0] + step * (to[0] - from[0]), from[1] + step * (to[1] - from[1])};
  };
  const Point middle = within_limits(start);
  const auto inward = [&](std::size_t i, double step) {
    return middle[i] + (middle[i] > 0.0 ? -step : step);
  };
  std::array<Corner, 3> corners = {at(middle), at({inward(0, 0.5), middle[1]}),
                                   at({middle[0], inward(1, 0.8)})};
  constexpr int kSteps = 400;
  for (int step = 0; step < kSteps; ++step) {
    std::sort(corners.begin(), corners.end(),
              [](const Corner& a, const Corner& b) { return a.value > b.value; });
    auto& [best, good, worst] = corners;
    if (best.value - worst.value <= 1e-11 * (1.0 + std::abs(best.value))) {
      return {best.point, best.value, true};
    }
    const Point centre = between(best.point, good.point, 0.5);
    const Corner reflected = at(between(centre, worst.point, -1.0));
    if (reflected.value > best.value) {
      const Corner expanded = at(between(centre, worst.point, -2.0));
      worst = expanded.value > reflected.value ? expanded : reflected;
    } else if (reflected.value > good.value) {
      worst = reflected;
    } else {
      const Corner contracted = at(between(centre, worst.point, reflected.value > worst.value ? -0.5 : 0.5));
      if (contracted.value > std::max(worst.value, reflected.value)) {
        worst = contracted;
      } else {
        good = at(between(best.point, good.point, 0.5));
        worst = at(between(best.point, worst.point, 0.5));
      }
    }
  }
  return {corners[0].point, corners[0].value, false};
}

/// A point with the mean and the spread of beta-distributed shares.
Point from_moments(double mean, double square) {
  mean = std::clamp(mean, 1e-3, 1.0 - 1e-3);
  const double variance =
      std::clamp(square - mean * mean, 1e-3 * mean * (1 - mean), 0.95 * mean * (1 - mean));
  return {std::log(mean / (1.0 - mean)), std::log(mean * (1.0 - mean) / variance - 1.0)};
}

/// Quantile of the normal distribution, by bisection.
double normal_quantile(double probability) {
  double low = 0.0;
  double high = 40.0;
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    (std::erfc(middle / std::numbers::sqrt2) > 2.0 * (1.0 - probability) ? low : high) = middle;
  }
  return low;
}

/// Chances of 0..n correct samples of a problem under the fit. [n+1]
std::vector<double> chances(const DifficultyFit& fit, std::int64_t n) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<double> chance(size + 1);
  if (fit.beta == 0.0) {
    chance[size] = 1.0;
  } else {
    std::vector<double> logs(size + 1);
    for (std::size_t c = 0; c < size; ++c) {
      const auto correct = static_cast<double>(c);
      const auto wrong = static_cast<double>(size - c);
      logs[c + 1] =
          logs[c] + std::log(wrong / (correct + 1.0) * (fit.alpha + correct) / (fit.beta + wrong - 1.0));
    }
    const double highest = *std::max_element(logs.begin(), logs.end());
    double total = 0.0;
    for (std::size_t c = 0; c <= size; ++c) total += chance[c] = std::exp(logs[c] - highest);
    for (double& value : chance) value /= total;
  }
  for (double& value : chance) value *= 1.0 - fit.zero_share;
  chance[0] += fit.zero_share;
  return chance;
}

}  // namespace

DifficultyFit fit_difficulty(std::span<const std::int64_t> n, std::span<const std::int64_t> c,
                             std::span<const double> weights) {
  check_problem_counts("difficulty fit", n, c, weights);
  const Likelihood likelihood(n, c, weights);
  if (likelihood.problems() == 0.0) return {std::numeric_limits<double>::quiet_NaN(), 1.0, 1.0, 0.0, false};
  if (likelihood.all_wrong()) return {1.0, 1.0, 1.0, 0.0, true};
  if (likelihood.all_correct()) return {0.0, 1.0, 0.0, 0.0, true};
  const auto function = [&](const Point& point) {
    const auto [alpha, beta] = alpha_beta(point);
    return likelihood.best(alpha, beta)[0];
  };
  // From the moments of all problems and from those of the solved ones: zeros as a tail, and as a share.
  const auto [mean, square] = likelihood.moments();
  const double some = 1.0 - likelihood.none();
  Maximum best = maximise(function, from_moments(mean, square));
  if (some < 1.0) {
    const Maximum other = maximise(function, from_moments(mean * some, square * some));
    if (other.value > best.value) best = other;
  }
  const auto [alpha, beta] = alpha_beta(best.point);
  return {likelihood.best(alpha, beta)[1], alpha, beta, best.value, best.converged};
}

double predicted_pass_at_k(const DifficultyFit& fit, std::int64_t k) {
  if (k < 1) throw InputError("predicted Pass@k", "k >= 1", "k = " + std::to_string(k));
  return (1.0 - fit.zero_share) * -std::expm1(log_all_wrong(fit.alpha, fit.beta, k));
}

double expected_half_width(const DifficultyFit& fit, std::int64_t problems, std::int64_t n, std::int64_t k,
                           double level) {
  if (problems < 1) throw InputError("expected interval", "at least one problem", std::to_string(problems));
  if (!(level > 0.0 && level < 1.0)) {
    throw InputError("expected interval", "a level between 0 and 1", std::to_string(level));
  }
  double mean = 0.0;
  double square = 0.0;
  const std::vector<double> chance = chances(fit, std::max<std::int64_t>(n, 0));
  for (std::size_t c = 0; c < chance.size(); ++c) {
    const double value = pass_at_k(n, static_cast<std::int64_t>(c), k);
    mean += chance[c] * value;
    square += chance[c] * value * value;
  }
  const double variance = std::max(0.0, square - mean * mean);
  return normal_quantile(0.5 + level / 2) * std::sqrt(variance / static_cast<double>(problems));
}

}  // namespace wisk::stats
