#pragma once
// Twin of src/device/cuda/gpu/ptx.cuh, after the PTX documentation. A thread's own accesses to memory are
// made here, in code that the sanitizers see.

#include <cstdint>
#include <source_location>

#include "async_copies.hpp"
#include "cuda/vectors.cuh"
#include "warp_instructions.hpp"

namespace wisk::device::cuda {

namespace on_host = test::cuda_on_host;

inline void land(const on_host::AsyncCopy& copy) {
  *static_cast<Words*>(copy.shared) = copy.valid ? *static_cast<const Words*>(copy.global) : Words{};
}

inline void cp_async_16(void* shared, const void* global, bool valid,
                        std::source_location where = std::source_location::current()) {
  on_host::check_aligned_to_16(shared, where);
  if (valid) on_host::check_aligned_to_16(global, where);
  const on_host::AsyncCopy copy{shared, global, valid};
  on_host::count_copy(copy);
  if (on_host::copies_land_at_issue()) return land(copy);
  on_host::begin_copy(copy, where);
}

inline void cp_async_commit() {
  on_host::commit_copies();
}

template <int kPending>
void cp_async_wait() {
  on_host::AsyncCopy copy;
  while (on_host::take_copy(kPending, copy)) land(copy);
}

inline Words load_once_16(const void* global, std::source_location where = std::source_location::current()) {
  on_host::check_aligned_to_16(global, where);
  return *static_cast<const Words*>(global);
}

inline Words load_shared_16(const void* shared,
                            std::source_location where = std::source_location::current()) {
  on_host::count_conflicts_of_16(shared, where);
  return *static_cast<const Words*>(shared);
}

inline void ldmatrix_x4(std::uint32_t (&words)[4], const void* shared_row,
                        std::source_location where = std::source_location::current()) {
  on_host::check_aligned_to_16(shared_row, where);
  const Words row = *static_cast<const Words*>(shared_row);
  on_host::distribute_matrices(shared_row, row.word, words, where);
}

inline void mma_m16n8k16(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                         std::source_location where = std::source_location::current()) {
  on_host::multiply_matrices(c, a, b, where);
}

}  // namespace wisk::device::cuda
