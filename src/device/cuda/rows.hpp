#pragma once
// Operators that copy and add rows. Pointers are device memory, aligned to their elements; the CPU's bits
// (NaN payloads apart).

#include <stream.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

#include <wisk/device/kv_cache.hpp>
#include <wisk/device/packed_matrix.hpp>

namespace wisk::device::cuda {

/// As Device::embed; a token whose id is below 0, padding, gets zeros.
void embed(const std::int32_t* ids /* [T] */, std::int64_t tokens,
           const PackedMatrix& embedding /* [rows, C] */, std::int64_t first_row, float scale,
           float* x /* [T, C] */, Stream stream);

/// As Device::take_rows; a row below 0 gives zeros.
void take_rows(const float* x /* [.., width] */, std::int64_t width, const std::int32_t* rows /* [R] */,
               std::int64_t count, float* out /* [R, width] */, Stream stream);

/// As Device::add_parts.
void add_parts(std::span<const float* const> parts /* host array; each [rows, width] */,
               const float* bias /* [width] */, std::int64_t rows, std::int64_t width, bool accumulate,
               float* x /* [rows, width] */, Stream stream);

/// As Device::copy_page.
void copy_page(const KvCache& cache, int from, int to, Stream stream);

}  // namespace wisk::device::cuda
