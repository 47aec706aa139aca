#pragma once
// Percentiles of random draws.

#include <algorithm>
#include <cstddef>
#include <vector>

namespace wisk::stats {

/// The value that a share `probability` of ascending draws lies below, between neighbours by a line.
inline double percentile(const std::vector<double>& draws, double probability) {
  const double place = std::clamp(probability, 0.0, 1.0) * static_cast<double>(draws.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, draws.size() - 1);
  return draws[below] + (place - static_cast<double>(below)) * (draws[above] - draws[below]);
}

}  // namespace wisk::stats
