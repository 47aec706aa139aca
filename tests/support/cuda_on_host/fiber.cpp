#include "fiber.hpp"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(CUDA_ON_HOST_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace wisk::test::cuda_on_host {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

namespace {

#if defined(__SANITIZE_ADDRESS__)
void before_switch(void** fake, const void* bottom, std::size_t size) {
  __sanitizer_start_switch_fiber(fake, bottom, size);
}
void after_switch(void* fake, const void** bottom, std::size_t* size) {
  __sanitizer_finish_switch_fiber(fake, bottom, size);
}
void unpoison(const void* memory, std::size_t size) {
  __asan_unpoison_memory_region(memory, size);
}
#else
void unpoison(const void*, std::size_t) {}
void before_switch(void**, const void*, std::size_t) {}
void after_switch(void*, const void**, std::size_t*) {}
#endif

#if defined(CUDA_ON_HOST_TSAN)
void* make_thread() {
  return __tsan_create_fiber(0);
}
void end_thread(void* thread) {
  __tsan_destroy_fiber(thread);
}
void* this_thread() {
  return __tsan_get_current_fiber();
}
void to_thread(void* thread, bool in_order = false) {
  __tsan_switch_to_fiber(thread, in_order ? 0 : __tsan_switch_to_fiber_no_sync);
}
/// Another thread for one that never ended, after it in order.
void* renewed_thread(void* thread) {
  void* self = this_thread();
  to_thread(thread);
  to_thread(self, true);
  end_thread(thread);
  return make_thread();
}
#else
void* renewed_thread(void*) {
  return nullptr;
}
void* make_thread() {
  return nullptr;
}
void end_thread(void*) {}
void* this_thread() {
  return nullptr;
}
void to_thread(void*, bool = false) {}
#endif

}  // namespace

#if defined(CUDA_ON_HOST_TSAN)
void release(void* tag) {
  __tsan_release(tag);
}
void acquire(void* tag) {
  __tsan_acquire(tag);
}
bool every_thread_needs_its_own_stack() {
  return true;
}
#else
void release(void*) {}
void acquire(void*) {}
bool every_thread_needs_its_own_stack() {
  return false;
}
#endif

FiberStack::FiberStack() {
  void* memory = mmap(nullptr, kGuard + kSize, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, kGuard, PROT_NONE) != 0) {
    std::perror("stack of a fiber");
    std::abort();
  }
  memory_ = static_cast<std::byte*>(memory);
  sanitizer_thread_ = make_thread();
}

FiberStack::~FiberStack() {
  end_thread(sanitizer_thread_);
  munmap(memory_, kGuard + kSize);
}

void FiberStack::abandon() {
  unpoison(bottom(), kSize);
  sanitizer_thread_ = renewed_thread(sanitizer_thread_);
}

void Fiber::start(FiberStack& stack, void (*function)(void*), void* argument) {
  stack_ = &stack;
  function_ = function;
  argument_ = argument;
  started_ = false;
  inside_ = make_fcontext(stack.top(), FiberStack::kSize, &Fiber::begin);
}

void Fiber::begin(transfer_t from) {
  Fiber& fiber = *static_cast<Fiber*>(from.data);
  fiber.outside_ = from.fctx;
  after_switch(nullptr, &fiber.outside_bottom_, &fiber.outside_size_);
  fiber.function_(fiber.argument_);
  std::abort();
}

void Fiber::enter() {
  void* fake = nullptr;
  outside_thread_ = this_thread();
  before_switch(&fake, stack_->bottom(), FiberStack::kSize);
  to_thread(stack_->sanitizer_thread(), !started_);  // what was done before the start is seen by the fiber
  started_ = true;
  inside_ = jump_fcontext(inside_, this).fctx;
  after_switch(fake, nullptr, nullptr);
}

void Fiber::leave(bool last) {
  void* fake = nullptr;
  before_switch(last ? nullptr : &fake, outside_bottom_, outside_size_);
  to_thread(outside_thread_);
  outside_ = jump_fcontext(outside_, nullptr).fctx;
  after_switch(fake, &outside_bottom_, &outside_size_);
}

}  // namespace wisk::test::cuda_on_host
