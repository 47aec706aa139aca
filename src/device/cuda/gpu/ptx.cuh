#pragma once
// Instructions that CUDA C++ has no words for (PTX ISA, sections cp.async, ld.global.nc, ldmatrix,
// mma). Its twin of the
// same name in tests/support/cuda_on_host does the same on the host; the include path chooses between the
// two.

#include <cstdint>

#include "cuda/vectors.cuh"

namespace wisk::device::cuda {

/// Begins to copy 16 bytes, past the first cache level; 16 zeros where not `valid` (`global` is not read
/// then). Both addresses are multiples of 16.
__device__ inline void cp_async_16(void* shared, const void* global, bool valid) {
  const auto to = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  const std::uint32_t bytes = valid ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to),
               "l"(__cvta_generic_to_global(global)), "r"(bytes)
               : "memory");
}

/// Closes a group of the copies that this thread began.
__device__ inline void cp_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits for this thread's groups but the kPending youngest. Others see the copies after a barrier.
template <int kPending>
__device__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

/// 16 bytes at a multiple of 16 that nothing writes while the kernel runs, and that it reads once: one
/// access, past the first cache level.
__device__ inline Words load_once_16(const void* global) {
  Words words;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(words.word[0]), "=r"(words.word[1]), "=r"(words.word[2]), "=r"(words.word[3])
               : "l"(__cvta_generic_to_global(global)));
  return words;
}

/// 16 bytes of shared memory at a multiple of 16; the whole warp.
__device__ inline Words load_shared_16(const void* shared) {
  return *static_cast<const Words*>(shared);
}

/// Four matrices of 8 rows of 16 bytes: lane l names row l % 8 of matrix l / 8 (a multiple of 16 bytes).
/// Lane l gets word l % 4 of row l / 4 of each. The whole warp.
__device__ inline void ldmatrix_x4(std::uint32_t (&words)[4], const void* shared_row) {
  const auto from = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared_row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(from)
               : "memory");
}

/// c[16, 8] += a[16, 16] b[16, 8] in bf16, sums in f32; a word holds two neighbours of k, the even one low.
/// With g = lane / 4, t = lane % 4: a = (row g, pair t), (g + 8, t), (g, t + 4), (g + 8, t + 4);
/// b = (column g, pair t), (g, t + 4); c = (row g, column 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
/// The whole warp.
__device__ inline void mma_m16n8k16(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

}  // namespace wisk::device::cuda
