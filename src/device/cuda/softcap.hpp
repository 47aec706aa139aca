#pragma once
// The soft cap of logits.

#include <stream.hpp>

#include <cstdint>

namespace wisk::device::cuda {

/// As Device::softcap, and the CPU's bits (NaN payloads apart). Device memory.
void softcap(float* x /* [count] */, std::int64_t count, float cap, Stream stream);

}  // namespace wisk::device::cuda
