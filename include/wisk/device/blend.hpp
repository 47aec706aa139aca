#pragma once
// The arithmetic of a blend: a weighted sum of tensors in one pass over their bytes.

#include <cstddef>
#include <span>

#include <wisk/core/dtype.hpp>

namespace wisk::device {

/// One term: `count` elements of `dtype` at `data` (any alignment), times `coefficient`.
struct BlendInput {
  const std::byte* data;  // [count]
  DType dtype;
  double coefficient;  ///< not 0: a tensor of weight 0 is left out, not read
};

/// out[i] = round(sum_j float(coefficient_j) * float(data_j[i])) for i < count: products and sums in f32, in
/// this order, the first term a product, the others fused multiply-adds; one rounding to nearest even to
/// `out_type`. Denormals are kept whatever the calling thread's floating-point mode. A NaN that comes out of
/// the sum is stored as the positive quiet NaN without payload, since processors disagree on which payload
/// survives. One input with coefficient 1 and dtype `out_type` is copied bit for bit, NaN payloads and -0.0
/// included. `out` may have any alignment and must not overlap an input. At least one input. Thread-safe.
void blend(std::span<const BlendInput> inputs, std::size_t count, DType out_type, std::byte* out);

/// The same bits by one plain scalar loop: the oracle of the tests.
void blend_reference(std::span<const BlendInput> inputs, std::size_t count, DType out_type, std::byte* out);

}  // namespace wisk::device
