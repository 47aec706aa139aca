#pragma once
// Runs the threads of CUDA kernels on the host, one at a time: each is a fiber that goes on until it waits
// for others (a barrier, a warp exchange) or ends; blocks come one after another. A barrier completes when
// all threads of its block, a warp operation when all lanes of its mask wait at the same line; when nobody
// can go on and somebody waits, the kernel is wrong and KernelError says who waits where.
//
// With ThreadSanitizer a fiber is a thread to it, and only barriers and __syncwarp order two threads: races
// are reported whatever order the threads ran in. Not thread-safe: one grid at a time in a process.

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <stdexcept>

namespace wisk::test::cuda_on_host {

struct Dim3 {
  unsigned x = 1, y = 1, z = 1;
  // As dim3 of CUDA: a number is a size in one dimension.
  Dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  [[nodiscard]] unsigned count() const { return x * y * z; }
};

/// Threads wait for one another in a way that never ends, or use a lane that takes no part.
class KernelError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

enum class ThreadOrder { kForward, kReverse, kShuffled };

/// The order in which threads of a block take turns, while it lives.
class WithThreadOrder {
 public:
  explicit WithThreadOrder(ThreadOrder order);
  ~WithThreadOrder();
  WithThreadOrder(const WithThreadOrder&) = delete;
  WithThreadOrder& operator=(const WithThreadOrder&) = delete;

 private:
  ThreadOrder before_;
};

/// Calls thread(argument) once for every thread of the grid. Every block has `shared_bytes` of shared memory,
/// filled with 0xff: floats are NaN until somebody writes them. Throws KernelError.
void run_grid(Dim3 blocks, Dim3 threads, std::size_t shared_bytes, void (*thread)(const void*),
              const void* argument);

// Below: for threads of a running grid.

/// The running thread and its grid.
struct Current {
  Dim3 blocks, threads, block, thread;
};
extern Current current;

/// Shared memory of the block, aligned to 16 bytes.
void* block_memory();

/// What a lane sees of a completed warp operation.
struct Exchange {
  const std::uint64_t* values;  ///< [32], valid until this lane waits again
  unsigned mask;
  int lane;  ///< the own one
  std::source_location where;
};

void wait_for_block(const std::source_location& where);
void wait_for_warp(unsigned mask, const std::source_location& where);
/// Completes when all lanes of `mask`, the own one among them, are here. Orders no memory accesses.
Exchange exchange_in_warp(unsigned mask, std::uint64_t value, const char* operation,
                          const std::source_location& where);
/// Ends the grid with a KernelError where `lane` took no part.
std::uint64_t value_of_lane(const Exchange& exchange, int lane);
/// Completes when all 32 lanes are here: then operation(what each lane gave) is called once, by nobody's
/// thread. Orders no memory accesses.
void warp_together(void (*operation)(void* const* lanes /* [32] */), void* own, const char* name,
                   const std::source_location& where);
/// Ends the grid with a KernelError.
void fail(const char* failure, const std::source_location& where);
/// Its number in the block.
unsigned running_thread();

}  // namespace wisk::test::cuda_on_host
