#pragma once
// Twin of src/device/cuda/gpu/launch.cuh: the grid runs here and now.

#include <cstddef>
#include <cstring>
#include <tuple>
#include <type_traits>

#include "grid.hpp"

namespace wisk::device::cuda {

struct Stream {};

struct NoShared {};

template <class Shared, class... Parameters>
void launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Stream /*stream*/,
            std::type_identity_t<Parameters>... arguments) {
  constexpr std::size_t bytes = std::is_empty_v<Shared> ? 0 : sizeof(Shared);
  const auto thread = [&] { kernel(arguments...); };
  const auto run = [](const void* argument) { (*static_cast<decltype(&thread)>(argument))(); };
  if (blocks != 0) test::cuda_on_host::run_grid(blocks, threads, bytes, run, &thread);
}

template <class Shared>
Shared& block_shared() {
  return *static_cast<Shared*>(test::cuda_on_host::block_memory());
}

inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes, Stream /*stream*/) {
  std::memcpy(to, from, bytes);
}

}  // namespace wisk::device::cuda
