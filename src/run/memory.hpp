#pragma once
// The host's memory.

#include <cstdint>

namespace wisk::run {

/// Bytes that could be had now: MemAvailable, or less where a control group limits the process.
std::uint64_t available_memory();

}  // namespace wisk::run
