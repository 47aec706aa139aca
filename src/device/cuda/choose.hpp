#pragma once
// Choosing the next token on a GPU: the CPU's tokens (sample/choose.hpp) for the same logits, and log
// probabilities within the bound of docs/numerics.md, "Choosing a token on a GPU".
//
// Three steps: the best id and the log-sum of each block of 64 ids, of each part of the vocabulary, of the
// row. A part is a slice as model::vocabulary_range gives it; a rank of tensor parallelism holds some of
// them, and one that holds all gets the same bits. Ranks exchange PartChoices between the last two steps.
// Filters need a row's logits whole: find_cuts() makes of them one cut for each row, which the first step
// takes. All arrays are in device memory.

#include <launch.cuh>

#include <cstdint>

#include <wisk/core/noise.hpp>

namespace wisk::device::cuda {

/// What a row's random numbers are a function of, the seed apart. Rows that are not active (padding of a
/// graph) get RowChoice{}.
struct RowDraw {
  std::uint64_t problem_key = 0;
  std::uint32_t sample = 0, position = 0;
  std::int32_t active = 0;
  std::int32_t unused = 0;
};

/// The same for all rows of a step, travels as a kernel's parameter: filters as in
/// sample::SamplingParameters, in their ranges.
struct Choosing {
  std::uint64_t seed = 0;
  double temperature = 1;  // 0: the largest logit
  std::int32_t top_k = 0;  // 0: off
  double top_p = 1;        // 1: off
  double min_p = 0;        // 0: off

  [[nodiscard]] constexpr bool filters(std::int64_t vocabulary) const {
    return temperature > 0 && ((top_k > 0 && top_k < vocabulary) || top_p < 1 || min_p > 0);
  }
};

inline constexpr int kMostParts = 8;

/// The blocks of ids that one rank holds.
struct BlockRange {
  std::int32_t vocabulary;  // V, of all ranks
  std::int32_t first, count;
};

/// The parts that one rank holds, neighbours: part p has ids [edges[p], edges[p + 1]). Every edge but the
/// vocabulary's end is a multiple of kBlockIds; a part may be empty.
struct VocabularyParts {
  std::int32_t vocabulary = 0;  // V, of all ranks
  std::int32_t count = 0;       // 1..kMostParts
  std::int32_t edges[kMostParts + 1] = {};

  [[nodiscard]] constexpr BlockRange blocks() const {
    const std::int32_t first = edges[0] / kBlockIds;
    return {vocabulary, first, block_count(edges[count]) - first};
  }
};

/// The ids that filters keep: those with a larger logit, and those with an equal one up to id `last`.
struct Cut {
  float logit;
  std::int32_t last;
};

/// Of a block of 64 ids. `largest` and `sum` are of all ids, whatever a cut keeps.
struct alignas(16) BlockChoice {
  double score;           // the best id's logit / T + noise, or its logit where T = 0
  std::int32_t token;     // the best id, the lowest of equal ones; kNoToken where none is kept
  float logit;            // its logit
  float largest;          // logit; NaN counts as -inf
  float sum;              // of exp(logit - largest)
  std::int32_t nan;       // how many logits are NaN
  std::int32_t infinite;  // and how many +inf
};
inline constexpr std::int32_t kNoToken = 0x7fffffff;

/// Of a part of the vocabulary.
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

/// Best scores known so far, so that blocks that cannot win are not opened, as ordered integers; zero when
/// nothing is known. choose_in_rows() makes them zero again.
using Floor = unsigned long long;

/// Where a step's rows and intermediate results are.
struct ChoiceRows {
  std::int32_t count = 0;          // R
  const RowDraw* draws = nullptr;  // [R]; nullptr: all rows are active, T must be 0
  const Cut* cuts = nullptr;       // [R], or nullptr: every id is kept
  Floor* floors = nullptr;         // [R], or nullptr: every block is opened
};

/// Scores tokens that are given instead of choosing one: log probabilities of a prompt.
struct Targets {
  const std::int32_t* ids = nullptr;  // [R]; < 0: the row is not active
  const float* logits = nullptr;      // [R, stride], column 0 is the parts' first id
  std::int64_t stride = 0;
};

/// The cut of each row that the filters of `choosing` make.
void find_cuts(const float* logits /* [R, stride], columns are ids */, std::int64_t stride,
               std::int32_t vocabulary, const ChoiceRows& rows, const Choosing& choosing, Cut* cuts /* [R] */,
               Stream stream);

/// The first step.
void choose_in_blocks(const float* logits /* [R, stride], column 0 is id parts.edges[0] */,
                      std::int64_t stride, const VocabularyParts& parts, const ChoiceRows& rows,
                      const Choosing& choosing, BlockChoice* blocks /* [R, parts.blocks().count] */,
                      Stream stream);

/// The second.
void choose_in_parts(const BlockChoice* blocks /* [R, parts.blocks().count] */, const VocabularyParts& parts,
                     const ChoiceRows& rows, const Targets& targets,
                     PartChoice* choices /* [parts.count, R] */, Stream stream);

/// The third, on the parts of all ranks in their order.
void choose_in_rows(const PartChoice* choices /* [parts, R] */, int parts, const ChoiceRows& rows,
                    const Targets& targets, RowChoice* result /* [R] */, Stream stream);

}  // namespace wisk::device::cuda
