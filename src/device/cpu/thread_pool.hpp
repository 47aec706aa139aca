#pragma once
// A fixed team of threads for the parallel regions of the operators.

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

namespace wisk::device {

/// Owns its threads; made, used and destroyed by one thread, which works as member 0 and is pinned meanwhile.
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
  template <class Task>
  void run(const Task& task, bool flush_denormals = true) {
    run_call([](const void* t, int member) { (*static_cast<const Task*>(t))(member); }, &task,
             flush_denormals);
  }

  /// Splits [0, units) into contiguous ranges, one a member: task(begin, end).
  template <class Task>
  void split(std::int64_t units, const Task& task, bool flush_denormals = true) {
    run(
        [&](int member) {
          const auto [begin, end] = share(units, member);
          if (begin < end) task(begin, end);
        },
        flush_denormals);
  }

  /// The member's part of [0, units): [first, second).
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> share(std::int64_t units, int member) const {
    return {units * member / size(), units * (member + 1) / size()};
  }

  /// Inside a task, called by every member: what any of them did before it is seen by all after it.
  void barrier();

 private:
  using Call = void (*)(const void* task, int member);
  void run_call(Call call, const void* task, bool flush_denormals);
  void work(int member, int core);

  struct Affinity;
  std::unique_ptr<const Affinity> callers_;  // the caller's cores before it was pinned
  std::vector<std::thread> threads_;
  std::atomic<std::uint32_t> generation_{0};  // a new value starts a region
  std::atomic<std::int32_t> running_{0};      // members still in the region
  std::atomic<std::int32_t> arrived_{0};      // members at the barrier
  std::atomic<std::uint32_t> barriers_{0};    // passed so far
  Call call_ = nullptr;
  const void* task_ = nullptr;
  bool flush_denormals_ = true;
  bool ending_ = false;
};

}  // namespace wisk::device
