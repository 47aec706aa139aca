#pragma once
// Populations of problems with a known truth, and how often an interval covers it: shared by the test and by
// tests/bench/coverage.

#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <wisk/stats/interval.hpp>

namespace wisk::test {

/// A share of the problems: success rates from Beta(a, b), or all of rate a when b is 0.
struct Part {
  double share, a, b;
};

/// A population of problems.
struct Mix {
  std::string name;
  std::vector<Part> parts;
};

/// The populations of the tables in docs/statistics.md.
std::vector<Mix> usual_mixes();
/// Populations of problems much alike with a few of another kind, that a sample can easily miss.
std::vector<Mix> mixes_with_outliers();

/// Probability of c of n samples to be correct, for a problem drawn from the mix. [n + 1]
std::vector<double> count_probabilities(const Mix& mix, int n);
/// Variance of the success rate over the population.
double rate_variance(const Mix& mix);

/// Draws indices with given probabilities in constant time (Walker's alias method, 1977).
class IndexSampler {
 public:
  explicit IndexSampler(std::vector<double> probabilities);
  std::size_t draw(std::mt19937_64& random) const;

 private:
  std::vector<double> keep_;
  std::vector<std::size_t> other_;
};

/// One cell of a table: problems of a mix with n samples each, a value for each count of correct ones.
class Cell {
 public:
  /// Pass@k of each problem.
  Cell(const Mix& mix, std::size_t problems, int n, int k);

  [[nodiscard]] double truth() const { return truth_; }
  /// Problems expected to have a value above 0, and below 1: the smaller of the two.
  [[nodiscard]] double away_from_ends() const { return away_from_ends_; }
  /// One experiment: the values of the drawn problems. values: [P]
  void draw(std::mt19937_64& random, std::span<double> values) const;
  [[nodiscard]] std::size_t problems() const { return problems_; }

 private:
  std::size_t problems_;
  std::vector<double> values_;  // [n + 1]
  IndexSampler counts_;
  double truth_ = 0, away_from_ends_ = 0;
};

/// How often an interval lay below, around and above the truth.
struct Tally {
  std::int64_t experiments = 0, too_low = 0, too_high = 0;
  double width = 0;

  void add(const stats::Estimate& estimate, double truth);
  [[nodiscard]] double coverage() const {
    return 1.0 - static_cast<double>(too_low + too_high) / static_cast<double>(experiments);
  }
  [[nodiscard]] double mean_width() const { return width / static_cast<double>(experiments); }
};

using Method = std::function<stats::Estimate(std::span<const double> values)>;

stats::Estimate normal_interval(std::span<const double> values);
stats::Estimate student_interval(std::span<const double> values);
/// Percentiles of the means of `resamples` plain bootstrap samples.
Method bootstrap_method(int resamples, std::uint64_t seed);

/// One tally a method, all on the same experiments.
std::vector<Tally> tally(const Cell& cell, std::span<const Method> methods, int experiments,
                         std::uint64_t seed);

/// Two arms on the same problems.
struct ArmPair {
  std::string name;
  double truth;  // mean of a - b
  std::function<void(std::mt19937_64&, double& a, double& b)> draw;
};
std::vector<ArmPair> arm_pairs();

}  // namespace wisk::test
