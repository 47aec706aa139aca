#pragma once
// 16 bytes at once, or 8.

#include <bit>
#include <cstddef>
#include <cstdint>

namespace wisk::device::cuda {

/// One access of 16 bytes: four words, or eight elements of 16 bits with the even ones in the lower halves.
struct alignas(16) Words {
  std::uint32_t word[4];
};

struct alignas(16) Floats {
  float value[4];
};

/// The same of 8 bytes.
struct alignas(8) TwoWords {
  std::uint32_t word[2];
};

struct alignas(8) TwoFloats {
  float value[2];
};

inline bool aligned_to(const void* data, std::size_t bytes) {
  return std::bit_cast<std::uintptr_t>(data) % bytes == 0;
}

/// Whether the address has the alignment of a 16-byte access.
inline bool takes_vectors(const void* data) {
  return aligned_to(data, sizeof(Words));
}

}  // namespace wisk::device::cuda
