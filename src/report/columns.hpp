#pragma once
// Building the numbers of each arm: spread, diversity and health, each in its file.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "analysis_parts.hpp"

namespace wisk::report {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// NaN of nothing.
inline double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? kNaN : static_cast<double>(part) / static_cast<double>(whole);
}

/// Builds columns; arms that share samples get the values of the arm that drew them.
class Columns {
 public:
  Columns(const Analysis& analysis, const stats::Samples& samples) : analysis_(analysis), samples_(samples) {}

  template <class Value>
  void add(const char* id, const char* title, const char* unit, const char* group, const char* meaning,
           Value value) {
    Column column{id, title, unit, group, meaning, {}};
    for (std::size_t arm = 0; arm < analysis_.arms(); ++arm) {
      column.values.push_back(analysis_.is_first(arm) ? value(arm)
                                                      : column.values[analysis_.arm(arm).sampled_as]);
    }
    const bool any = std::any_of(column.values.begin(), column.values.end(),
                                 [](const stats::Estimate& each) { return !std::isnan(each.mean); });
    if (any) result.push_back(std::move(column));
  }

  /// A mean over problems of value(cell), which lies in range(arm).
  template <class Range, class Value>
  void add_mean(const char* id, const char* title, const char* unit, const char* group, const char* meaning,
                Range range, Value value) {
    add(id, title, unit, group, meaning, [&](std::size_t arm) {
      return mean_of(per_problem(samples_, arm, [&](const stats::Cell& cell) { return value(cell); }),
                     range(arm));
    });
  }

  template <class Value>
  void add_share(const char* id, const char* title, const char* group, const char* meaning, Value counted) {
    add_mean(
        id, title, "%", group, meaning,
        [](std::size_t) {
          return stats::Range{0, 1};
        },
        [&](const stats::Cell& cell) { return ratio(counted(cell), cell.size()); });
  }

  std::vector<Column> result;

 private:
  /// While problems are missing: the mean of the others, without an interval.
  [[nodiscard]] stats::Estimate mean_of(std::vector<double> values, stats::Range range) const {
    const std::size_t all = values.size();
    std::erase_if(values, [](double value) { return std::isnan(value); });
    if (values.size() == all) return stats::mean_interval(values, range, analysis_.level);
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    return {sum / static_cast<double>(values.size()), kNaN, kNaN};  // 0 / 0 is NaN
  }

  const Analysis& analysis_;
  const stats::Samples& samples_;
};

void add_spread(Columns& columns, const Analysis& analysis, const stats::Samples& samples);
void add_diversity(Columns& columns, const Analysis& analysis, const stats::Samples& samples);
void add_health(Columns& columns, const Analysis& analysis, const stats::Samples& samples);

}  // namespace wisk::report
