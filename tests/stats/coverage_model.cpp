#include "coverage_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include <wisk/stats/pass_at_k.hpp>
#include <wisk/stats/special.hpp>

namespace wisk::test {
namespace {

using Random = std::mt19937_64;

double uniform(Random& random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

double log_beta(double a, double b) {
  return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
}

double log_choose(int n, int c) {
  return std::lgamma(n + 1.0) - std::lgamma(c + 1.0) - std::lgamma(n - c + 1.0);
}

double probability_of(const Part& part, int n, int c) {
  if (part.b > 0)
    return std::exp(log_choose(n, c) + log_beta(c + part.a, n - c + part.b) - log_beta(part.a, part.b));
  if (part.a == 0) return c == 0;
  if (part.a == 1) return c == n;
  return std::exp(log_choose(n, c) + c * std::log(part.a) + (n - c) * std::log1p(-part.a));
}

double beta_draw(Random& random, double a, double b) {
  const double x = std::gamma_distribution<double>(a)(random);
  return x / (x + std::gamma_distribution<double>(b)(random));
}

double share_correct(Random& random, int n, double rate) {
  int correct = 0;
  for (int i = 0; i < n; ++i) correct += uniform(random) < rate;
  return correct / static_cast<double>(n);
}

stats::Estimate mean_and_half(std::span<const double> values, double quantile) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = quantile * std::sqrt(squares / (count - 1) / count);
  return {mean, mean - half, mean + half};
}

std::string named(const char* format, int n) {
  char text[80];
  std::snprintf(text, sizeof text, format, n);
  return text;
}

}  // namespace

std::vector<Mix> usual_mixes() {
  return {{"all easy, Beta(20, 2)", {{1, 20, 2}}},
          {"all hard, Beta(2, 20)", {{1, 2, 20}}},
          {"Beta(1, 1)", {{1, 1, 1}}},
          {"Beta(0.5, 0.5)", {{1, 0.5, 0.5}}},
          {"Beta(2, 5)", {{1, 2, 5}}},
          {"Beta(8, 8)", {{1, 8, 8}}},
          {"Beta(0.3, 0.9)", {{1, 0.3, 0.9}}},
          {"Beta(0.1, 0.1)", {{1, 0.1, 0.1}}},
          {"nearly all zero, Beta(0.1, 2)", {{1, 0.1, 2}}},
          {"nearly all zero, Beta(0.05, 2)", {{1, 0.05, 2}}},
          {"nearly all one, Beta(4, 0.1)", {{1, 4, 0.1}}},
          {"bimodal, 0.05 or 0.95", {{0.5, 0.05, 0}, {0.5, 0.95, 0}}},
          {"90 % 0, 10 % 0.7", {{0.9, 0, 0}, {0.1, 0.7, 0}}},
          {"97 % 0, 3 % Beta(1, 1)", {{0.97, 0, 0}, {0.03, 1, 1}}},
          {"all 0.5", {{1, 0.5, 0}}},
          {"all 0.9", {{1, 0.9, 0}}},
          {"all 0.02", {{1, 0.02, 0}}}};
}

std::vector<Mix> mixes_with_outliers() {
  return {{"99.5 % Beta(20, 2), 0.5 % 0", {{0.995, 20, 2}, {0.005, 0, 0}}},
          {"98 % 0.9, 2 % 0", {{0.98, 0.9, 0}, {0.02, 0, 0}}},
          {"99 % 0.99, 1 % 0", {{0.99, 0.99, 0}, {0.01, 0, 0}}},
          {"90 % 0.01, 10 % 1", {{0.9, 0.01, 0}, {0.1, 1, 0}}},
          {"97 % 0.05, 3 % 1", {{0.97, 0.05, 0}, {0.03, 1, 0}}},
          {"95 % Beta(2, 20), 5 % Beta(5, 1)", {{0.95, 2, 20}, {0.05, 5, 1}}}};
}

std::vector<double> count_probabilities(const Mix& mix, int n) {
  std::vector<double> probabilities(static_cast<std::size_t>(n) + 1, 0.0);
  for (const Part& part : mix.parts) {
    for (int c = 0; c <= n; ++c)
      probabilities[static_cast<std::size_t>(c)] += part.share * probability_of(part, n, c);
  }
  return probabilities;
}

double rate_variance(const Mix& mix) {
  double mean = 0, square = 0;
  for (const auto& [share, a, b] : mix.parts) {
    const double rate = b > 0 ? a / (a + b) : a;
    const double variance = b > 0 ? a * b / ((a + b) * (a + b) * (a + b + 1)) : 0.0;
    mean += share * rate;
    square += share * (variance + rate * rate);
  }
  return square - mean * mean;
}

IndexSampler::IndexSampler(std::vector<double> probabilities)
    : keep_(probabilities.size(), 1.0), other_(probabilities.size(), 0) {
  double sum = 0;
  for (const double probability : probabilities) sum += probability;
  std::vector<std::size_t> small, large;
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    probabilities[i] *= static_cast<double>(probabilities.size()) / sum;
    (probabilities[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const std::size_t few = small.back(), many = large.back();
    small.pop_back();
    keep_[few] = probabilities[few];
    other_[few] = many;
    probabilities[many] -= 1 - probabilities[few];
    if (probabilities[many] < 1) {
      large.pop_back();
      small.push_back(many);
    }
  }
}

std::size_t IndexSampler::draw(Random& random) const {
  const double place = uniform(random) * static_cast<double>(keep_.size());
  const auto index = static_cast<std::size_t>(place);
  return place - static_cast<double>(index) < keep_[index] ? index : other_[index];
}

Cell::Cell(const Mix& mix, std::size_t problems, int n, int k)
    : problems_(problems), counts_(count_probabilities(mix, n)) {
  const std::vector<double> probabilities = count_probabilities(mix, n);
  double zeros = 0, ones = 0;
  for (int c = 0; c <= n; ++c) {
    const double probability = probabilities[static_cast<std::size_t>(c)];
    values_.push_back(stats::pass_at_k(n, c, k));
    truth_ += probability * values_.back();
    if (values_.back() == 0) zeros += probability;
    if (values_.back() == 1) ones += probability;
  }
  away_from_ends_ = static_cast<double>(problems) * (1 - std::max(zeros, ones));
}

void Cell::draw(Random& random, std::span<double> values) const {
  for (double& value : values) value = values_[counts_.draw(random)];
}

void Tally::add(const stats::Estimate& estimate, double truth) {
  ++experiments;
  too_low += estimate.high < truth - 1e-9;
  too_high += estimate.low > truth + 1e-9;
  width += estimate.high - estimate.low;
}

stats::Estimate normal_interval(std::span<const double> values) {
  return mean_and_half(values, stats::normal_quantile(0.975));
}

stats::Estimate student_interval(std::span<const double> values) {
  return mean_and_half(values, stats::student_t_quantile(0.975, static_cast<double>(values.size()) - 1));
}

Method bootstrap_method(int resamples, std::uint64_t seed) {
  return [resamples, state = std::make_shared<std::uint64_t>(seed)](std::span<const double> values) {
    const auto next = [&] {  // SplitMix64 (Steele, Lea, Flood 2014): fast, and good enough to pick problems
      std::uint64_t bits = *state += 0x9E3779B97F4A7C15u;
      bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9u;
      bits = (bits ^ bits >> 27) * 0x94D049BB133111EBu;
      return bits ^ bits >> 31;
    };
    std::vector<double> means(static_cast<std::size_t>(resamples));
    const std::uint64_t count = values.size();
    double mean = 0;
    for (const double value : values) mean += value / static_cast<double>(count);
    for (double& resampled : means) {
      double sum = 0;
      for (std::uint64_t i = 0; i < count; ++i) sum += values[(next() >> 32) * count >> 32];
      resampled = sum / static_cast<double>(count);
    }
    std::sort(means.begin(), means.end());
    const std::size_t tail = means.size() / 40;
    return stats::Estimate{mean, means[tail], means[means.size() - 1 - tail]};
  };
}

std::vector<Tally> tally(const Cell& cell, std::span<const Method> methods, int experiments,
                         std::uint64_t seed) {
  Random random(seed);
  std::vector<double> values(cell.problems());
  std::vector<Tally> tallies(methods.size());
  for (int experiment = 0; experiment < experiments; ++experiment) {
    cell.draw(random, values);
    for (std::size_t i = 0; i < methods.size(); ++i) tallies[i].add(methods[i](values), cell.truth());
  }
  return tallies;
}

std::vector<ArmPair> arm_pairs() {
  std::vector<ArmPair> pairs;
  for (const auto& [up, down] : std::vector<std::pair<double, double>>{
           {0.003, 0.003}, {0.01, 0.01}, {0.02, 0}, {0.05, 0.03}, {0.1, 0.1}, {0.3, 0.1}, {0.5, 0}}) {
    char name[80];
    std::snprintf(name, sizeof name, "n = 1: gains %.1f %%, losses %.1f %%", 100 * up, 100 * down);
    pairs.push_back({name, up - down, [up = up, down = down](Random& random, double& a, double& b) {
                       const double u = uniform(random);
                       a = u < up;
                       b = u >= up && u < up + down;
                     }});
  }
  for (const int n : {4, 16, 64}) {
    pairs.push_back(
        {named("n = %d: same rates, Beta(0.5, 0.5)", n), 0, [n](Random& random, double& a, double& b) {
           const double rate = beta_draw(random, 0.5, 0.5);
           a = share_correct(random, n, rate);
           b = share_correct(random, n, rate);
         }});
    pairs.push_back(
        {named("n = %d: all 0.3 against all 0.35", n), -0.05, [n](Random& random, double& a, double& b) {
           a = share_correct(random, n, 0.3);
           b = share_correct(random, n, 0.35);
         }});
    pairs.push_back(
        {named("n = %d: 90 %% tied, 10 %% redrawn", n), 0, [n](Random& random, double& a, double& b) {
           a = b = share_correct(random, n, beta_draw(random, 0.5, 0.5));
           if (uniform(random) < 0.1) b = share_correct(random, n, beta_draw(random, 0.5, 0.5));
         }});
    pairs.push_back({named("n = %d: Beta(0.1, 2) against half of it", n), 0.05 / 2.1,
                     [n](Random& random, double& a, double& b) {
                       const double rate = beta_draw(random, 0.1, 2);
                       a = share_correct(random, n, rate);
                       b = share_correct(random, n, rate / 2);
                     }});
    pairs.push_back(
        {named("n = %d: 3 %% go from 0 to 1, ties else", n), 0.03, [n](Random& random, double& a, double& b) {
           a = b = share_correct(random, n, beta_draw(random, 0.5, 0.5));
           if (uniform(random) < 0.03) a = 1, b = 0;
         }});
    pairs.push_back({named("n = %d: 3 %% go from 0 to 1, noise else", n), 0.03,
                     [n](Random& random, double& a, double& b) {
                       const double rate = beta_draw(random, 2, 5);
                       a = share_correct(random, n, rate);
                       b = share_correct(random, n, rate);
                       if (uniform(random) < 0.03) a = 1, b = 0;
                     }});
  }
  return pairs;
}

}  // namespace wisk::test
