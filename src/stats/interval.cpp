#include <wisk/stats/interval.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

namespace wisk::stats {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// The 0.975 quantile of the normal distribution.
constexpr double kNormalQuantile = 1.959963984540054;

/// Neumaier's compensated sum, in the order given.
class Sum {
 public:
  void add(double value) {
    const double next = sum_ + value;
    correction_ += std::abs(sum_) >= std::abs(value) ? (sum_ - next) + value : (value - next) + sum_;
    sum_ = next;
  }
  [[nodiscard]] double value() const { return sum_ + correction_; }

 private:
  double sum_ = 0, correction_ = 0;
};

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

/// P(|T| > t) for Student's t.
double two_sided_tail(double t, double degrees) {
  return incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

}  // namespace

Estimate wilson_interval(double mean, std::int64_t trials) {
  if (trials < 1) throw InputError("Wilson interval", "at least one trial", std::to_string(trials));
  if (!(mean >= 0.0 && mean <= 1.0))
    throw InputError("Wilson interval", "a mean in 0..1", std::to_string(mean));
  const auto count = static_cast<double>(trials);
  const double z = kNormalQuantile;
  const double centre = 2.0 * count * mean + z * z;
  const double below = z * z - 2.0 - 1.0 / count + 4.0 * mean * (count * (1.0 - mean) + 1.0);
  const double above = z * z + 2.0 - 1.0 / count + 4.0 * mean * (count * (1.0 - mean) - 1.0);
  const double scale = 2.0 * (count + z * z);
  const double low = (centre - 1.0 - z * std::sqrt(std::max(0.0, below))) / scale;
  const double high = (centre + 1.0 + z * std::sqrt(std::max(0.0, above))) / scale;
  // Within the correction (half a trial) of 0 or 1 that end is the limit: the formula would turn back there.
  const double half_trial = 0.5 / count;
  return {mean, mean <= half_trial ? 0.0 : std::clamp(low, 0.0, mean),
          mean >= 1.0 - half_trial ? 1.0 : std::clamp(high, mean, 1.0)};
}

Estimate mean_with_interval(std::span<const double> values) {
  if (values.empty()) return {kNaN, kNaN, kNaN};
  Sum sum;
  for (const double value : values) {
    if (std::isnan(value)) return {kNaN, kNaN, kNaN};
    sum.add(value);
  }
  const double mean = std::clamp(sum.value() / static_cast<double>(values.size()), 0.0, 1.0);
  return wilson_interval(mean, static_cast<std::int64_t>(values.size()));
}

double incomplete_beta(double a, double b, double x) {
  WISK_ASSERT(a > 0 && b > 0 && x >= 0 && x <= 1);
  if (x == 0.0 || x == 1.0) return x;
  const double front = std::exp(a * std::log(x) + b * std::log1p(-x) - log_beta(a, b));
  if (x < (a + 1.0) / (a + b + 2.0)) return front * beta_fraction(a, b, x) / a;
  return 1.0 - front * beta_fraction(b, a, 1.0 - x) / b;
}

double student_t_quantile(double probability, double degrees) {
  WISK_ASSERT(probability > 0 && probability < 1 && degrees > 0);
  if (probability == 0.5) return 0.0;
  if (probability < 0.5) return -student_t_quantile(1.0 - probability, degrees);
  const double tail = 2.0 * (1.0 - probability);
  double low = 0.0;
  double high = 1.0;
  while (two_sided_tail(high, degrees) > tail && high < 1e300) high *= 2.0;
  for (int step = 0; step < 200; ++step) {  // bisection: the tail falls steadily in t
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (two_sided_tail(middle, degrees) > tail ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

Estimate paired_difference(std::span<const double> a, std::span<const double> b) {
  WISK_ASSERT(a.size() == b.size());
  if (a.empty()) return {kNaN, kNaN, kNaN};
  const auto count = static_cast<double>(a.size());
  Sum sum;
  for (std::size_t i = 0; i < a.size(); ++i) sum.add(a[i] - b[i]);
  const double mean = sum.value() / count;
  if (std::isnan(mean) || a.size() < 2) return {mean, kNaN, kNaN};
  Sum squares;
  for (std::size_t i = 0; i < a.size(); ++i) squares.add((a[i] - b[i] - mean) * (a[i] - b[i] - mean));
  const double error = std::sqrt(squares.value() / (count - 1.0) / count);
  const double half = error == 0.0 ? 0.0 : error * student_t_quantile(0.5 + kIntervalLevel / 2, count - 1.0);
  return {mean, mean - half, mean + half};
}

}  // namespace wisk::stats
