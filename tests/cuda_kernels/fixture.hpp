#pragma once
// Which sanitizer looks on, tensors anywhere in memory that kernels and the host see, and tests in every
// order of the threads. The same tests run on the emulator and on a GPU: what differs is in <target.hpp>.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <wisk/device/packed_matrix.hpp>

#include <target.hpp>

namespace wisk::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

/// `count` elements that begin `shift` elements behind a multiple of 16 bytes and end where the allocation
/// does.
template <class T>
class Shifted {
 public:
  explicit Shifted(std::size_t count, std::size_t shift = 0)
      : memory_(allocate_for_kernels((shift + count) * sizeof(T), kAlignment)),
        data_(reinterpret_cast<T*>(memory_.get()) + shift, count) {}
  Shifted(std::span<const T> values, std::size_t shift) : Shifted(values.size(), shift) {
    std::copy(values.begin(), values.end(), data_.begin());
  }
  /// Before it is read by the host, all kernels must have ended: what this waits for.
  [[nodiscard]] T* data() const {
    wait_for_kernels();
    return data_.data();
  }
  [[nodiscard]] std::vector<T> values() const {
    wait_for_kernels();
    return {data_.begin(), data_.end()};
  }

 private:
  static constexpr std::size_t kAlignment = 16;
  struct Free {
    void operator()(std::byte* memory) const { free_for_kernels(memory, kAlignment); }
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::span<T> data_;
};

/// Everything a float can be, denormals, infinities and NaNs among them, but mostly ordinary numbers.
inline std::vector<float> varied_floats(std::size_t count, unsigned seed) {
  static constexpr std::uint32_t kSpecial[] = {0u,          0x80000000u, 1u,          0x807fffffu,
                                               0x00800000u, 0x7f7fffffu, 0x7f800000u, 0xff800000u,
                                               0x7fc00001u, 0xff812345u};
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = (static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f) * 12.0f;
    if (random() % 16 == 0) std::memcpy(&value, &kSpecial[random() % std::size(kSpecial)], sizeof value);
  }
  return values;
}

/// Equal bits, or both NaN.
inline bool same_number(float a, float b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

/// Zero-filled memory that kernels and the host see: for parts of matrices, caches and the like.
inline device::Buffer buffer_for_kernels(std::size_t bytes) {
  constexpr std::size_t kAlignment = 64;  // as the CPU's
  return {allocate_for_kernels(bytes, kAlignment), bytes,
          [](std::byte* memory, std::size_t /*bytes*/) { free_for_kernels(memory, kAlignment); }};
}

/// The same bytes where kernels see them.
inline device::Buffer for_kernels(const device::Buffer& buffer) {
  device::Buffer copy = buffer_for_kernels(buffer.bytes());
  std::copy_n(buffer.data(), buffer.bytes(), copy.data());
  return copy;
}

inline device::PackedMatrix for_kernels(const device::PackedMatrix& matrix) {
  return {matrix.dtype, matrix.rows, matrix.columns, for_kernels(matrix.data)};
}

/// How far the sum of `terms` products, whose absolute values add up to `magnitude`, may be from the CPU's on
/// a GPU. The CPU's chain of fused operations is off by at most terms * 2^-24 * magnitude. A tensor core cuts
/// each of the products and sums that it adds at once to the last place of their largest: at most 2^-23 of
/// `magnitude` each, 17 for 16 products.
inline double bound_of_sum(std::int64_t terms, double magnitude) {
  return 0x1p-22 * static_cast<double>(terms + 1) * magnitude;
}

/// The same numbers where kernels see them; none where there are none, so that data() may be a null pointer.
template <class T>
class OptionalForKernels {
 public:
  explicit OptionalForKernels(const std::vector<T>& values) : values_(values, 0), none_(values.empty()) {}
  [[nodiscard]] T* data() const { return none_ ? nullptr : values_.data(); }

 private:
  Shifted<T> values_;
  bool none_;
};

class InThreadOrder : public ::testing::TestWithParam<ThreadOrder> {
 protected:
  WithThreadOrder order_{GetParam()};
};

/// The orders to test in. ThreadSanitizer sees races whatever the order is, and takes long.
inline std::vector<ThreadOrder> thread_orders() {
  std::vector<ThreadOrder> orders(std::begin(kThreadOrders), std::end(kThreadOrders));
  if (kThreadSanitizer) orders.erase(orders.begin(), orders.end() - 1);
  return orders;
}

inline std::string name_of_order(const ::testing::TestParamInfo<ThreadOrder>& order) {
  return name_of(order.param);
}

}  // namespace wisk::test
