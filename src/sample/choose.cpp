#include <wisk/sample/choose.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>
#include <wisk/core/math.hpp>

#include "choose_filter.hpp"
#include "choose_lanes.hpp"

namespace wisk::sample {

void check(const SamplingParameters& parameters) {
  const auto number = [](double value) { return std::to_string(value); };
  const double temperature = parameters.temperature;
  if (!(temperature == 0 || (temperature >= 1e-6 && temperature <= 1e6))) {
    throw InputError("temperature", "0 or a number from 1e-6 to 1e6", number(temperature));
  }
  if (parameters.top_k < 0) throw InputError("top_k", "0 (off) or more", number(parameters.top_k));
  if (!(parameters.top_p >= 0 && parameters.top_p <= 1)) {
    throw InputError("top_p", "a number from 0 to 1", number(parameters.top_p));
  }
  if (!(parameters.min_p >= 0 && parameters.min_p <= 1)) {
    throw InputError("min_p", "a number from 0 to 1", number(parameters.min_p));
  }
}

void throw_broken(std::size_t nan, std::size_t infinite, std::size_t vocabulary, const Draw& draw) {
  throw InputError("logits of problem key " + hex64(draw.problem_key) + ", sample " +
                       std::to_string(draw.sample) + ", position " + std::to_string(draw.position),
                   "finite numbers",
                   std::to_string(nan) + " NaN and " + std::to_string(infinite) + " +inf among " +
                       std::to_string(vocabulary) + " (are the weights broken?)");
}

namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

[[noreturn]] void throw_broken(std::span<const float> logits, const Draw& draw) {
  std::size_t nan = 0, infinite = 0;
  for (const float value : logits) {
    nan += std::isnan(value) ? 1u : 0u;
    infinite += value == std::numeric_limits<float>::infinity() ? 1u : 0u;
  }
  sample::throw_broken(nan, infinite, logits.size(), draw);
}

/// The best so far; ties go to the lowest id, in whatever order they come.
struct Best {
  double score = -std::numeric_limits<double>::infinity();
  std::int32_t id = -1;
  void consider(std::int32_t candidate, double value) {
    if (value > score || (value == score && candidate < id)) {
      score = value;
      id = candidate;
    }
  }
};

/// The ids of one block that `cut` keeps, against the best so far. The holder of the block's maximum comes
/// first: then few others are worth a draw.
void open_block(std::int32_t block, std::span<const float> logits, double temperature, const Cut& cut,
                const Noise& noise, Best& best) {
  const int count = ids_in_block(block, static_cast<int>(logits.size()));
  const BlockNoise of_block = noise.block(block, count);
  const auto scaled = [&](std::int32_t id) {
    return static_cast<double>(logits[static_cast<std::size_t>(id)]) / temperature;
  };
  const auto kept = [&](std::int32_t id) { return cut.keeps(logits[static_cast<std::size_t>(id)], id); };
  if (kept(of_block.holder)) best.consider(of_block.holder, scaled(of_block.holder) + of_block.maximum);
  const std::int32_t first = block * kBlockIds;
  for (std::int32_t id = first; id < first + count; ++id) {
    if (id == of_block.holder || !kept(id) || scaled(id) + of_block.maximum < best.score) continue;
    best.consider(id, scaled(id) + noise.gumbel(id, of_block));
  }
}

float largest_of(std::span<const float> logits) {
  float largest = kMinusInfinity;
  for (const float value : logits) largest = value > largest ? value : largest;
  return largest;
}

/// The distance to the largest logit is taken first: rounding the sum's logarithm to f32 would cost its last
/// bits.
float log_probability_below(std::span<const float> logits, std::int32_t token, float largest) {
  const double total = sum_exp(logits, largest, 1.0f);
  const double difference = static_cast<double>(logits[static_cast<std::size_t>(token)]) - largest;
  return static_cast<float>(difference - math::log(total));
}

}  // namespace

struct Chooser::Scratch {
  std::vector<float> own_maxima;     // [blocks] of the logits, where the caller has none
  std::vector<std::int32_t> blocks;  // that hold a kept id
  std::vector<double> bounds;        // [blocks.size()] no id of the block has a larger logit / T + noise
  Filter filter;

  static std::int32_t greedy(std::span<const float> logits, std::span<const float> maxima, float largest);
  std::int32_t noisy(std::span<const float> logits, std::span<const float> maxima, double temperature,
                     const Cut& cut, const Noise& noise);
};

std::int32_t Chooser::Scratch::greedy(std::span<const float> logits, std::span<const float> maxima,
                                      float largest) {
  const auto block = std::find(maxima.begin(), maxima.end(), largest) - maxima.begin();
  return static_cast<std::int32_t>(std::find(logits.begin() + block * kBlockIds, logits.end(), largest) -
                                   logits.begin());
}

std::int32_t Chooser::Scratch::noisy(std::span<const float> logits, std::span<const float> maxima,
                                     double temperature, const Cut& cut, const Noise& noise) {
  blocks.clear();
  for (std::size_t block = 0; block < maxima.size(); ++block) {
    if (maxima[block] >= cut.logit) blocks.push_back(static_cast<std::int32_t>(block));
  }
  bounds.resize(blocks.size());
  noise_maxima(noise, static_cast<int>(logits.size()), blocks, bounds);
  // Division and addition are monotone, and no Gumbel is above its block's maximum: so these are bounds in
  // floating point too.
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    bounds[i] += static_cast<double>(maxima[static_cast<std::size_t>(blocks[i])]) / temperature;
  }
  Best best;
  const auto highest = std::max_element(bounds.begin(), bounds.end()) - bounds.begin();
  open_block(blocks[static_cast<std::size_t>(highest)], logits, temperature, cut, noise, best);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (bounds[i] >= best.score && static_cast<std::ptrdiff_t>(i) != highest) {
      open_block(blocks[i], logits, temperature, cut, noise, best);
    }
  }
  return best.id;
}

Chooser::Chooser(int vocabulary) : scratch_(std::make_unique<Scratch>()), vocabulary_(vocabulary) {
  WISK_ASSERT(vocabulary > 0);
}
Chooser::Chooser(Chooser&&) noexcept = default;
Chooser& Chooser::operator=(Chooser&&) noexcept = default;
Chooser::~Chooser() = default;

Choice Chooser::choose(std::span<const float> logits, const SamplingParameters& parameters,
                       const Draw& draw) {
  return choose(logits, {}, parameters, draw);
}

Choice Chooser::choose(std::span<const float> logits, std::span<const float> maxima,
                       const SamplingParameters& parameters, const Draw& draw) {
  WISK_ASSERT(logits.size() == static_cast<std::size_t>(vocabulary_));
  if (maxima.empty()) {
    scratch_->own_maxima.resize(static_cast<std::size_t>(block_count(vocabulary_)));
    block_maxima(logits, scratch_->own_maxima);
    maxima = scratch_->own_maxima;
  }
  WISK_ASSERT(maxima.size() == static_cast<std::size_t>(block_count(vocabulary_)));
  check(parameters);
  const float largest = *std::max_element(maxima.begin(), maxima.end());
  if (!std::isfinite(largest)) throw_broken(logits, draw);

  Choice choice;
  if (parameters.temperature == 0) {
    choice.token = scratch_->greedy(logits, maxima, largest);
  } else {
    const Cut cut = scratch_->filter.find(logits, maxima, largest, parameters);
    choice.token = scratch_->noisy(logits, maxima, parameters.temperature, cut, Noise(draw));
  }
  WISK_ASSERT(choice.token >= 0 && choice.token < vocabulary_);
  choice.logprob = log_probability_below(logits, choice.token, largest);
  return choice;
}

float log_sum_exp(std::span<const float> logits) {
  const float largest = largest_of(logits);
  if (!std::isfinite(largest)) return largest;
  return static_cast<float>(static_cast<double>(largest) + math::log(sum_exp(logits, largest, 1.0f)));
}

float log_probability(std::span<const float> logits, std::int32_t token) {
  const float largest = largest_of(logits);
  if (!std::isfinite(largest)) return std::numeric_limits<float>::quiet_NaN();
  return log_probability_below(logits, token, largest);
}

}  // namespace wisk::sample
