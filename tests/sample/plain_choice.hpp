#pragma once
// The choice of a token written down as the documents say it: everything sorted, every id's noise drawn. The
// oracle of the chooser's tests.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>
#include <wisk/core/math.hpp>
#include <wisk/core/noise.hpp>
#include <wisk/sample/parameters.hpp>

namespace wisk::test {

/// Ids that the filters keep, best first: sorted by (logit falling, id rising).
inline std::vector<std::int32_t> kept_ids(std::span<const float> logits,
                                          const sample::SamplingParameters& parameters) {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (!std::isnan(logits[id])) ids.push_back(static_cast<std::int32_t>(id));
  }
  const auto logit = [&](std::int32_t id) { return logits[static_cast<std::size_t>(id)]; };
  std::stable_sort(ids.begin(), ids.end(), [&](auto a, auto b) { return logit(a) > logit(b); });
  if (parameters.top_k > 0) ids.resize(std::min(ids.size(), static_cast<std::size_t>(parameters.top_k)));
  if (parameters.top_p < 1) {
    const auto scale = static_cast<float>(1 / parameters.temperature);
    std::vector<double> weights;
    for (const auto id : ids)
      weights.push_back(static_cast<double>(math::exp_of_negative((logit(id) - logit(ids[0])) * scale)));
    const double target = parameters.top_p * std::accumulate(weights.begin(), weights.end(), 0.0);
    std::size_t kept = 0;
    for (double sum = 0; kept < ids.size() && (kept == 0 || sum < target); ++kept) sum += weights[kept];
    ids.resize(kept);
  }
  if (parameters.min_p > 0) {
    const double lowest =
        static_cast<double>(logit(ids[0])) + parameters.temperature * std::log(parameters.min_p);
    while (static_cast<double>(logit(ids.back())) < lowest) ids.pop_back();
  }
  return ids;
}

/// The noise of `id` in a vocabulary of `vocabulary` ids.
inline double gumbel_of(const Noise& noise, std::int32_t id, int vocabulary) {
  const int block = id / kBlockIds;
  return noise.gumbel(id, noise.block(block, ids_in_block(block, vocabulary)));
}

/// Argmax of logit / T + noise over `ids`, the lowest id on ties.
inline std::int32_t plain_choice(std::span<const float> logits, const sample::SamplingParameters& parameters,
                                 const Draw& draw, const std::vector<std::int32_t>& ids) {
  if (parameters.temperature == 0) return ids.front();
  const Noise noise(draw);
  double best = -std::numeric_limits<double>::infinity();
  std::int32_t chosen = -1;
  for (const auto id : ids) {
    const double score = static_cast<double>(logits[static_cast<std::size_t>(id)]) / parameters.temperature +
                         gumbel_of(noise, id, static_cast<int>(logits.size()));
    if (score > best || (score == best && id < chosen)) {
      best = score;
      chosen = id;
    }
  }
  return chosen;
}

}  // namespace wisk::test
