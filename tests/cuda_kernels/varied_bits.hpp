#pragma once
// Tensors of random bits.

#include <wisk/core/dtype.hpp>
#include <wisk/core/philox.hpp>

#include "fixture.hpp"

namespace wisk::test {

using Bytes = Shifted<std::byte>;

/// Random bits: every exponent, denormals, infinities and NaNs among them; `shift` elements off 16 bytes.
inline Bytes random_bits(DType type, std::size_t count, std::size_t shift, std::uint32_t seed) {
  Bytes data(count * size_of(type), shift * size_of(type));
  std::byte* to = data.data();
  for (std::size_t i = 0; i < count * size_of(type); i += 2) {
    const std::uint32_t word = philox4x32({static_cast<std::uint32_t>(i), seed, 0, 0}, {7, 11})[0];
    std::memcpy(to + i, &word, 2);
  }
  return data;
}

}  // namespace wisk::test
