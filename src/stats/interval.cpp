#include <wisk/stats/interval.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/stats/special.hpp>

#include "dirichlet_mean.hpp"

namespace wisk::stats {

const std::string_view kIntervalMethod =
    "over problems: quantiles of the mean under Dirichlet weights, one problem added towards the end of the "
    "range "
    "(second-order correct; Clopper and Pearson's for zeros and ones)";

const std::string_view kDifferenceMethod =
    "paired over problems: intervals of mean gain and mean loss (quantiles under Dirichlet weights, one "
    "problem "
    "added), their distances added in squares with their correlation";

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr Estimate kNoEstimate = {kNaN, kNaN, kNaN};
/// How much one unseen problem at an end of the range counts against the variance that was seen. Between arms
/// less: most problems have a small difference or none, and all of them can be seen.
constexpr double kCaution = 1.0, kPairedCaution = 1.0 / 16;

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

/// What the added problem's place depends on. Values are in 0..1.
struct Shape {
  double problems, mean, variance, skew, excess, heaviness, gap;
};

/// skew: third central moment over twice the variance. excess: (kurtosis - 1 - skewness^2) / 2, which is 0
/// for zeros and ones, 1 for a normal distribution. gap: the mean distance of neighbouring values, each
/// weighted by itself: 1 for zeros and ones, 1/n for values spread over i/n.
Shape shape_of(const Masses& seen) {
  Shape shape{};
  double third = 0, fourth = 0;
  for (std::size_t i = 0; i < seen.values.size(); ++i) {
    shape.problems += seen.masses[i];
    shape.mean += seen.masses[i] * seen.values[i];
  }
  shape.mean /= shape.problems;
  for (std::size_t i = 0; i < seen.values.size(); ++i) {
    const double difference = seen.values[i] - shape.mean;
    const double square = difference * difference;
    shape.variance += seen.masses[i] * square / shape.problems;
    third += seen.masses[i] * square * difference / shape.problems;
    fourth += seen.masses[i] * square * square / shape.problems;
  }
  if (seen.values.size() < 2 || shape.variance < std::numeric_limits<double>::min()) {
    shape.variance = 0;
    return shape;
  }
  shape.skew = third / (2.0 * shape.variance);
  const double kurtosis = fourth / shape.variance / shape.variance;
  const double skewness = third / std::pow(shape.variance, 1.5);
  shape.excess = std::clamp((kurtosis - 1.0 - skewness * skewness) / 2.0, 0.0, 1.0);
  shape.heaviness = std::max(0.0, kurtosis - 3.0 - 1.5 * skewness * skewness);
  double squares = 0;
  for (std::size_t i = 1; i < seen.values.size(); ++i)
    squares += (seen.values[i] - seen.values[i - 1]) * (seen.values[i] - seen.values[i - 1]);
  shape.gap = squares / (seen.values.back() - seen.values.front());
  return shape;
}

/// Of one end of the interval.
struct Quantiles {
  double probability, normal, student;
};

Quantiles quantiles_of(double level, std::size_t problems) {
  const double probability = 0.5 + level / 2;
  const double student =
      problems > 1 ? student_t_quantile(probability, static_cast<double>(problems) - 1) : 0.0;
  return {probability, normal_quantile(probability), student};
}

/// How far above the mean of the seen problems one more has to lie for its quantile to be the upper end;
/// below when negative. docs/statistics.md, "The added problem", has the same terms in words. caution:
/// how much an unseen problem at the end of the range counts.
double added_distance(const Shape& shape, const Quantiles& quantiles, double caution) {
  const double room = 1.0 - shape.mean;
  if (shape.variance == 0) return room;
  const double count = shape.problems;
  const double spread = std::sqrt(count * shape.variance);  // standard error of the mean, times count
  const double z = quantiles.normal;
  const double lattice = shape.gap / 2 * std::min(1.0, 5.0 * shape.gap / spread);
  const double shift = shape.skew + lattice;
  // What Student's t asks for beyond the spread that the quantile already has.
  const double student = quantiles.student * std::sqrt(count / (count - 1.0));
  const double normal = z * std::sqrt(count / (count + 1.0));
  const double wider = std::max(0.0, student * spread - normal * std::sqrt(spread * spread + shift * shift));
  // The estimated skewness moves with the mean: what its correction takes away from the width.
  const double unsure = z * (2.0 * z * z + 1.0) / 6.0 * shape.heaviness / count * spread;
  const double seen = shift + shape.excess * wider + unsure;
  // One unseen problem at the end of the range, against all of the variance that was seen.
  const double unseen = caution * room * room / (caution * room * room + spread * spread);
  return std::max(seen, (1.0 - unseen) * seen + unseen * room);
}

/// The upper end for values in 0..1.
double upper_end(Masses seen, const Quantiles& quantiles, double caution) {
  const Shape shape = shape_of(seen);
  seen.add(std::clamp(shape.mean + added_distance(shape, quantiles, caution), 0.0, 1.0), 1.0);
  return dirichlet_mean_quantile(seen, quantiles.probability);
}

/// Equal values become one. values: [P] in 0..1.
Masses masses_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  Masses masses;
  for (const double value : values) {
    if (!masses.values.empty() && masses.values.back() == value) {
      masses.masses.back() += 1.0;
    } else {
      masses.values.push_back(value);
      masses.masses.push_back(1.0);
    }
  }
  return masses;
}

/// The same values seen from the other end of the range.
Masses mirrored(Masses masses) {
  std::reverse(masses.values.begin(), masses.values.end());
  std::reverse(masses.masses.begin(), masses.masses.end());
  for (double& value : masses.values) value = 1.0 - value;
  return masses;
}

/// value as a share of the range; a rounding error beyond its ends is forgiven.
double share_of_range(double value, Range range) {
  const double share = (value - range.low) / (range.high - range.low);
  if (!(share >= -1e-9 && share <= 1.0 + 1e-9)) {
    throw InputError("interval of a mean",
                     "values in " + std::to_string(range.low) + ".." + std::to_string(range.high),
                     std::to_string(value));
  }
  return std::clamp(share, 0.0, 1.0);
}

/// mean_interval with a chosen caution.
Estimate interval_of(std::span<const double> values, Range range, double level, double caution) {
  WISK_ASSERT(level > 0 && level < 1 && range.low < range.high);
  if (values.empty()) return kNoEstimate;
  Sum sum;
  for (const double value : values) {
    if (std::isnan(value)) return kNoEstimate;
    sum.add(value);
  }
  std::vector<double> shares(values.size());
  std::transform(values.begin(), values.end(), shares.begin(),
                 [&](double value) { return share_of_range(value, range); });
  const Masses masses = masses_of(std::move(shares));
  const Quantiles quantiles = quantiles_of(level, values.size());
  const double width = range.high - range.low;
  const double mean = std::clamp(sum.value() / static_cast<double>(values.size()), range.low, range.high);
  const double low = range.high - width * upper_end(mirrored(masses), quantiles, caution);
  const double high = range.low + width * upper_end(masses, quantiles, caution);
  return {mean, std::clamp(low, range.low, mean), std::clamp(high, mean, range.high)};
}

}  // namespace

Estimate mean_interval(std::span<const double> values, Range range, double level) {
  return interval_of(values, range, level, kCaution);
}

Estimate paired_difference(std::span<const double> a, std::span<const double> b, double width, double level) {
  WISK_ASSERT(a.size() == b.size());
  if (a.empty()) return kNoEstimate;
  std::vector<double> gains(a.size()), losses(a.size());
  Sum sum, squared_gains, squared_losses;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = a[i] - b[i];
    if (std::isnan(difference)) return kNoEstimate;
    gains[i] = std::max(0.0, difference);
    losses[i] = std::max(0.0, -difference);
    sum.add(difference);
    squared_gains.add(gains[i] * gains[i]);
    squared_losses.add(losses[i] * losses[i]);
  }
  const auto count = static_cast<double>(a.size());
  const Estimate gain = interval_of(gains, {0.0, width}, level, kPairedCaution);
  const Estimate loss = interval_of(losses, {0.0, width}, level, kPairedCaution);
  // A problem has a gain or a loss, never both: their covariance is the negative product of the means.
  const double variances = (squared_gains.value() / count - gain.mean * gain.mean) *
                           (squared_losses.value() / count - loss.mean * loss.mean);
  const double correlation =
      variances > 0 ? std::max(-1.0, -gain.mean * loss.mean / std::sqrt(variances)) : 0.0;
  const auto reach = [&](double x, double y) { return std::sqrt(x * x + y * y - 2 * correlation * x * y); };
  const double mean = sum.value() / count;
  return {mean, std::max(-width, mean - reach(gain.mean - gain.low, loss.high - loss.mean)),
          std::min(width, mean + reach(gain.high - gain.mean, loss.mean - loss.low))};
}

Estimate weighted_sum(std::span<const Estimate> estimates, std::span<const double> weights) {
  WISK_ASSERT(estimates.size() == weights.size());
  Sum mean, below, above;
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    const double weight = weights[i];
    const Estimate& part = estimates[i];
    mean.add(weight * part.mean);
    const double low = weight * ((weight < 0 ? part.high : part.low) - part.mean);
    const double high = weight * ((weight < 0 ? part.low : part.high) - part.mean);
    below.add(low * low);
    above.add(high * high);
  }
  return {mean.value(), mean.value() - std::sqrt(below.value()), mean.value() + std::sqrt(above.value())};
}

}  // namespace wisk::stats
