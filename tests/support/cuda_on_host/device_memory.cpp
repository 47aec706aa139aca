// Device memory of the emulator: each allocation a block of the heap, so that AddressSanitizer knows where it
// ends, and closed to the host except while a kernel or a copy runs.

#include "device_memory.hpp"

#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include <wisk/core/error.hpp>

#include "host_device.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace wisk::test::cuda_on_host {
namespace {

std::size_t total_bytes = std::size_t{1} << 30;
std::size_t unseen_bytes = 0;  // of another process
int open_count = 0;            // of DeviceMemoryOpen that live

std::map<const std::byte*, std::size_t>& blocks() {
  static std::map<const std::byte*, std::size_t> all;
  return all;
}

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

Place place_of(const void* data, std::size_t bytes) {
  const auto* begin = static_cast<const std::byte*>(data);
  auto block = blocks().upper_bound(begin);
  if (block == blocks().begin()) return Place::kHost;
  --block;
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
