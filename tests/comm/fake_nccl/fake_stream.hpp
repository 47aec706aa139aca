#pragma once
// What the fakes of CUDA's run time and of NCCL take for a stream.

#include <atomic>

namespace wisk::comm::fake {

/// A cudaStream_t of the tests: operations that are not done yet, and what cudaStreamQuery reports otherwise.
struct Stream {
  std::atomic<int> pending = 0;
  std::atomic<int> error = 0;     ///< a cudaError_t; 0: none
  std::atomic<int> recorded = 0;  ///< graphs that hold operations of it: a communicator that was used in it
                                  ///< does not end before
  std::atomic<bool> capturing = false;
};

/// Calls of cudaStreamIsCapturing.
inline std::atomic<int> times_asked_for_capture = 0;

}  // namespace wisk::comm::fake
