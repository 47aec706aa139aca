#pragma once
// Operators on device memory. Pointers are device memory, aligned to their elements; results are
// there in the order of `stream`. Errors of CUDA are EnvironmentErrors.

#include <stream.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <wisk/device/blend.hpp>
#include <wisk/device/device.hpp>

namespace wisk::device::cuda {

inline constexpr std::size_t kMostBlendInputs = 128;  ///< they travel as a kernel's parameters

/// As device::blend, and the same bits; but for at most kMostBlendInputs inputs.
void blend(std::span<const BlendInput> inputs /* host array of device tensors */, std::size_t count,
           DType out_type, std::byte* out, Stream stream);

}  // namespace wisk::device::cuda
