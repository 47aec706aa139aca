#pragma once
// What a device needs to choose the next tokens itself, and what it gives back. sample/choose.hpp says how
// tokens are chosen.

#include <cstdint>

#include <wisk/core/noise.hpp>

namespace wisk::device {

/// What a row's random numbers are a function of, the seed apart. Rows that are not active (padding of a
/// step) get RowChoice{}.
struct RowDraw {
  std::uint64_t problem_key = 0;
  std::uint32_t sample = 0, position = 0;
  std::int32_t active = 0;
  std::int32_t unused = 0;
};

/// The same for all rows of a step: seed, and filters as in sample::SamplingParameters, in their ranges.
struct Choosing {
  std::uint64_t seed = 0;
  double temperature = 1;  // 0: the largest logit
  std::int32_t top_k = 0;  // 0: off
  double top_p = 1;        // 1: off
  double min_p = 0;        // 0: off

  [[nodiscard]] constexpr bool filters(std::int64_t vocabulary) const {
    return temperature > 0 && ((top_k > 0 && top_k < vocabulary) || top_p < 1 || min_p > 0);
  }
  bool operator==(const Choosing&) const = default;
};

inline constexpr int kMostVocabularyParts = 8;

/// The blocks of ids that one rank holds.
struct BlockRange {
  std::int32_t vocabulary;  // V, of all ranks
  std::int32_t first, count;
};

/// The parts (slices) of the vocabulary that one rank holds, neighbours: part p has ids [edges[p], edges[p +
/// 1]). Every edge but the vocabulary's end is a multiple of kBlockIds; a part may be empty.
struct VocabularyParts {
  std::int32_t vocabulary = 0;  // V, of all ranks
  std::int32_t count = 0;       // 1..kMostVocabularyParts
  std::int32_t edges[kMostVocabularyParts + 1] = {};

  [[nodiscard]] constexpr BlockRange blocks() const {
    const std::int32_t first = edges[0] / kBlockIds;
    return {vocabulary, first, block_count(edges[count]) - first};
  }
};

/// The logits of R rows of the whole vocabulary, whose ranks' parts lie one after another: rank p has ids
/// [edges[p], edges[p + 1]).
struct WholeLogits {
  const float* data = nullptr;  // [parts, R, stride]
  std::int64_t stride = 0;
  std::int32_t parts = 1;
  std::int32_t edges[kMostVocabularyParts + 1] = {};  // from 0
};

/// What is chosen in a part of the vocabulary.
struct PartChoice {
  double score;
  double sum;  // of exp(logit - largest)
  std::int32_t token;
  float logit;  // of `token`; of the row's target where there is one in this part
  float largest;
  std::int32_t nan, infinite;
  std::int32_t has_target;
};

/// The result. `broken`: no logit is finite or one is +inf, which is the error of sample::Chooser; token is
/// then 0, so that a step that has begun finds an id, and logprob NaN.
struct RowChoice {
  std::int32_t token = 0;
  float logprob = 0;  // natural log, of the raw logits; of the target where the row has one
  std::int32_t broken = 0;
  std::int32_t nan = 0, infinite = 0;  // how many logits are
};

}  // namespace wisk::device
