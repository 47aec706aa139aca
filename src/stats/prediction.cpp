#include <wisk/stats/prediction.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/stats/pass_at_k.hpp>
#include <wisk/stats/special.hpp>

#include "beta_law.hpp"

namespace wisk::stats {
std::vector<double> correct_chances(const DifficultyFit& fit, std::int64_t n) {
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
  const std::vector<double> chance = correct_chances(fit, std::max<std::int64_t>(n, 0));
  for (std::size_t c = 0; c < chance.size(); ++c) {
    const double value = pass_at_k(n, static_cast<std::int64_t>(c), k);
    mean += chance[c] * value;
    square += chance[c] * value * value;
  }
  const double variance = std::max(0.0, square - mean * mean);
  return normal_quantile(0.5 + level / 2) * std::sqrt(variance / static_cast<double>(problems));
}

}  // namespace wisk::stats
