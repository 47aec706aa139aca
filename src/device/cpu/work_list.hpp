#pragma once
// Operators that were asked for and not yet done: they run one after another in one parallel region, with a
// barrier between two only where the second may read what another member wrote.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

#include "thread_pool.hpp"

namespace wisk::device {

/// How members share an operator.
struct Sharing {
  /// Units of which each member takes its contiguous share, and whose work touches nothing of other units:
  /// operators with the same number follow each other without a barrier. 0: not so shared.
  std::int64_t rows = 0;
};

/// Owned by a device; used by one thread. A task is a trivially copyable callable task(member, next): `next`
/// is a counter from 0 on that members may take items from. What it points to must live until run().
class WorkList {
 public:
  explicit WorkList(ThreadPool& pool) : pool_(pool), slots_(std::make_unique<Slot[]>(kSlots)) {}

  template <class Task>
  void add(Sharing sharing, const Task& task) {
    static_assert(std::is_trivially_copyable_v<Task> && sizeof(Task) <= kTaskBytes);
    if (count_ == kSlots) run();
    Slot& slot = slots_[count_];
    std::memcpy(slot.task.data(), &task, sizeof task);
    slot.call = [](const void* t, int member, std::atomic<std::int64_t>& next) {
      (*static_cast<const Task*>(t))(member, next);
    };
    slot.next.store(0, std::memory_order_relaxed);
    slot.barrier = count_ > 0 && (sharing.rows == 0 || sharing.rows != last_.rows);
    last_ = sharing;
    ++count_;
  }

  /// Forgets all of it.
  void clear() { count_ = 0; }

  /// Does all of it.
  void run() {
    if (count_ == 0) return;
    pool_.run([this](int member) {
      for (std::size_t i = 0; i < count_; ++i) {
        if (slots_[i].barrier) pool_.barrier();
        slots_[i].call(slots_[i].task.data(), member, slots_[i].next);
      }
    });
    count_ = 0;
  }

 private:
  static constexpr std::size_t kSlots = 512, kTaskBytes = 192;
  struct alignas(64) Slot {
    std::atomic<std::int64_t> next{0};
    void (*call)(const void* task, int member, std::atomic<std::int64_t>& next) = nullptr;
    bool barrier = false;
    alignas(16) std::array<std::byte, kTaskBytes> task{};
  };
  ThreadPool& pool_;
  std::unique_ptr<Slot[]> slots_;
  std::size_t count_ = 0;
  Sharing last_;
};

}  // namespace wisk::device
