#include "random_weights.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <wisk/core/math.hpp>
#include <wisk/core/philox.hpp>

namespace wisk::stats {
namespace {

constexpr PhiloxKey kKey = {0x7374617au,
                            0x77697374u};  // any constant: the tables don't depend on the job's seed

}  // namespace

void random_bits(Stream stream, std::uint32_t draw, std::span<std::uint32_t> bits) {
  for (std::size_t i = 0; i < bits.size(); i += 4) {
    const PhiloxCounter four =
        philox4x32({static_cast<std::uint32_t>(i / 4), draw, static_cast<std::uint32_t>(stream), 0}, kKey);
    std::copy_n(four.begin(), std::min<std::size_t>(4, bits.size() - i), bits.begin() + static_cast<long>(i));
  }
}

namespace {

void draw_weights(std::uint32_t draw, std::span<double> weights) {
  std::array<std::uint32_t, 256> bits;
  for (std::size_t begin = 0; begin < weights.size(); begin += bits.size()) {
    const std::size_t count = std::min(bits.size(), weights.size() - begin);
    for (std::size_t i = 0; i < count; i += 4) {
      const PhiloxCounter four = philox4x32({static_cast<std::uint32_t>((begin + i) / 4), draw,
                                             static_cast<std::uint32_t>(Stream::kBayesianBootstrap), 0},
                                            kKey);
      std::copy(four.begin(), four.end(), bits.begin() + static_cast<long>(i));
    }
    for (std::size_t i = 0; i < count; ++i)
      weights[begin + i] = -math::log((static_cast<double>(bits[i]) + 0.5) * 0x1p-32);
  }
}

/// Draws of one number of problems, kept because thousands of intervals of a report use the same ones.
struct Drawn {
  std::size_t problems = 0;
  std::vector<std::vector<double>> weights;  // by draw; empty: not drawn yet
};

}  // namespace

void bootstrap_weights(std::uint32_t draw, std::span<double> weights) {
  constexpr std::size_t kMostKept = std::size_t{1} << 24;  // weights: 128 MiB
  thread_local Drawn kept;
  if ((draw + std::size_t{1}) * weights.size() > kMostKept) {
    draw_weights(draw, weights);
    return;
  }
  if (kept.problems != weights.size()) kept = {weights.size(), {}};
  if (kept.weights.size() <= draw) kept.weights.resize(draw + std::size_t{1});
  std::vector<double>& mine = kept.weights[draw];
  if (mine.empty()) {
    mine.resize(weights.size());
    draw_weights(draw, mine);
  }
  std::copy(mine.begin(), mine.end(), weights.begin());
}

}  // namespace wisk::stats
