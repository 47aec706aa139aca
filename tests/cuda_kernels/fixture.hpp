#pragma once
// Which sanitizer looks on, tensors anywhere in memory, and tests in every order of the threads.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "grid.hpp"

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
      : memory_(new (std::align_val_t{16}) std::byte[(shift + count) * sizeof(T)]()),
        data_(reinterpret_cast<T*>(memory_.get()) + shift, count) {}
  Shifted(std::span<const T> values, std::size_t shift) : Shifted(values.size(), shift) {
    std::copy(values.begin(), values.end(), data_.begin());
  }
  [[nodiscard]] T* data() const { return data_.data(); }
  [[nodiscard]] std::vector<T> values() const { return {data_.begin(), data_.end()}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { operator delete[](memory, std::align_val_t{16}); }
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

class InThreadOrder : public ::testing::TestWithParam<cuda_on_host::ThreadOrder> {
 protected:
  cuda_on_host::WithThreadOrder order_{GetParam()};
};

inline constexpr cuda_on_host::ThreadOrder kThreadOrders[] = {cuda_on_host::ThreadOrder::kForward,
                                                              cuda_on_host::ThreadOrder::kReverse,
                                                              cuda_on_host::ThreadOrder::kShuffled};

inline std::string name_of_order(const ::testing::TestParamInfo<cuda_on_host::ThreadOrder>& order) {
  static constexpr const char* kNames[] = {"forward", "reverse", "shuffled"};
  return kNames[static_cast<int>(order.param)];
}

}  // namespace wisk::test
