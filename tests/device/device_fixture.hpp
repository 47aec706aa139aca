#pragma once
// Devices by the name of their kernels, and tensors for them.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <wisk/core/error.hpp>
#include <wisk/device/device.hpp>

namespace wisk::test {

inline constexpr double kEpsilon = 0x1p-24;  ///< unit roundoff of f32

/// nullptr where this processor cannot run them.
inline std::unique_ptr<device::Device> device_with(const std::string& kernels, int threads = 1) {
  try {
    return device::make_cpu_device({.threads = threads, .kernels = kernels});
  } catch (const EnvironmentError&) {
    return nullptr;
  }
}

inline std::vector<float> random_floats(std::size_t count, unsigned seed, float low = -1, float high = 1) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = low + (high - low) * static_cast<float>(random() >> 8) * 0x1p-24f;
  }
  return values;
}

inline float rounded_to(DType type, float value) {
  if (type == DType::kBFloat16) return round_to_bf16(value);
  return type == DType::kFloat16 ? f16_to_float(float_to_f16(value)) : value;
}

/// Host tensor of `type`; the values are rounded to it, in place too.
inline std::vector<std::byte> host_tensor(DType type, std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * size_of(type));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = rounded_to(type, values[i]);
    std::uint32_t bits = std::bit_cast<std::uint32_t>(values[i]);
    if (type == DType::kBFloat16) bits = float_to_bf16(values[i]);
    if (type == DType::kFloat16) bits = float_to_f16(values[i]);
    std::memcpy(bytes.data() + i * size_of(type), &bits, size_of(type));
  }
  return bytes;
}

/// A packed matrix of `values` [rows, columns], which are rounded to `type` in place.
inline device::PackedMatrix packed(device::Device& device, DType type, std::int64_t rows,
                                   std::int64_t columns, std::vector<float>& values) {
  device::PackedMatrix matrix = device.allocate_matrix(type, rows, columns);
  const std::vector<std::byte> bytes = host_tensor(type, values);
  const device::BlendInput inputs[] = {{bytes.data(), type, 1.0}};
  device.blend_matrix(matrix, inputs, {0, 0, columns}, type);
  return matrix;
}

/// Rotates rows of x [T, heads, D] in place: row t by angles[t] of `angles` [T, 2, D/2]. Its keys and values
/// are one head of nothing.
inline void rotate(device::Device& device, std::vector<float>& x, std::int64_t heads, std::int64_t dim,
                   const std::vector<float>& angles, device::Compute rounding) {
  const auto tokens = static_cast<std::int64_t>(angles.size()) / dim;
  device::AttentionShape shape;
  shape.heads = static_cast<int>(heads);
  shape.kv_heads = 1;
  shape.head_dim = static_cast<int>(dim);
  device::KvCache cache;
  cache.layers = cache.kv_heads = cache.pages = 1;
  cache.head_dim = shape.head_dim;
  cache.data = device.allocate(cache.page_bytes());
  std::vector<float> none(static_cast<std::size_t>(tokens * dim));
  std::vector<std::int32_t> positions(static_cast<std::size_t>(tokens));
  std::iota(positions.begin(), positions.end(), 0);
  const std::vector<std::int32_t> page_rows(positions.size(), 0), pages = {0};
  device.rotate_and_store(shape, x.data(), none.data(), none.data(), angles.data(), rounding, 0,
                          {positions, positions, page_rows, pages}, cache, x.data());
}

/// Stores k and v [T, G, D] of the step as they are: rotated by nothing.
inline void store_kv(device::Device& device, const float* k, const float* v, int layer,
                     const device::StepTokens& step, device::KvCache& cache) {
  device::AttentionShape shape;
  shape.heads = shape.kv_heads = cache.kv_heads;
  shape.head_dim = cache.head_dim;
  const auto dim = static_cast<std::size_t>(cache.head_dim);
  const std::size_t count = step.ids.size() * static_cast<std::size_t>(cache.kv_heads) * dim;
  std::vector<float> q(count), keys(k, k + count), angles;
  const std::int32_t last = step.size() == 0 ? 0 : std::ranges::max(step.positions);
  for (std::int32_t p = 0; p <= last; ++p) {
    angles.insert(angles.end(), dim / 2, 1.0f);
    angles.insert(angles.end(), dim / 2, 0.0f);
  }
  device.rotate_and_store(shape, q.data(), keys.data(), v, angles.data(), device::Compute::kFloat32, layer,
                          step, cache, q.data());
}

inline std::uint32_t bits_of(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Parameterised over the kernels: `device_` is one thread of them, `threaded_` three.
class OverKernels : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    device_ = device_with(GetParam());
    threaded_ = device_with(GetParam(), 3);
    if (device_ == nullptr) GTEST_SKIP() << "this processor cannot run " << GetParam();
  }
  std::unique_ptr<device::Device> device_, threaded_;
};

}  // namespace wisk::test
