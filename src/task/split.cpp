#include "split.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>

#include "utf8.hpp"

namespace wisk::task {
namespace {

/// Any fixed number but 0, which makes the keys of the random numbers.
constexpr std::uint64_t kSeed = 0x73706c6974;  // "split"

/// Uniform in [0, 1) over ids.
double place_of(const std::string& id) {
  constexpr int kDigits = 53;
  return std::ldexp(static_cast<double>(xxh3(id, kSeed) >> (64 - kDigits)), -kDigits);
}

bool holds(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

std::string listed(const std::map<std::string, std::size_t>& values) {
  constexpr std::size_t kMost = 10;
  std::vector<std::string> all;
  for (const auto& [value, count] : values) {
    if (all.size() == kMost) {
      all.push_back(std::to_string(values.size() - kMost) + " more");
      break;
    }
    all.push_back(task::quoted(value) + " (" + std::to_string(count) + ")");
  }
  return join(all, ", ");
}

}  // namespace

SplitSide SplitSides::by_value(const std::string& value) {
  ++values_[value];
  if (holds(split_.choose, value)) return SplitSide::kChoose;
  return holds(split_.report, value) ? SplitSide::kReport : SplitSide::kNone;
}

SplitSide SplitSides::of(const std::string& id, const Row& row) {
  SplitSide side = SplitSide::kReport;
  if (!split_.share) {
    side = by_value(row.text(split_.field));
  } else if (place_of(id) < *split_.share) {
    side = SplitSide::kChoose;
  }
  ++(side == SplitSide::kChoose ? choose_ : side == SplitSide::kReport ? report_ : neither_);
  return side;
}

void SplitSides::check() const {
  if (choose_ > 0 && report_ > 0) return;
  std::string found =
      std::to_string(choose_) + " to choose on and " + std::to_string(report_) + " to report on";
  if (neither_ > 0) found += ", " + std::to_string(neither_) + " on neither side";
  if (!split_.share) found += "; values of " + split_.field + ": " + listed(values_);
  throw InputError(split_.where, "at least one problem on each side", found);
}

}  // namespace wisk::task
