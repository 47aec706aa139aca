#pragma once
// A fixed team of threads for the parallel regions of the operators.

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace wisk::device {

/// Owns its threads; run() is called by one thread at a time, which works as member 0.
class ThreadPool {
 public:
  /// One member for each entry of `cores` (an operating-system core index, or -1: not pinned).
  explicit ThreadPool(const std::vector<int>& cores);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  [[nodiscard]] int size() const { return static_cast<int>(threads_.size()) + 1; }

  /// Calls task(member) once on each member, denormals flushed when `flush_denormals`; returns when all are
  /// done. The task must not throw.
  void run(const std::function<void(int)>& task, bool flush_denormals = true);

  /// Splits [0, units) into contiguous ranges, one a member: task(begin, end). Small work runs on the caller
  /// alone.
  void split(std::int64_t units, const std::function<void(std::int64_t, std::int64_t)>& task,
             bool flush_denormals = true);

 private:
  void work(int member, int core);

  std::vector<std::thread> threads_;
  std::atomic<std::uint32_t> generation_{0};  // a new value starts a region
  std::atomic<std::int32_t> running_{0};      // members still in the region
  const std::function<void(int)>* task_ = nullptr;
  bool flush_denormals_ = true;
  bool ending_ = false;
};

}  // namespace wisk::device
