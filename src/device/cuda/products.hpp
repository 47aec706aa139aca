#pragma once
// Products on device memory, out = a W^T. Lists of them run in one launch. The sum of an output is taken over
// ascending k whatever the tile, the number of rows or the other products are (docs/numerics.md): no result
// depends on them.

#include <launch.cuh>

#include <cstddef>
#include <cstdint>
#include <span>

#include <wisk/device/device.hpp>
#include <wisk/device/packed_matrix.hpp>

namespace wisk::device::cuda {

inline constexpr std::size_t kMostProducts = 24;  ///< of one list: they travel as a kernel's parameter

/// out[t, n] = sum_k a[t, k] W[n, k] + bias[n], as device::Linear. Operands are bf16 for weights of bf16 and
/// compute bfloat16, else floats. Pointers of device memory, aligned to their elements; fastest where a, out
/// and their rows begin at multiples of 16 bytes and K is a multiple of 8.
struct Product {
  const void* a;  // [T, K], rows lda elements apart
  std::int64_t lda;
  const PackedMatrix* w;  // [N, K]
  const float* bias;      // [N], or null
  float* out;             // [T, N], rows ldo apart
  std::int64_t ldo;
};

/// out[t, n] = act(gate[t, n]) * up[t, n], rounded to the type of operands, where gate and up are the
/// products of `a` with two matrices of the same shape. They are never in memory.
struct GatedProduct {
  const void* a;  // [T, K], rows lda elements apart
  std::int64_t lda;
  const PackedMatrix* gate;  // [N, K]
  const PackedMatrix* up;    // [N, K]
  const float* gate_bias;    // [N], or null
  const float* up_bias;      // [N], or null
  void* out;                 // [T, N], rows ldo elements apart
  std::int64_t ldo;
};

/// All operands bf16, all weights bf16. None may read what another writes. `multiprocessors` of the GPU:
/// tiles are chosen so that they have work.
void linear(std::span<const Product> products, std::int64_t rows, int multiprocessors, Stream stream);
void gated_linear(Activation activation, std::span<const GatedProduct> products, std::int64_t rows,
                  int multiprocessors, Stream stream);

/// The same with tile kTileShapes[tile]; the same bits.
void linear_by_tile(std::span<const Product> products, std::int64_t rows, std::size_t tile, Stream stream);
void gated_linear_by_tile(Activation activation, std::span<const GatedProduct> products, std::int64_t rows,
                          std::size_t tile, Stream stream);

/// All operands f32, weights of any dtype: one chain of fused multiply-adds for each output, the CPU's bits.
/// For the reference mode: on ordinary cores.
void linear_f32(std::span<const Product> products, std::int64_t rows, Stream stream);
void gated_linear_f32(Activation activation, std::span<const GatedProduct> products, std::int64_t rows,
                      Stream stream);

}  // namespace wisk::device::cuda
