#include <algorithm>

#include <wisk/core/math.hpp>
#include <wisk/model/architecture.hpp>

namespace wisk::model {

namespace {

constexpr double kTwoPi = 6.283185307179586476925;

/// Llama 3's rule: long wavelengths are stretched by `factor`, short ones kept, those between interpolated
/// (Grattafiori et al., The Llama 3 Herd of Models, arXiv 2407.21783, section 3.4.2; constants in
/// config.json).
double llama3_frequency(double frequency, const Rope& rope) {
  const double wavelength = kTwoPi / frequency;
  if (wavelength < rope.original_positions / rope.high_frequency_factor) return frequency;
  if (wavelength > rope.original_positions / rope.low_frequency_factor) return frequency / rope.factor;
  const double smooth = (rope.original_positions / wavelength - rope.low_frequency_factor) /
                        (rope.high_frequency_factor - rope.low_frequency_factor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

}  // namespace

float Rope::frequency(int pair, int head_dim, std::int64_t position) const {
  double base = theta;
  if (scaling == Scaling::kDynamic) {
    // NTK-aware: the base grows with the length of the sequence. A key keeps the rotation of its own
    // position, so that prefill and decode agree; within the trained context this is no scaling at all.
    const double length = std::max(static_cast<double>(position + 1), original_positions);
    const double stretch = factor * length / original_positions - (factor - 1);
    base = theta * math::pow(stretch, static_cast<double>(head_dim) / (head_dim - 2));
  }
  double frequency = 1.0 / math::pow(base, 2.0 * pair / head_dim);
  if (scaling == Scaling::kLinear) frequency /= factor;
  if (scaling == Scaling::kLlama3) frequency = llama3_frequency(frequency, *this);
  return static_cast<float>(frequency);
}

void Rope::angles(std::int64_t position, int head_dim, std::span<float> out) const {
  for (int pair = 0; pair < head_dim / 2; ++pair) {
    const float angle = static_cast<float>(position) * frequency(pair, head_dim, position);
    const auto at = static_cast<std::size_t>(pair), half = static_cast<std::size_t>(head_dim / 2);
    out[at] = static_cast<float>(math::cos(static_cast<double>(angle)));
    out[half + at] = static_cast<float>(math::sin(static_cast<double>(angle)));
  }
}

}  // namespace wisk::model
