#include "grid.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "async_copies.hpp"
#include "fiber.hpp"

namespace wisk::test::cuda_on_host {

Current current;

namespace {

constexpr unsigned kWarp = 32;
constexpr unsigned kTags = 16;

enum class State { kReady, kWaiting, kEnded };

/// Why a thread waits.
struct Wait {
  const char* operation = "";
  std::source_location where;
  bool of_block = false;
  unsigned mask = 0;  // lanes of its warp
  std::uint64_t value = 0;
  void (*together)(void* const*) = nullptr;  // called with `own` of all lanes
  void* own = nullptr;
  char* tag = nullptr;  // of the order that the operation makes

  [[nodiscard]] bool meets(const Wait& other) const {
    return of_block == other.of_block && mask == other.mask && where.line() == other.where.line() &&
           std::strcmp(where.file_name(), other.where.file_name()) == 0 &&
           std::strcmp(operation, other.operation) == 0;
  }
};

struct Thread {
  Fiber fiber;
  State state = State::kReady;
  Wait wait;
  std::array<std::uint64_t, kWarp> seen{};  // values of the last exchange
};

/// Places whose addresses stand for an order of two threads. A barrier that follows another uses another tag,
/// or threads still to leave the first would be ordered by what is released at the second.
struct Tags {
  char tags[kTags];
  unsigned used;
  [[nodiscard]] char* next() { return &tags[used++ % kTags]; }
};

/// The running grid. Threads (fibers) touch it only through plain members and arrays: see Fiber.
struct Grid {
  void (*function)(const void*) = nullptr;
  const void* argument = nullptr;
  Thread* threads = nullptr;  // [count] of the running block
  unsigned count = 0;
  unsigned running = 0;  // index in the block
  void* shared = nullptr;
  const char* failure = nullptr;  // what a thread found wrong itself
  std::source_location failure_where = {};
  Tags block_tags = {};
  Tags* warp_tags = nullptr;  // [count / kWarp, rounded up]
  char end_tag = 0;
};
Grid grid;
ThreadOrder thread_order = ThreadOrder::kForward;

Dim3 position(unsigned index, const Dim3& size) {
  return {index % size.x, index / size.x % size.y, index / size.x / size.y};
}

void run_thread(void* thread) {
  grid.function(grid.argument);
  static_cast<Thread*>(thread)->state = State::kEnded;
  release(&grid.end_tag);
  static_cast<Thread*>(thread)->fiber.leave(true);
}

/// Of the running thread: waits, and is woken by complete_block() or complete_warp().
Thread& wait(const Wait& why) {
  Thread& self = grid.threads[grid.running];
  self.wait = why;
  self.state = State::kWaiting;
  self.fiber.leave();
  return self;
}

unsigned lane_of(unsigned thread) {
  return thread % kWarp;
}

void check_own_lane(unsigned mask, const std::source_location& where) {
  if ((mask >> lane_of(grid.running) & 1u) == 0) fail("its own lane is not in the mask", where);
}

/// The tag of the operation that the running thread is about to wait in: that of a thread which waits in it
/// already, or a new one.
char* tag_of(const Wait& wait, Tags& tags) {
  const unsigned first = wait.of_block ? 0 : grid.running / kWarp * kWarp;
  const unsigned last = wait.of_block ? grid.count : std::min(first + kWarp, grid.count);
  for (unsigned t = first; t < last; ++t) {
    const Thread& thread = grid.threads[t];
    if (thread.state == State::kWaiting && thread.wait.meets(wait)) return thread.wait.tag;
  }
  return tags.next();
}

/// Waits; what all who wait in this operation did before is seen after it.
void wait_in_order(Wait why, Tags& tags) {
  why.tag = tag_of(why, tags);
  release(why.tag);
  wait(why);
  acquire(why.tag);
}

/// The thread whose absence keeps `waiting` where it is; grid.count if there is none.
unsigned missing_for(unsigned waiting) {
  const Wait& wait = grid.threads[waiting].wait;
  const unsigned first = wait.of_block ? 0 : waiting / kWarp * kWarp;
  const unsigned last = wait.of_block ? grid.count : std::min(first + kWarp, grid.count);
  for (unsigned t = first; t < last; ++t) {
    if (!wait.of_block && (wait.mask >> lane_of(t) & 1u) == 0) continue;
    const Thread& thread = grid.threads[t];
    if (thread.state != State::kWaiting || !thread.wait.meets(wait)) return t;
  }
  return grid.count;
}

void complete_block() {
  for (unsigned t = 0; t < grid.count; ++t) grid.threads[t].state = State::kReady;
}

void complete_together(unsigned first, void (*operation)(void* const*)) {
  void* lanes[kWarp];
  for (unsigned l = 0; l < kWarp; ++l) {
    lanes[l] = grid.threads[first + l].wait.own;
    grid.threads[first + l].state = State::kReady;
  }
  operation(lanes);
}

void complete_warp(unsigned waiting) {
  const Wait wait = grid.threads[waiting].wait;
  const unsigned first = waiting / kWarp * kWarp;
  if (wait.together != nullptr) return complete_together(first, wait.together);
  std::array<std::uint64_t, kWarp> values{};
  for (unsigned t = first; t < std::min(first + kWarp, grid.count); ++t) {
    if ((wait.mask >> lane_of(t) & 1u) != 0) values[lane_of(t)] = grid.threads[t].wait.value;
  }
  for (unsigned t = first; t < std::min(first + kWarp, grid.count); ++t) {
    if ((wait.mask >> lane_of(t) & 1u) == 0) continue;
    grid.threads[t].seen = values;
    grid.threads[t].state = State::kReady;
  }
}

std::string place(const std::source_location& where) {
  const std::string file = where.file_name();
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(where.line());
}

std::string waits(unsigned thread) {
  const Thread& t = grid.threads[thread];
  std::string name = "thread " + std::to_string(thread);
  if (t.state == State::kEnded) return name + " has ended";
  return name + " waits in " + t.wait.operation + " at " + place(t.wait.where);
}

[[noreturn]] void throw_failure(unsigned thread, const std::string& problem) {
  throw KernelError("block " + std::to_string(current.block.x) + "," + std::to_string(current.block.y) + "," +
                    std::to_string(current.block.z) + ": " + waits(thread) + ", " + problem);
}

/// Wakes who can go on. Throws where somebody waits and nobody can.
void complete_waits() {
  bool ready = false, waiting = false;
  for (unsigned t = 0; t < grid.count; ++t) {
    if (grid.threads[t].state == State::kWaiting && missing_for(t) == grid.count) {
      if (grid.threads[t].wait.of_block) {
        complete_block();
      } else {
        complete_warp(t);
      }
    }
    ready = ready || grid.threads[t].state == State::kReady;
    waiting = waiting || grid.threads[t].state == State::kWaiting;
  }
  if (ready || !waiting) return;
  for (unsigned t = 0; t < grid.count; ++t) {
    if (grid.threads[t].state == State::kWaiting) throw_failure(t, "but " + waits(missing_for(t)));
  }
}

void enter(unsigned thread) {
  grid.running = thread;
  current.thread = position(thread, current.threads);
  grid.threads[thread].fiber.enter();
  if (grid.failure == nullptr) return;
  throw KernelError("thread " + std::to_string(thread) + ": " + grid.failure + " at " +
                    place(grid.failure_where));
}

/// Another order every time, the same ones in every grid. (Knuth's generator for MMIX; the standard's would
/// be a template that the linker may take from an instrumented file.)
struct Shuffle {
  std::uint64_t state = 1;
  void operator()(std::vector<unsigned>& order) {
    for (std::size_t left = order.size(); left > 1; --left) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      std::swap(order[left - 1], order[(state >> 33) % left]);
    }
  }
};

/// A turn for every thread that is ready, then wakes, until all have ended.
void run_block(Shuffle& shuffle) {
  std::vector<unsigned> order(grid.count);
  std::iota(order.begin(), order.end(), 0u);
  if (thread_order == ThreadOrder::kReverse) std::reverse(order.begin(), order.end());
  bool more = true;
  while (more) {
    if (thread_order == ThreadOrder::kShuffled) shuffle(order);
    for (const unsigned thread : order) {
      if (grid.threads[thread].state == State::kReady) enter(thread);
    }
    complete_waits();
    more = std::any_of(grid.threads, grid.threads + grid.count,
                       [](const Thread& thread) { return thread.state == State::kReady; });
  }
}

/// Stack number `index`. They are kept: making one takes long under ThreadSanitizer.
FiberStack& stack(std::size_t index) {
  static std::vector<std::unique_ptr<FiberStack>> stacks;
  while (stacks.size() <= index) stacks.push_back(std::make_unique<FiberStack>());
  return *stacks[index];
}

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<void, Free>;

/// A block's shared memory, so that AddressSanitizer knows where it ends.
Memory shared_memory(std::size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 16, bytes) != 0) std::abort();
  std::memset(memory, 0xff, bytes);
  return Memory(memory);
}

}  // namespace

WithThreadOrder::WithThreadOrder(ThreadOrder order) : before_(thread_order) {
  thread_order = order;
}

WithThreadOrder::~WithThreadOrder() {
  thread_order = before_;
}

void run_grid(Dim3 blocks, Dim3 threads, std::size_t shared_bytes, void (*thread)(const void*),
              const void* argument) {
  const unsigned count = threads.count();
  std::vector<Tags> warp_tags((count + kWarp - 1) / kWarp);
  std::vector<Memory> shared;  // of all blocks: to ThreadSanitizer, earlier blocks still run
  Shuffle shuffle;
  grid = {.function = thread, .argument = argument, .count = count, .warp_tags = warp_tags.data()};
  current.blocks = blocks;
  current.threads = threads;
  for (unsigned block = 0; block < blocks.count(); ++block) {
    std::vector<Thread> fibers(count);
    grid.threads = fibers.data();
    shared.push_back(shared_memory(shared_bytes));
    grid.shared = shared.back().get();
    current.block = position(block, blocks);
    forget_copies(count);
    const std::size_t first_stack = every_thread_needs_its_own_stack() ? std::size_t{block} * count : 0;
    for (unsigned t = 0; t < count; ++t) {
      fibers[t].fiber.start(stack(first_stack + t), run_thread, &fibers[t]);
    }
    try {
      run_block(shuffle);
    } catch (const KernelError&) {
      for (std::size_t t = 0; t < first_stack + count; ++t) stack(t).abandon();
      throw;
    }
  }
  acquire(&grid.end_tag);
}

void* block_memory() {
  return grid.shared;
}

unsigned running_thread() {
  return grid.running;
}

void fail(const char* failure, const std::source_location& where) {
  grid.failure = failure;
  grid.failure_where = where;
  Thread& self = grid.threads[grid.running];
  self.state = State::kWaiting;
  self.fiber.leave(true);
}

void wait_for_block(const std::source_location& where) {
  wait_in_order({.operation = "__syncthreads", .where = where, .of_block = true}, grid.block_tags);
}

void wait_for_warp(unsigned mask, const std::source_location& where) {
  check_own_lane(mask, where);
  wait_in_order({.operation = "__syncwarp", .where = where, .mask = mask},
                grid.warp_tags[grid.running / kWarp]);
}

Exchange exchange_in_warp(unsigned mask, std::uint64_t value, const char* operation,
                          const std::source_location& where) {
  check_own_lane(mask, where);
  const Thread& self = wait({.operation = operation, .where = where, .mask = mask, .value = value});
  return {self.seen.data(), mask, static_cast<int>(lane_of(grid.running)), where};
}

void warp_together(void (*operation)(void* const*), void* own, const char* name,
                   const std::source_location& where) {
  if (grid.running / kWarp * kWarp + kWarp > grid.count) fail("not all lanes of the warp are there", where);
  wait({.operation = name, .where = where, .mask = 0xffffffffu, .together = operation, .own = own});
}

std::uint64_t value_of_lane(const Exchange& exchange, int lane) {
  if (lane < 0 || lane >= static_cast<int>(kWarp) || (exchange.mask >> lane & 1u) == 0) {
    fail("reads from a lane that takes no part", exchange.where);
  }
  return exchange.values[lane];
}

}  // namespace wisk::test::cuda_on_host
