#pragma once
// One float as a type of lanes, so that the templates of device/cpu (exp, tanh, the activations) run in
// kernels too and give the CPU's bits.

#include <bit>
#include <cmath>
#include <cstdint>

namespace wisk::device::cuda {

/// The operations of device/cpu/lanes.hpp that elementwise functions need. Stateless.
struct ScalarLane {
  using Vector = float;
  static __host__ __device__ float set1(float x) { return x; }
  static __host__ __device__ float fma(float a, float b, float c) { return fmaf(a, b, c); }
  static __host__ __device__ float add(float a, float b) { return a + b; }
  static __host__ __device__ float sub(float a, float b) { return a - b; }
  static __host__ __device__ float mul(float a, float b) { return a * b; }
  static __host__ __device__ float div(float a, float b) { return a / b; }
  static __host__ __device__ float max(float a, float b) { return a > b ? a : b; }
  static __host__ __device__ float min(float a, float b) { return a < b ? a : b; }
  static __host__ __device__ float abs(float a) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(a) & 0x7fffffffu);
  }
  static __host__ __device__ float with_sign(float magnitude, float s) {
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) |
                                (std::bit_cast<std::uint32_t>(s) & 0x80000000u));
  }
  static __host__ __device__ float select_less(float a, float b, float x, float y) { return a < b ? x : y; }
  static __host__ __device__ float power_of_two(float n) {
    const bool in_range = n >= -126.0f && n <= 127.0f;  // false for a NaN
    return in_range ? std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23) : 1.0f;
  }
};

}  // namespace wisk::device::cuda
