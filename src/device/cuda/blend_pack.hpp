#pragma once
// Blends that end in the layout that the forward pass reads. Pointers are device memory, aligned to their
// elements; the CPU's bits.

#include <stream.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <wisk/device/blend.hpp>
#include <wisk/device/device.hpp>

namespace wisk::device::cuda {

inline constexpr std::size_t kMostBlendInputs = 128;  ///< they travel as a kernel's parameters

/// Panels [begin, end) of `matrix` := as Device::blend_matrix, and nothing else of it. The window is that of
/// the whole matrix: where the inputs hold only the rows of these panels, its first row is below 0. The
/// matrix begins at a multiple of 16 bytes. At most kMostBlendInputs inputs.
void blend_pack(PackedMatrix& matrix,
                std::span<const BlendInput> inputs /* host array; [.., row_stride] each */,
                const MatrixWindow& window, DType storage, std::int64_t begin, std::int64_t end,
                Stream stream);

}  // namespace wisk::device::cuda
