#include "thread_pool.hpp"

#include <pthread.h>
#include <sched.h>

#include "flush_denormals.hpp"

namespace wisk::device {

namespace {

// A region of a decode step lasts some microseconds: waiting threads look that long before they sleep, so
// that the next region starts at once, and yield in between, so that ranks may outnumber cores.
constexpr int kLooks = 2000;
constexpr int kLooksBetweenYields = 200;

template <class Done>
bool spin_until(const Done& done) {
  for (int look = 1; look <= kLooks; ++look) {
    if (done()) return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
    if (look % kLooksBetweenYields == 0) std::this_thread::yield();
  }
  return done();
}

void pin_to(int core) {
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(core), &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);  // a refusal costs speed only
}

}  // namespace

struct ThreadPool::Affinity {
  cpu_set_t set;
};

ThreadPool::ThreadPool(const std::vector<int>& cores) {
  if (cores.size() > 1 && cores[0] >= 0) {  // a single-threaded rank stays where its launcher put it
    auto before = std::make_unique<Affinity>();
    if (pthread_getaffinity_np(pthread_self(), sizeof before->set, &before->set) == 0)
      callers_ = std::move(before);
    pin_to(cores[0]);
  }
  for (std::size_t i = 1; i < cores.size(); ++i) {
    threads_.emplace_back([this, i, core = cores[i]] { work(static_cast<int>(i), core); });
  }
}

ThreadPool::~ThreadPool() {
  ending_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  if (callers_ != nullptr) pthread_setaffinity_np(pthread_self(), sizeof callers_->set, &callers_->set);
}

void ThreadPool::work(int member, int core) {
  pin_to(core);
  std::uint32_t seen = 0;
  for (;;) {
    const auto started = [&] { return generation_.load(std::memory_order_acquire) != seen; };
    if (!spin_until(started)) generation_.wait(seen, std::memory_order_acquire);
    if (!started()) continue;
    ++seen;
    if (ending_) return;
    {
      const FlushDenormals mode(flush_denormals_);
      call_(task_, member);
    }
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
  }
}

void ThreadPool::run_call(Call call, const void* task, bool flush_denormals) {
  const FlushDenormals mode(flush_denormals);
  if (threads_.empty()) return call(task, 0);
  call_ = call;
  task_ = task;
  flush_denormals_ = flush_denormals;
  running_.store(static_cast<std::int32_t>(threads_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  call(task, 0);
  const auto done = [this] { return running_.load(std::memory_order_acquire) == 0; };
  while (!spin_until(done)) {
    const std::int32_t left = running_.load(std::memory_order_acquire);
    if (left != 0) running_.wait(left, std::memory_order_acquire);
  }
}

void ThreadPool::barrier() {
  if (threads_.empty()) return;
  const std::uint32_t before = barriers_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == static_cast<std::int32_t>(threads_.size())) {
    arrived_.store(0, std::memory_order_relaxed);
    barriers_.fetch_add(1, std::memory_order_release);
    barriers_.notify_all();
    return;
  }
  const auto open = [&] { return barriers_.load(std::memory_order_acquire) != before; };
  while (!spin_until(open)) barriers_.wait(before, std::memory_order_acquire);
}

}  // namespace wisk::device
