#pragma once
// A fiber on a stack of its own, known to the sanitizers. Nothing here is instrumented by ThreadSanitizer:
// this code runs in several of its threads without order.

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>

namespace wisk::test::cuda_on_host {

/// A stack that may be used again and again, with a page below it that may not be touched. Under
/// ThreadSanitizer also a thread in its eyes. Owns both; stays where it is.
class FiberStack {
 public:
  FiberStack();
  ~FiberStack();
  FiberStack(const FiberStack&) = delete;
  FiberStack& operator=(const FiberStack&) = delete;
  /// Forgets the fiber that was left on it; what it did is done before what the caller does next.
  void abandon();
  [[nodiscard]] std::byte* top() const { return memory_ + kGuard + kSize; }
  [[nodiscard]] std::byte* bottom() const { return memory_ + kGuard; }
  [[nodiscard]] void* sanitizer_thread() const { return sanitizer_thread_; }

  static constexpr std::size_t kGuard = 4096, kSize = 252 * 1024;

 private:
  std::byte* memory_ = nullptr;
  void* sanitizer_thread_ = nullptr;
};

/// A function on a FiberStack, entered and left by turns. It may be abandoned: nothing is unwound.
class Fiber {
 public:
  /// `function(argument)` must end with leave(), and not return.
  void start(FiberStack& stack, void (*function)(void*), void* argument);
  /// From outside: goes on where the fiber left; returns when it leaves again.
  void enter();
  /// From inside. `last`: it is not entered again.
  void leave(bool last = false);

 private:
  static void begin(boost::context::detail::transfer_t from);

  FiberStack* stack_ = nullptr;
  boost::context::detail::fcontext_t inside_ = nullptr, outside_ = nullptr;
  void (*function_)(void*) = nullptr;
  void* argument_ = nullptr;
  bool started_ = false;
  // Of AddressSanitizer (the stack outside) and ThreadSanitizer (the thread outside).
  const void* outside_bottom_ = nullptr;
  std::size_t outside_size_ = 0;
  void* outside_thread_ = nullptr;
};

/// What is done before release(tag) is seen after acquire(tag): an order for ThreadSanitizer.
void release(void* tag);
void acquire(void* tag);

/// Whether every thread of a grid needs a stack of its own, or only those of a block.
bool every_thread_needs_its_own_stack();

}  // namespace wisk::test::cuda_on_host
