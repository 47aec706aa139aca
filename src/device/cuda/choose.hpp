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

#include <cstddef>
#include <cstdint>

#include <wisk/device/choosing.hpp>
#include <wisk/device/packed_matrix.hpp>

namespace wisk::device::cuda {

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
void find_cuts(const WholeLogits& logits, const ChoiceRows& rows, const Choosing& choosing,
               Cut* cuts /* [R] */, Stream stream);

/// The first step.
void choose_in_blocks(const float* logits /* [R, stride], column 0 is id parts.edges[0] */,
                      std::int64_t stride, const VocabularyParts& parts, const ChoiceRows& rows,
                      const Choosing& choosing, BlockChoice* blocks /* [R, parts.blocks().count] */,
                      Stream stream);

/// The first step in the epilogue of the product that makes the logits, a head^T: they are in no memory. The
/// bits are those of linear(), the soft cap (0: none) and choose_in_blocks(). No cuts.
void choose_in_product(const void* a /* bf16 [R, K], rows lda apart */, std::int64_t lda,
                       const PackedMatrix& head /* bf16 [parts' ids, K] */, float softcap,
                       const VocabularyParts& parts, const ChoiceRows& rows, const Choosing& choosing,
                       BlockChoice* blocks /* [R, parts.blocks().count] */, Stream stream);

/// The same with a given tile of those that it chooses from; the same bits.
inline constexpr std::size_t kChoosingTiles = 5;
void choose_in_product_by_tile(const void* a, std::int64_t lda, const PackedMatrix& head, float softcap,
                               const VocabularyParts& parts, const ChoiceRows& rows, const Choosing& choosing,
                               BlockChoice* blocks, std::size_t tile, Stream stream);

/// The second.
void choose_in_parts(const BlockChoice* blocks /* [R, parts.blocks().count] */, const VocabularyParts& parts,
                     const ChoiceRows& rows, const Targets& targets,
                     PartChoice* choices /* [parts.count, R] */, Stream stream);

/// The third, on the parts of all ranks in their order.
void choose_in_rows(const PartChoice* choices /* [parts, R] */, int parts, const ChoiceRows& rows,
                    const Targets& targets, RowChoice* result /* [R] */, Stream stream);

}  // namespace wisk::device::cuda
