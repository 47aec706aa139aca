#pragma once
// Sequences in a paged cache, for tests of what reads and writes it.

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include <wisk/device/device.hpp>

#include "cuda/step.hpp"
#include "fixture.hpp"

namespace wisk::test {

inline constexpr int kLayers = 2, kLayer = 1;

/// A cache whose memory ends where a Shifted does.
struct TestCache {
  Shifted<std::byte> memory;
  device::KvCache cache;

  TestCache(DType dtype, int kv_heads, int head_dim, int pages)
      : memory(device_bytes(dtype, kv_heads, head_dim, pages)) {
    describe(cache, dtype, kv_heads, head_dim, pages);
    cache.data = device::Buffer(memory.data(), cache.page_bytes() * static_cast<std::size_t>(pages),
                                [](std::byte*, std::size_t) {});
    std::memset(memory.data(), 0xff, cache.data.bytes());  // NaNs
  }

  static void describe(device::KvCache& cache, DType dtype, int kv_heads, int head_dim, int pages) {
    cache.dtype = dtype;
    cache.layers = kLayers;
    cache.kv_heads = kv_heads;
    cache.head_dim = head_dim;
    cache.pages = pages;
  }
  static std::size_t device_bytes(DType dtype, int kv_heads, int head_dim, int pages) {
    device::KvCache cache;
    describe(cache, dtype, kv_heads, head_dim, pages);
    return cache.page_bytes() * static_cast<std::size_t>(pages);
  }
};

/// One token of a step: position `position` of sequence `sequence`; negative: padding.
struct TokenAt {
  int sequence, position;
};

/// Page tables of several sequences.
struct Tables {
  std::vector<std::int32_t> pages, rows;

  explicit Tables(const std::vector<std::vector<std::int32_t>>& tables) {
    for (const auto& table : tables) {
      rows.push_back(static_cast<std::int32_t>(pages.size()));
      pages.insert(pages.end(), table.begin(), table.end());
    }
  }
};

/// A step's arrays, for kernels and for the CPU (padding left out).
struct TestStep {
  Shifted<std::int32_t> device_ids, device_positions, device_rows, device_pages;
  int tokens;
  std::vector<std::int32_t> ids, positions, rows, pages;
  std::vector<std::size_t> at;  // where the CPU's tokens are among all

  TestStep(const Tables& tables, const std::vector<TokenAt>& list)
      : device_ids(list.size()),
        device_positions(list.size()),
        device_rows(list.size()),
        device_pages(tables.pages, 0),
        tokens(static_cast<int>(list.size())),
        pages(tables.pages) {
    for (std::size_t t = 0; t < list.size(); ++t) {
      const bool padding = list[t].position < 0;
      // Of padding nothing but the position may be used.
      device_positions.data()[t] = padding ? -1 : list[t].position;
      device_rows.data()[t] = padding ? 1 << 28 : tables.rows[static_cast<std::size_t>(list[t].sequence)];
      device_ids.data()[t] = 0;
      if (padding) continue;
      at.push_back(t);
      ids.push_back(0);
      positions.push_back(list[t].position);
      rows.push_back(tables.rows[static_cast<std::size_t>(list[t].sequence)]);
    }
  }
  [[nodiscard]] device::cuda::Step on_device() const {
    return {device_ids.data(), device_positions.data(), device_rows.data(), device_pages.data(), tokens};
  }
  [[nodiscard]] device::StepTokens on_cpu() const { return {ids, positions, rows, pages}; }
};

/// Ordinary numbers in (-limit, limit), with some zeros and denormals.
inline std::vector<float> some_floats(std::size_t count, unsigned seed, float limit) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = (static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f) * limit;
    if (random() % 64 == 0) value = random() % 2 == 0 ? -0.0f : 0x1p-130f;
  }
  return values;
}

inline std::vector<std::uint16_t> as_bf16(const std::vector<float>& values) {
  std::vector<std::uint16_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), float_to_bf16);
  return bits;
}

}  // namespace wisk::test
