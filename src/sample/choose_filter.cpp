#include "choose_filter.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <wisk/core/assert.hpp>
#include <wisk/core/math.hpp>

#include "choose_lanes.hpp"

namespace wisk::sample {
namespace {

/// Unsigned numbers in the order of the floats; both zeros are one number.
std::uint32_t key_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0.0f);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

constexpr int kDigitBits = 8;
constexpr std::uint32_t kDigitMask = (1u << kDigitBits) - 1;

}  // namespace

/// Candidates: ids with a logit of at least `from` that `within` keeps.
void Filter::gather(std::span<const float> logits, std::span<const float> maxima, float from,
                    const Cut& within) {
  ids_.clear();
  keys_.clear();
  const float lowest = std::max(from, within.logit);
  for (std::size_t block = 0; block < maxima.size(); ++block) {
    if (maxima[block] < lowest) continue;
    const std::size_t end = std::min(logits.size(), (block + 1) * kBlockIds);
    for (std::size_t id = block * kBlockIds; id < end; ++id) {
      if (logits[id] >= lowest && within.keeps(logits[id], static_cast<std::int32_t>(id))) {
        ids_.push_back(static_cast<std::int32_t>(id));
        keys_.push_back(key_of(logits[id]));
      }
    }
  }
}

void Filter::weigh(std::span<const float> logits, float largest, float scale) {
  weights_.resize(ids_.size());
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    weights_[i] = math::exp_of_negative((logits[static_cast<std::size_t>(ids_[i])] - largest) * scale);
  }
}

double Filter::gathered_weight() const {
  double sum = 0;
  for (const float weight : weights_) sum += static_cast<double>(weight);
  return sum;
}

/// The shortest prefix of the sorted candidates whose weight reaches `target` (all with weight, when rounding
/// keeps it from doing so); at least one. A search by digits of the keys: each step sums the weights under
/// every value of the next digit, in order of the ids, finds the value at which the target is reached, and
/// drops the candidates without it.
Cut Filter::select(std::span<const float> logits, double target) {
  WISK_ASSERT(!ids_.empty());
  double reached = 0;
  for (int shift = 32 - kDigitBits; shift >= 0; shift -= kDigitBits) {
    amounts_.fill(0.0);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      amounts_[(keys_[i] >> shift) & kDigitMask] += static_cast<double>(weights_[i]);
    }
    std::uint32_t chosen = 0;
    double above = reached;
    for (std::uint32_t value = kDigitMask + 1; value-- > 0;) {
      if (!(amounts_[value] > 0)) continue;
      chosen = value;
      reached = above;
      if (reached + amounts_[value] >= target) break;
      above += amounts_[value];
    }
    keep_digit(shift, chosen);
  }
  // The candidates left have one and the same logit.
  Cut cut;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    cut = {logits[static_cast<std::size_t>(ids_[i])], ids_[i]};
    reached += static_cast<double>(weights_[i]);
    if (reached >= target) break;
  }
  return cut;
}

/// Drops the candidates whose key has another digit than `value` at `shift`; keeps their order.
void Filter::keep_digit(int shift, std::uint32_t value) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (((keys_[i] >> shift) & kDigitMask) != value) continue;
    keys_[kept] = keys_[i];
    ids_[kept] = ids_[i];
    weights_[kept] = weights_[i];
    ++kept;
  }
  keys_.resize(kept);
  ids_.resize(kept);
  weights_.resize(kept);
}

Cut Filter::top_k(std::span<const float> logits, std::span<const float> maxima, std::size_t k) {
  // The k-th largest block maximum: k ids or more are at least that.
  float from = -std::numeric_limits<float>::infinity();
  if (k <= maxima.size()) {
    block_maxima_.assign(maxima.begin(), maxima.end());
    const auto kth = block_maxima_.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(block_maxima_.begin(), kth, block_maxima_.end(), std::greater<>());
    from = *kth;
  }
  gather(logits, maxima, from, Cut{});
  if (k > ids_.size()) return Cut{};  // NaN are not candidates
  weights_.assign(ids_.size(), 1.0f);
  return select(logits, static_cast<double>(k));
}

Cut Filter::top_p(std::span<const float> logits, std::span<const float> maxima, float largest,
                  double temperature, double p, const Cut& within) {
  const auto scale = static_cast<float>(1.0 / temperature);
  const bool all = within.logit == -std::numeric_limits<float>::infinity();
  double total = 0;
  if (all) {
    total = sum_exp(logits, largest, scale);
  } else {
    gather(logits, maxima, within.logit, within);
    weigh(logits, largest, scale);
    total = gathered_weight();
  }
  const double target = p * total;
  // Only the ids near the top are looked at, if they hold enough.
  for (double reach = 4; all; reach *= 2) {
    const bool everything = reach > 128;
    const double from = static_cast<double>(largest) - reach * temperature;
    gather(logits, maxima, everything ? within.logit : static_cast<float>(from), within);
    weigh(logits, largest, scale);
    if (everything || gathered_weight() >= target) break;
  }
  return select(logits, target);
}

Cut Filter::find(std::span<const float> logits, std::span<const float> maxima, float largest,
                 const SamplingParameters& parameters) {
  Cut cut;
  if (parameters.top_k > 0 && static_cast<std::size_t>(parameters.top_k) < logits.size()) {
    cut = top_k(logits, maxima, static_cast<std::size_t>(parameters.top_k));
  }
  if (parameters.top_p < 1)
    cut = top_p(logits, maxima, largest, parameters.temperature, parameters.top_p, cut);
  if (parameters.min_p > 0) {
    const double lowest =
        static_cast<double>(largest) + parameters.temperature * math::log(std::max(parameters.min_p, 1e-300));
    auto logit = static_cast<float>(lowest);  // the smallest float that is not below it
    if (static_cast<double>(logit) < lowest)
      logit = std::nextafter(logit, std::numeric_limits<float>::infinity());
    if (logit > cut.logit) cut = {logit, std::numeric_limits<std::int32_t>::max()};
  }
  return cut;
}

}  // namespace wisk::sample
