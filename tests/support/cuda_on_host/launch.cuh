#pragma once
// Twin of src/device/cuda/gpu/launch.cuh: the grid runs on the host, in the order of its stream.

#include <cstddef>
#include <tuple>
#include <type_traits>

#include <stream.hpp>

#include "cpu/flush_denormals.hpp"
#include "device_memory.hpp"
#include "grid.hpp"

namespace wisk::device::cuda {

struct NoShared {};

namespace host_launch {

template <class Argument>
void check(Argument argument) {
  __builtin_clear_padding(&argument);  // anything may stand there
  test::cuda_on_host::check_argument(&argument, sizeof argument);
}

template <class Shared, class... Parameters>
void start(bool flush_denormals, void (*kernel)(Parameters...), unsigned blocks, unsigned threads,
           Stream stream, std::type_identity_t<Parameters>... arguments) {
  constexpr std::size_t bytes = std::is_empty_v<Shared> ? 0 : sizeof(Shared);
  if (blocks == 0) return;
  (check(arguments), ...);
  test::cuda_on_host::submit(stream, [=] {
    const FlushDenormals mode(flush_denormals);
    const auto thread = [&] { kernel(arguments...); };
    const auto run = [](const void* argument) { (*static_cast<decltype(&thread)>(argument))(); };
    test::cuda_on_host::run_grid(blocks, threads, bytes, run, &thread);
  });
}

}  // namespace host_launch

template <class Shared, class... Parameters>
void launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Stream stream,
            std::type_identity_t<Parameters>... arguments) {
  host_launch::start<Shared>(true, kernel, blocks, threads, stream, arguments...);
}

template <class Shared, class... Parameters>
void launch_with_denormals(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Stream stream,
                           std::type_identity_t<Parameters>... arguments) {
  host_launch::start<Shared>(false, kernel, blocks, threads, stream, arguments...);
}

template <class Shared>
Shared& block_shared() {
  return *static_cast<Shared*>(test::cuda_on_host::block_memory());
}

}  // namespace wisk::device::cuda
