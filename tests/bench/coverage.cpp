// How often the intervals cover, and how wide they are: the tables of docs/statistics.md, in Markdown.
//   coverage [--experiments N=5000] [--short] [--cells]
// --short: 400 experiments a cell; --cells: every cell of the grid too. Deterministic.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <wisk/core/clock.hpp>
#include <wisk/stats/comparison.hpp>
#include <wisk/stats/interval.hpp>

#include "stats/coverage_model.hpp"

namespace {

using namespace wisk;
using namespace wisk::test;

constexpr std::size_t kProblems[] = {12, 30, 100, 300, 1000};
constexpr int kSamples[] = {1, 4, 16, 64};

std::vector<int> ks_of(int n) {
  if (n == 1) return {1};
  return {1, std::max(2, n / 4), n};
}

/// Coverages of one method over many cells.
struct Summary {
  int cells = 0, below = 0, within = 0, above = 0;
  double least = 1, most = 0;
  std::vector<double> widths;  // against Student's t

  void add(double coverage, double width) {
    ++cells;
    below += coverage < 0.94;
    within += coverage >= 0.94 && coverage <= 0.96;
    above += coverage > 0.96;
    least = std::min(least, coverage);
    most = std::max(most, coverage);
    widths.push_back(width);
  }
  double middle_width() {
    std::nth_element(widths.begin(), widths.begin() + static_cast<long>(widths.size() / 2), widths.end());
    return widths[widths.size() / 2];
  }
};

struct Options {
  int experiments = 5000;
  bool cells = false;
};

const char* const kMethodNames[] = {"wisk", "normal", "Student's t", "bootstrap"};

void print_cell(const Mix& mix, std::size_t problems, int n, int k, const Cell& cell,
                const std::vector<Tally>& tallies) {
  std::printf("| %s | %zu | %d | %d | %.3f ", mix.name.c_str(), problems, n, k, cell.truth());
  for (const Tally& one : tallies) std::printf("| %.1f, %.3f ", 100 * one.coverage(), one.mean_width());
  std::printf("|\n");
}

/// Means of every cell of the grid, summed up by method in three groups, and by mix. Cells where fewer than 5
/// problems are expected away from an end of the range are a group of their own.
void means(const Options& options) {
  std::vector<Mix> mixes = usual_mixes();
  const std::size_t usual = mixes.size();
  for (const Mix& mix : mixes_with_outliers()) mixes.push_back(mix);
  const std::vector<Method> methods = {
      [](std::span<const double> values) { return stats::mean_interval(values); }, normal_interval,
      student_interval};
  const std::vector<Method> bootstrap = {bootstrap_method(200, 5)};
  Summary by_method[5][3][4];
  std::vector<Summary> by_mix(mixes.size() * 5);
  if (options.cells) {
    std::printf(
        "| problems are | P | n | k | truth | wisk: coverage %%, width | normal | Student's t | bootstrap "
        "|\n");
    std::printf("|---|---|---|---|---|---|---|---|---|\n");
  }
  for (std::size_t p = 0; p < 5; ++p) {
    for (std::size_t m = 0; m < mixes.size(); ++m) {
      for (const int n : kSamples) {
        for (const int k : ks_of(n)) {
          const Cell cell(mixes[m], kProblems[p], n, k);
          const auto seed =
              static_cast<std::uint64_t>(1000 * kProblems[p] + 100 * static_cast<std::size_t>(n)) +
              static_cast<std::uint64_t>(k);
          std::vector<Tally> tallies = tally(cell, methods, options.experiments, seed);
          tallies.push_back(tally(cell, bootstrap, options.experiments / 20, seed)[0]);
          if (options.cells) print_cell(mixes[m], kProblems[p], n, k, cell, tallies);
          const std::size_t group = cell.away_from_ends() < 5 ? 2 : m < usual ? 0 : 1;
          for (std::size_t i = 0; i < tallies.size(); ++i)
            by_method[p][group][i].add(tallies[i].coverage(),
                                       group == 2 ? 0.0 : tallies[i].mean_width() / tallies[2].mean_width());
          if (group != 2) by_mix[5 * m + p].add(tallies[0].coverage(), 0);
        }
      }
    }
  }
  const char* const groups[] = {"usual populations", "a few problems of another kind",
                                "fewer than 5 problems expected away from 0 or from 1"};
  for (std::size_t group = 0; group < 3; ++group) {
    std::printf("\n%s: cells by coverage, and median width against Student's t\n\n", groups[group]);
    std::printf(
        "| P | method | cells | below 94 %% | 94 to 96 %% | above 96 %% | least | width "
        "|\n|---|---|---|---|---|---|---|---|\n");
    for (std::size_t p = 0; p < 5; ++p) {
      for (std::size_t i = 0; i < 4; ++i) {
        Summary& one = by_method[p][group][i];
        if (one.cells == 0) continue;
        std::printf("| %zu | %s | %d | %d | %d | %d | %.1f | ", kProblems[p], kMethodNames[i], one.cells,
                    one.below, one.within, one.above, 100 * one.least);
        std::printf(group == 2 ? "|\n" : "%.2f |\n", one.middle_width());
      }
    }
  }
  std::printf("\nwisk's coverage, least to most over n = 1, 4, 16, 64 and k = 1, n/4, n (%%)\n\n");
  std::printf("| problems are | P = 12 | 30 | 100 | 300 | 1000 |\n|---|---|---|---|---|---|\n");
  for (std::size_t m = 0; m < mixes.size(); ++m) {
    std::printf("| %s ", mixes[m].name.c_str());
    for (std::size_t p = 0; p < 5; ++p) {
      const Summary& one = by_mix[5 * m + p];
      if (one.cells == 0) {
        std::printf("| ");
      } else {
        std::printf("| %.1f to %.1f ", 100 * one.least, 100 * one.most);
      }
    }
    std::printf("|\n");
  }
}

/// One cell: wisk's coverage and width, Student's in brackets, the share of p <= 0.05.
void print_pair(const ArmPair& pair, std::size_t problems, int experiments) {
  std::mt19937_64 random(problems);
  const stats::SignFlipTest test(problems);
  std::vector<double> a(problems), b(problems), difference(problems);
  Tally ours, students;
  int rejected = 0;
  for (int experiment = 0; experiment < experiments; ++experiment) {
    for (std::size_t i = 0; i < problems; ++i) {
      pair.draw(random, a[i], b[i]);
      difference[i] = a[i] - b[i];
    }
    ours.add(stats::paired_difference(a, b), pair.truth);
    students.add(student_interval(difference), pair.truth);
    rejected += test.p_value(difference) <= 0.05;
  }
  std::printf("| %.1f, %.3f (%.1f, %.3f) %.1f ", 100 * ours.coverage(), ours.mean_width(),
              100 * students.coverage(), students.mean_width(), 100.0 * rejected / experiments);
}

void differences(const Options& options) {
  std::printf(
      "\npaired differences: coverage %% and mean width (Student's t), share of p <= 0.05 of the sign-flip "
      "test "
      "in %%\n\n");
  std::printf("| arms | difference | P = 12 | 30 | 100 | 300 |\n|---|---|---|---|---|---|\n");
  for (const ArmPair& pair : arm_pairs()) {
    std::printf("| %s | %.3f ", pair.name.c_str(), pair.truth);
    for (const std::size_t problems : {12u, 30u, 100u, 300u})
      print_pair(pair, problems, std::max(200, options.experiments / (problems == 300 ? 4 : 2)));
    std::printf("|\n");
  }
}

/// Unbiased variance of the success rate over problems under weights that sum to P; the last two weights
/// belong to rates 0 and 1. rates: [P + 2]
double weighted_variance(std::span<const double> rates, std::span<const double> weights, double problems,
                         int n) {
  double mean = 0, square = 0, noise = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    mean += weights[i] * rates[i] / problems;
    square += weights[i] * rates[i] * rates[i] / problems;
    noise += weights[i] * rates[i] * (1 - rates[i]) / (n - 1) / problems;
  }
  return (square - mean * mean) * problems / (problems - 1) - noise;
}

/// One cell: coverage and width with the seen problems only, and with both ends in brackets.
void print_variance(const Mix& mix, std::size_t problems, int n, int experiments) {
  const Cell cell(mix, problems, n, 1);
  std::mt19937_64 random(problems);
  std::vector<double> rates(problems + 2, 0.0);
  rates.back() = 1.0;
  const auto variance = [&](std::span<const double> weights) {
    return weighted_variance(rates, weights, static_cast<double>(problems), n);
  };
  Tally seen, ends;
  for (int experiment = 0; experiment < experiments; ++experiment) {
    cell.draw(random, std::span(rates).first(problems));
    seen.add(stats::functional_interval(problems, variance), rate_variance(mix));
    ends.add(stats::functional_interval(problems, variance, 0.95, stats::Unseen::kBothEnds),
             rate_variance(mix));
  }
  std::printf("| %.1f, %.3f (%.1f, %.3f) ", 100 * seen.coverage(), seen.mean_width(), 100 * ends.coverage(),
              ends.mean_width());
}

void variances(const Options& options) {
  std::printf(
      "\nvariance of the success rate, n = 16: coverage %% and mean width from the seen problems (with both "
      "ends)\n\n");
  std::printf("| problems are | variance | P = 30 | 100 | 300 |\n|---|---|---|---|---|\n");
  for (const Mix& mix : usual_mixes()) {
    if (rate_variance(mix) == 0) continue;
    std::printf("| %s | %.3f ", mix.name.c_str(), rate_variance(mix));
    for (const std::size_t problems : {30u, 100u, 300u})
      print_variance(mix, problems, 16, std::max(20, options.experiments / (problems == 300 ? 40 : 10)));
    std::printf("|\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--short") {
      options.experiments = 400;
    } else if (word == "--cells") {
      options.cells = true;
    } else if (word == "--experiments" && i + 1 < argc) {
      options.experiments = std::max(20, std::atoi(argv[++i]));
    } else {
      std::fputs("coverage [--experiments N] [--short] [--cells]\n", stderr);
      return 2;
    }
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Stopwatch watch;
  means(options);
  differences(options);
  variances(options);
  std::printf("\n%d experiments a cell (a 20th of them for the bootstrap), %.0f s\n", options.experiments,
              watch.seconds());
  return 0;
}
