#pragma once
// How large a job is, from headers alone.

#include <cstdint>

#include <wisk/run/outline.hpp>

#include "plan.hpp"

namespace wisk::run {

/// What a rank needs on the CPU or on a GPU: weights, keys and values of a full batch, and the program. The
/// checkpoints are mapped: what a job of a control group maps is given back when memory is short.
MemoryOfRank memory_of_rank(const Plan& plan, bool on_gpu);

/// Tokens that are computed when every sample is as long as it may be.
std::int64_t most_tokens(const Plan& plan);

}  // namespace wisk::run
