#include "dirichlet_mean.hpp"

#include <algorithm>
#include <cmath>

#include <wisk/core/assert.hpp>
#include <wisk/stats/special.hpp>

namespace wisk::stats {
namespace {

/// T = sum_i G_i (v_i - q) for one q: its cumulant generating function is -sum_i m_i log(1 - t (v_i - q)).
class WeightedGammas {
 public:
  WeightedGammas(const Masses& masses, double q) : masses_(masses), q_(q) {}

  /// The t where the derivative of the generating function is 0: between the inverses of the least and the
  /// largest v_i - q. `start` is a guess.
  [[nodiscard]] double saddlepoint(double start) const {
    double low = 1.0 / (masses_.values.front() - q_);
    double high = 1.0 / (masses_.values.back() - q_);
    double t = start > low && start < high ? start : 0.0;
    for (int step = 0; step < 100; ++step) {
      double first = 0, second = 0;
      for (std::size_t i = 0; i < masses_.values.size(); ++i) {
        const double difference = masses_.values[i] - q_;
        const double term = difference / (1.0 - t * difference);
        first += masses_.masses[i] * term;
        second += masses_.masses[i] * term * term;
      }
      (first > 0 ? high : low) = t;
      double next = t - first / second;
      if (!(next > low && next < high)) next = low + (high - low) / 2;
      const bool done = std::abs(next - t) < 1e-9 * (1.0 + std::abs(t));
      t = next;
      if (done) break;
    }
    return t;
  }

  /// The z with P(T <= 0) = P(Z <= z), Z standard normal.
  [[nodiscard]] double normal_deviate(double t) const {
    double generating = 0, second = 0, third_at_0 = 0;
    for (std::size_t i = 0; i < masses_.values.size(); ++i) {
      const double difference = masses_.values[i] - q_;
      const double factor = 1.0 - t * difference;
      generating -= masses_.masses[i] * std::log(factor);
      second += masses_.masses[i] * difference * difference / (factor * factor);
      third_at_0 += 2.0 * masses_.masses[i] * difference * difference * difference;
    }
    const double r = std::copysign(std::sqrt(std::max(0.0, -2.0 * generating)), t);
    // At the mean the formula is 0 / 0 with this limit.
    if (std::abs(r) < 1e-4) return r + third_at_0 / (6.0 * std::pow(second, 1.5));
    return r + std::log(t * std::sqrt(second) / r) / r;
  }

 private:
  const Masses& masses_;
  double q_;
};

}  // namespace

void Masses::add(double value, double mass) {
  const auto place = std::lower_bound(values.begin(), values.end(), value);
  const auto index = place - values.begin();
  if (place != values.end() && *place == value) {
    masses[static_cast<std::size_t>(index)] += mass;
  } else {
    values.insert(place, value);
    masses.insert(masses.begin() + index, mass);
  }
}

double dirichlet_mean_quantile(const Masses& all, double probability) {
  const auto& [values, masses] = all;
  WISK_ASSERT(!values.empty() && values.size() == masses.size());
  if (values.size() == 1) return values[0];
  if (values.size() == 2)
    return values[0] + (values[1] - values[0]) * beta_quantile(probability, masses[1], masses[0]);
  double total = 0, mean = 0, variance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    total += masses[i];
    mean += masses[i] * values[i];
  }
  mean /= total;
  for (std::size_t i = 0; i < values.size(); ++i)
    variance += masses[i] * (values[i] - mean) * (values[i] - mean);
  const double deviation = std::sqrt(variance / total / (total + 1.0));
  const double z = normal_quantile(probability);
  // Secant steps on the normal scale, where the distribution function is nearly a line, inside a bracket.
  double low = values.front(), high = values.back();
  double q = mean + z * deviation;
  if (!(q > low && q < high)) q = z > 0 ? (mean + high) / 2 : (mean + low) / 2;
  double before_q = mean, before = 0, t = 0;
  for (int step = 0; step < 100; ++step) {
    const WeightedGammas gammas(all, q);
    t = gammas.saddlepoint(t);
    const double above = gammas.normal_deviate(t) - z;
    (above > 0 ? high : low) = q;
    double next =
        step > 0 && above != before ? q - above * (q - before_q) / (above - before) : q - above * deviation;
    if (!(next > low && next < high)) next = low + (high - low) / 2;
    before_q = q;
    before = above;
    q = next;
    if (std::abs(q - before_q) <= 1e-6 * deviation) break;
  }
  return q;
}

}  // namespace wisk::stats
