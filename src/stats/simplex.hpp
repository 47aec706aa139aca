#pragma once
// The maximum of a function of two coordinates within limits.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace wisk::stats {

using SimplexPoint = std::array<double, 2>;

struct Maximum {
  SimplexPoint point;
  double value;
  bool converged;
};

/// Nelder and Mead's simplex search (1965, The Computer Journal 7, 308-313) in the two coordinates, points
/// outside moved to the limit. No derivative, so limits and the edge zero_share = 0 do no harm.
template <typename Function>
Maximum maximise(const Function& function, SimplexPoint start, const SimplexPoint& lowest,
                 const SimplexPoint& highest) {
  struct Corner {
    SimplexPoint point;
    double value;
  };
  const auto within_limits = [&](SimplexPoint point) {
    for (std::size_t i = 0; i < 2; ++i) point[i] = std::clamp(point[i], lowest[i], highest[i]);
    return point;
  };
  const auto at = [&](SimplexPoint point) {
    point = within_limits(point);
    return Corner{point, function(point)};
  };
  const auto between = [](const SimplexPoint& from, const SimplexPoint& to, double step) {
    return SimplexPoint{from[0] + step * (to[0] - from[0]), from[1] + step * (to[1] - from[1])};
  };
  const SimplexPoint middle = within_limits(start);
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
    const SimplexPoint centre = between(best.point, good.point, 0.5);
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

}  // namespace wisk::stats
