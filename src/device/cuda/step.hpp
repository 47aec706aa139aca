#pragma once
// The tokens of one step, in device memory.

#include <cstdint>

namespace wisk::device::cuda {

/// As device::StepTokens. A negative position marks padding: steps are replayed as graphs of fixed sizes. A
/// kernel writes no keys or values for it and reads no page for it; its rows of outputs hold anything finite.
/// Owns nothing.
struct Step {
  const std::int32_t* ids;        // [T]
  const std::int32_t* positions;  // [T]
  const std::int32_t* page_rows;  // [T], where in `pages` the token's sequence begins
  const std::int32_t* pages;      // page tables of all sequences, one after another
  int tokens;                     // T
};

}  // namespace wisk::device::cuda
