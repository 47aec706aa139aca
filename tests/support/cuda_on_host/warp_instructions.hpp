#pragma once
// What the lanes of a warp do together in ldmatrix and mma, and the bank conflicts of their accesses to
// shared memory. Of running threads; whole warps only.

#include <cstdint>
#include <source_location>

namespace wisk::test::cuda_on_host {

/// Counts bank conflicts of load_shared_16 and ldmatrix while it lives: how many more passes over the banks
/// they took than they need. Eight lanes, 128 bytes, are one pass where they touch every bank once.
class CountingBankConflicts {
 public:
  CountingBankConflicts();
  ~CountingBankConflicts();
  CountingBankConflicts(const CountingBankConflicts&) = delete;
  CountingBankConflicts& operator=(const CountingBankConflicts&) = delete;
  [[nodiscard]] long count() const;
  /// Accesses that were looked at.
  [[nodiscard]] long accesses() const;
};

/// Ends the grid with a KernelError where it is not.
void check_aligned_to_16(const void* address, const std::source_location& where);

/// Nothing while nobody counts.
void count_conflicts_of_16(const void* shared, const std::source_location& where);

/// ldmatrix: `row` is what this lane read at `shared_row` for the warp.
void distribute_matrices(const void* shared_row, const std::uint32_t (&row)[4], std::uint32_t (&words)[4],
                         const std::source_location& where);

/// mma.m16n8k16 of bf16. For each output, pair by pair of k, the odd product is added first, then the even
/// one, each rounded, denormals zero: the order of docs/numerics.md. (Hardware has its own.)
void multiply_matrices(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                       const std::source_location& where);

}  // namespace wisk::test::cuda_on_host
