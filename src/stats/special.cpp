#include <wisk/stats/special.hpp>

#include <cmath>

#include <wisk/core/assert.hpp>

namespace wisk::stats {
namespace {

double log_beta(double a, double b) {
  return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
}

/// The continued fraction of I_x(a, b) for x < (a + 1) / (a + b + 2), where it converges fast.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr int kTerms =
      10'000;  // needs O(sqrt(max(a, b))): 10^4 terms reach 10^7 degrees of freedom and more
  const auto keep_off_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1.0;
  double d = 1.0 / keep_off_zero(1.0 - (a + b) * x / (a + 1.0));
  double fraction = d;
  for (int m = 1; m <= kTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1.0 / keep_off_zero(1.0 + even * d);
    c = keep_off_zero(1.0 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1.0 / keep_off_zero(1.0 + odd * d);
    c = keep_off_zero(1.0 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1.0) < 1e-16) break;
  }
  return fraction;
}

/// The root in [low, high] of an increasing function: Newton steps, a halving where they leave the bracket or
/// gain less than a halving would. `at(x)` gives the function's value and its slope.
template <typename Function>
double increasing_root(double low, double high, double start, Function&& at) {
  double x = start;
  double width = high - low;
  for (int step = 0; step < 200; ++step) {
    const auto [value, slope] = at(x);
    (value > 0 ? high : low) = x;
    double next = x - value / slope;
    if (value == 0 || std::abs(next - x) <= 1e-15 * std::abs(x)) return x;
    if (!(next > low && next < high) || (step % 4 == 3 && high - low > width / 2)) {
      next = low + (high - low) / 2;
      width = high - low;
      if (next <= low || next >= high) return x;
    }
    x = next;
  }
  return x;
}

struct ValueAndSlope {
  double value, slope;
};

/// P(|T| > t) for Student's t.
double two_sided_tail(double t, double degrees) {
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

}  // namespace

double normal_probability(double z) {
  return 0.5 * std::erfc(-z * std::sqrt(0.5));
}

double normal_quantile(double probability) {
  WISK_ASSERT(probability > 0 && probability < 1);
  if (probability > 0.5) return -normal_quantile(1.0 - probability);
  const double density_at_0 = 1.0 / std::sqrt(2.0 * std::acos(-1.0));
  // Below the median the logarithm of the probability is concave and close to a parabola: Newton steps on it.
  return increasing_root(-40.0, 0.5, -1.0, [&](double z) {
    const double below = normal_probability(z);
    return ValueAndSlope{std::log(below / probability), density_at_0 * std::exp(-z * z / 2) / below};
  });
}

double incomplete_beta(double a, double b, double x) {
  WISK_ASSERT(a > 0 && b > 0 && x >= 0 && x <= 1);
  if (x == 0.0 || x == 1.0) return x;
  const double front = std::exp(a * std::log(x) + b * std::log1p(-x) - log_beta(a, b));
  if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
  return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

double beta_quantile(double probability, double a, double b) {
  WISK_ASSERT(probability > 0 && probability < 1 && a > 0 && b > 0);
  const double scale = log_beta(a, b);
  return increasing_root(0.0, 1.0, a / (a + b), [&](double x) {
    const double density = std::exp((a - 1.0) * std::log(x) + (b - 1.0) * std::log1p(-x) - scale);
    return ValueAndSlope{incomplete_beta(a, b, x) - probability, density};
  });
}

double student_t_quantile(double probability, double degrees) {
  WISK_ASSERT(probability > 0 && probability < 1 && degrees > 0);
  if (probability == 0.5) return 0.0;
  if (probability < 0.5) return -student_t_quantile(1.0 - probability, degrees);
  const double tail = 2.0 * (1.0 - probability);
  double high = 1.0;
  while (two_sided_tail(high, degrees) > tail && high < 1e300) high *= 2.0;
  const double scale = log_beta(degrees / 2, 0.5) + std::log(degrees) / 2;
  return increasing_root(high == 1.0 ? 0.0 : high / 2, high, 0.75 * high, [&](double t) {
    const double density = std::exp(-(degrees + 1) / 2 * std::log1p(t * t / degrees) - scale);
    return ValueAndSlope{tail - two_sided_tail(t, degrees), 2.0 * density};
  });
}

}  // namespace wisk::stats
