// Device memory of the emulator: each allocation a block of the heap, so that AddressSanitizer knows where it
// ends, and closed to the host except while a kernel or a copy runs.

#include "device_memory.hpp"

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <new>
#include <sstream>
#include <string>

#include <wisk/core/error.hpp>

#include "grid.hpp"
#include "host_device.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace wisk::test::cuda_on_host {
namespace {

std::size_t total_bytes = std::size_t{1} << 30;
std::size_t unseen_bytes = 0;  // of another process
int open_count = 0;            // of DeviceMemoryOpen that live

using Blocks = std::map<const std::byte*, std::size_t>;

Blocks& blocks() {
  static Blocks all;
  return all;
}

Blocks& shared_blocks() {
  static Blocks all;
  return all;
}

/// The block of `all` that begins at `data` or before it; null where none does.
const Blocks::value_type* block_before(const Blocks& all, const std::byte* data) {
  const auto block = all.upper_bound(data);
  return block == all.begin() ? nullptr : &*std::prev(block);
}

/// Its end counts, too: of an empty array there.
bool is_in(const Blocks& all, const std::byte* data) {
  const auto* block = block_before(all, data);
  return block != nullptr && data <= block->first + block->second;
}

/// Where the heap and the stack of the program's first thread are.
class HostMemory {
 public:
  HostMemory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    mallopt(M_MMAP_MAX, 0);  // all in one heap from now on
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      const bool heap = line.ends_with("[heap]"), stack = line.ends_with("[stack]");
      if (!heap && !stack) continue;
      std::uintptr_t begin = 0, end = 0;
      char dash = 0;
      std::istringstream(line) >> std::hex >> begin >> dash >> end;
      if (heap) heap_ = reinterpret_cast<const std::byte*>(begin);
      if (stack) stack_end_ = reinterpret_cast<const std::byte*>(end);
    }
#endif
  }

  [[nodiscard]] bool holds(const std::byte* data) const {
    const auto* stack = static_cast<const std::byte*>(__builtin_frame_address(0));
    const bool first_thread = ::gettid() == ::getpid();
    if (first_thread && stack_end_ != nullptr && data >= stack && data < stack_end_) return true;
    return heap_ != nullptr && data >= heap_ && data < static_cast<const std::byte*>(::sbrk(0));
  }

 private:
  const std::byte *heap_ = nullptr, *stack_end_ = nullptr;
};

void set_open([[maybe_unused]] const std::byte* data, [[maybe_unused]] std::size_t bytes,
              [[maybe_unused]] bool open) {
#if defined(__SANITIZE_ADDRESS__)
  if (open) {
    __asan_unpoison_memory_region(data, bytes);
  } else {
    __asan_poison_memory_region(data, bytes);
  }
#endif
}

std::string mebibytes(std::size_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

}  // namespace

std::size_t device_bytes() {
  return total_bytes;
}

std::size_t device_bytes_in_use() {
  std::size_t sum = 0;
  for (const auto& [data, bytes] : blocks()) sum += bytes;
  return sum;
}

std::byte* new_device_block(std::size_t bytes) {
  const std::size_t free = total_bytes - device_bytes_in_use() - unseen_bytes;
  if (bytes > free) {
    constexpr std::size_t kAlmostOne = (std::size_t{1} << 20) - 1;
    throw OutOfMemory("GPU memory: expected " + mebibytes(bytes + kAlmostOne) + " more, found " +
                      mebibytes(free) + " free on GPU 0 (emulator)");
  }
  void* memory = nullptr;
  if (posix_memalign(&memory, 256, bytes) != 0) std::abort();
  std::memset(memory, 0, bytes);
  auto* data = static_cast<std::byte*>(memory);
  blocks().emplace(data, bytes);
  set_open(data, bytes, open_count > 0);
  return data;
}

bool delete_device_block(std::byte* data) {
  const auto block = blocks().find(data);
  if (block == blocks().end()) return false;
  set_open(data, block->second, true);
  blocks().erase(block);
  std::free(data);
  return true;
}

std::byte* new_shared_block(std::size_t bytes, std::size_t alignment) {
  auto* data = new (std::align_val_t{alignment}) std::byte[bytes]();
  shared_blocks().emplace(data, bytes);
  return data;
}

void delete_shared_block(std::byte* data, std::size_t alignment) {
  shared_blocks().erase(data);
  operator delete[](data, std::align_val_t{alignment});
}

void check_argument(const void* argument, std::size_t bytes) {
  static const HostMemory host;
  for (std::size_t i = 0; i + sizeof(std::uintptr_t) <= bytes; i += sizeof(std::uintptr_t)) {
    const std::byte* word = nullptr;
    std::memcpy(&word, static_cast<const std::byte*>(argument) + i, sizeof word);
    if (host.holds(word) && !is_in(blocks(), word) && !is_in(shared_blocks(), word))
      throw KernelError("an argument of a kernel has the address of host memory, " + std::to_string(i) +
                        " bytes behind its begin");
  }
}

Place place_of(const void* data, std::size_t bytes) {
  const auto* begin = static_cast<const std::byte*>(data);
  const auto* block = block_before(blocks(), begin);
  if (block == nullptr) return Place::kHost;
  const std::byte* end = block->first + block->second;
  if (begin >= end) return Place::kHost;
  return bytes <= static_cast<std::size_t>(end - begin) ? Place::kDevice : Place::kBeyond;
}

WithDeviceMemory::WithDeviceMemory(std::size_t bytes) : before_(total_bytes) {
  total_bytes = bytes;
}

WithDeviceMemory::~WithDeviceMemory() {
  total_bytes = before_;
}

WithUnseenUse::WithUnseenUse(std::size_t bytes) {
  unseen_bytes = bytes;
}

WithUnseenUse::~WithUnseenUse() {
  unseen_bytes = 0;
}

DeviceMemoryOpen::DeviceMemoryOpen() {
  if (++open_count > 1) return;
  for (const auto& [data, bytes] : blocks()) set_open(data, bytes, true);
}

DeviceMemoryOpen::~DeviceMemoryOpen() {
  if (--open_count > 0) return;
  for (const auto& [data, bytes] : blocks()) set_open(data, bytes, false);
}

}  // namespace wisk::test::cuda_on_host
