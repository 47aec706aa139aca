#pragma once
// RMSNorm, alone and together with the sum that comes before it. Pointers are device memory, aligned to their
// elements; the CPU's bits (NaN payloads apart).

#include <stream.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <wisk/device/device.hpp>

namespace wisk::device::cuda {

/// As Device::rms_norm; where rounding is to bf16, `out` is stored as bf16, else as f32. In place is allowed
/// with f32.
void rms_norm(const float* x /* [rows, width] */, const float* weight /* [width] */, float eps,
              std::int64_t rows, std::int64_t width, Compute rounding, std::byte* out /* [rows, width] */,
              Stream stream);

/// What a part of a layer adds to the residual stream, and the norm of what reads it next.
struct ResidualAndNorm {
  std::span<const float* const>
      parts;                           ///< each [rows, width]; a power of two of them, at most 8 (host array)
  const float* bias = nullptr;         ///< [width], or null
  const float* post_weight = nullptr;  ///< [width]: the sum is normalised before it is added; or null
  float* x = nullptr;                  ///< [rows, width]: the residual stream, no part of it
  const float* weight = nullptr;       ///< [width]; null: no norm of x, `out` is not written
  float eps = 0;                       ///< of both norms
  Compute rounding = Compute::kFloat32;
  std::byte* out = nullptr;  ///< [rows, width], as rms_norm's
};

/// y = tree(parts) + bias; with post_weight y = rms_norm(y) * post_weight, in f32; x += y; out = rms_norm(x)
/// * weight, rounded. The bits of Device::add_parts, rms_norm, add_parts, rms_norm one after another.
void add_parts_and_norm(const ResidualAndNorm& work, std::int64_t rows, std::int64_t width, Stream stream);

}  // namespace wisk::device::cuda
