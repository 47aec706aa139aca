#pragma once
// Random numbers of the statistics: functions of a draw and a problem alone, so that tables repeat bit for
// bit.

#include <cstddef>
#include <cstdint>
#include <span>

namespace wisk::stats {

/// Streams that must not share their numbers.
enum class Stream : std::uint32_t { kSignFlips = 1, kBayesianBootstrap = 2, kHalves = 3, kSupposed = 4 };

/// 32 random bits for each element, a function of (stream, draw, index).
void random_bits(Stream stream, std::uint32_t draw, std::span<std::uint32_t> bits);

/// One draw of the Bayesian bootstrap (Rubin 1981): independent exponential weights, of mean 1; their shares
/// are Dirichlet(1, ..., 1).
void bootstrap_weights(std::uint32_t draw, std::span<double> weights);

}  // namespace wisk::stats
