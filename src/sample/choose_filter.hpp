#pragma once
// The filters top_k, top_p and min_p as one cut through the ids sorted by (logit falling, id rising), found
// without sorting them.

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>
#include <wisk/sample/parameters.hpp>

namespace wisk::sample {

/// The kept ids: all with a larger logit than the cut's, and those with an equal one up to id `last`.
struct Cut {
  float logit = -std::numeric_limits<float>::infinity();
  std::int32_t last = std::numeric_limits<std::int32_t>::max();
  [[nodiscard]] bool keeps(float value, std::int32_t id) const {
    return value > logit || (value == logit && id <= last);
  }
};

/// Finds cuts. Owns scratch memory that calls reuse: one object a thread.
class Filter {
 public:
  /// The cut of `parameters` through `logits` [V]; `maxima` are their block maxima, `largest` the largest of
  /// these, which is finite. temperature > 0.
  Cut find(std::span<const float> logits, std::span<const float> maxima, float largest,
           const SamplingParameters& parameters);

 private:
  void gather(std::span<const float> logits, std::span<const float> maxima, float from, const Cut& within);
  void weigh(std::span<const float> logits, float largest, float scale);
  Cut top_k(std::span<const float> logits, std::span<const float> maxima, std::size_t k);
  Cut top_p(std::span<const float> logits, std::span<const float> maxima, float largest, double temperature,
            double p, const Cut& within);
  [[nodiscard]] double gathered_weight() const;
  Cut select(std::span<const float> logits, double target);
  void keep_digit(int shift, std::uint32_t value);

  std::vector<std::int32_t> ids_;      // candidates, rising
  std::vector<std::uint32_t> keys_;    // of the candidates: unsigned numbers in the order of their logits
  std::vector<float> weights_;         // of the candidates
  std::array<double, 256> amounts_{};  // weight under each value of a key's digit
  std::vector<float> block_maxima_;    // a copy to partition
};

}  // namespace wisk::sample
