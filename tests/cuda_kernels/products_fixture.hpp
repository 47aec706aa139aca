#pragma once
// Matrices, operands and the CPU's answers for the tests of products.

#include <wisk/core/dtype.hpp>
#include <wisk/device/device.hpp>

#include "async_copies.hpp"
#include "cpu/flush_denormals.hpp"
#include "fixture.hpp"
#include "products.hpp"

namespace wisk::test {

using device::PackedMatrix;

/// bf16 numbers as floats.
enum class Numbers {
  kIntegers,  // small: sums are exact
  kRandom,    // normal numbers
  kVaried,    // denormals, infinities and NaNs among them
};

inline std::vector<float> numbers(Numbers kind, std::size_t count, unsigned seed) {
  std::vector<float> values = varied_floats(count, seed);
  std::mt19937 random(seed);
  for (float& value : values) {
    if (kind == Numbers::kIntegers) value = static_cast<float>(static_cast<int>(random() % 9) - 4);
    if (kind == Numbers::kRandom) value = (static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f) * 3.0f;
    value = round_to_bf16(value);
  }
  return values;
}

inline std::uint32_t bits_of(DType dtype, float value) {
  if (dtype == DType::kBFloat16) return float_to_bf16(value);
  if (dtype == DType::kFloat16) return float_to_f16(value);
  return std::bit_cast<std::uint32_t>(value);
}

/// `values` [rows, columns] in the layout of packed_matrix.hpp; ends where its allocation does.
inline PackedMatrix packed(DType dtype, std::int64_t rows, std::int64_t columns,
                           const std::vector<float>& values) {
  constexpr std::int64_t kPanel = PackedMatrix::kPanel;
  const std::size_t bytes = PackedMatrix::bytes_for(dtype, rows, columns);
  PackedMatrix matrix{dtype, rows, columns, buffer_for_kernels(bytes)};
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t k = 0; k < columns; ++k) {
      const std::uint32_t bits = bits_of(dtype, values[static_cast<std::size_t>(r * columns + k)]);
      auto* words = reinterpret_cast<std::uint32_t*>(matrix.panel(r / kPanel));
      if (dtype == DType::kFloat32) {
        words[k * kPanel + r % kPanel] = bits;
      } else {
        words[k / 2 * kPanel + r % kPanel] |= bits << (16 * (k % 2));
      }
    }
  }
  return matrix;
}

/// Where the arrays of a product begin, in elements behind a multiple of 16 bytes, and how much longer than
/// needed their rows are.
struct Placement {
  std::size_t a_shift = 0, out_shift = 0;
  std::int64_t a_more = 0, out_more = 0;
};

/// Activations [rows, columns] for the CPU (floats) and in the kernel's type T. What lies between the rows is
/// NaN; the array ends with the last row's last column.
template <class T>
struct Operand {
  Operand(Numbers kind, std::int64_t rows, std::int64_t columns, const Placement& place, unsigned seed)
      : lda(columns + place.a_more),
        floats(rows == 0 ? 0 : static_cast<std::size_t>((rows - 1) * lda + columns), std::nanf("")),
        device(floats.size(), place.a_shift) {
    const std::vector<float> values = numbers(kind, static_cast<std::size_t>(rows * columns), seed);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto r = static_cast<std::int64_t>(i) / columns, k = static_cast<std::int64_t>(i) % columns;
      floats[static_cast<std::size_t>(r * lda + k)] = values[i];
    }
    update();
  }
  /// After a change of `floats`.
  void update() {
    for (std::size_t i = 0; i < floats.size(); ++i) {
      if constexpr (sizeof(T) == 2) device.data()[i] = float_to_bf16(floats[i]);
      if constexpr (sizeof(T) == 4) device.data()[i] = floats[i];
    }
  }
  std::int64_t lda;
  std::vector<float> floats;
  Shifted<T> device;
};

/// Results [rows, features] of kernel and CPU; all that nobody writes holds the same number.
template <class T>
struct Results {
  Results(std::int64_t rows, std::int64_t features, const Placement& place)
      : ldo(features + place.out_more),
        expected(rows == 0 ? 0 : static_cast<std::size_t>((rows - 1) * ldo + features), 77.0f),
        device(expected.size(), place.out_shift) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if constexpr (sizeof(T) == 2) device.data()[i] = float_to_bf16(77.0f);
      if constexpr (sizeof(T) == 4) device.data()[i] = 77.0f;
    }
  }
  [[nodiscard]] static float number(T value) {
    if constexpr (sizeof(T) == 2) return bf16_to_float(value);
    if constexpr (sizeof(T) == 4) return value;
  }
  [[nodiscard]] float result(std::size_t i) const { return number(device.data()[i]); }
  /// Equal bits, NaNs of any payload.
  void expect_equal() const { expect_near({}); }
  /// Elements that have a bound may be off by so much on a GPU.
  void expect_near(const std::vector<double>& bounds) const {
    const std::vector<T> actual = device.values();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const float value = number(actual[i]);
      const double error = std::abs(static_cast<double>(value) - static_cast<double>(expected[i]));
      const bool near = !kEmulator && i < bounds.size() && (error <= bounds[i] || !(bounds[i] < HUGE_VAL));
      ASSERT_TRUE(near || same_number(value, expected[i]))
          << "row " << static_cast<std::int64_t>(i) / ldo << ", feature "
          << static_cast<std::int64_t>(i) % ldo << ": " << value << ", not " << expected[i];
    }
  }
  std::int64_t ldo;
  std::vector<float> expected;
  Shifted<T> device;
};

/// How far a GPU's sums may be from the CPU's, for each element [rows, ldo] of a result: see bound_of_sum.
/// What lies between rows has bound 0; where products may overflow or denormals count, the bound is infinite.
inline std::vector<double> bounds_of_sums(const float* a /* [rows, columns], rows lda apart */,
                                          std::int64_t lda, std::int64_t rows, std::int64_t columns,
                                          const std::vector<float>& w /* [features, columns] */,
                                          const std::vector<float>& bias, std::int64_t ldo) {
  if (kEmulator || rows == 0) return {};
  const auto features = static_cast<std::int64_t>(w.size()) / columns;
  std::vector<double> bounds(static_cast<std::size_t>((rows - 1) * ldo + features));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t n = 0; n < features; ++n) {
      double sum = bias.empty() ? 0 : std::abs(static_cast<double>(bias[static_cast<std::size_t>(n)]));
      for (std::int64_t k = 0; k < columns; ++k) {
        sum += std::abs(static_cast<double>(a[r * lda + k]) *
                        static_cast<double>(w[static_cast<std::size_t>(n * columns + k)]));
      }
      const bool ordinary = sum < 1e30 && sum > 1e-20;
      bounds[static_cast<std::size_t>(r * ldo + n)] =
          ordinary || sum == 0 ? bound_of_sum(columns, sum) : HUGE_VAL;
    }
  }
  return bounds;
}

inline device::Device& cpu() {
  static const auto device = device::make_cpu_device({.threads = 1});
  return *device;
}

/// The order of threads and when copies land.
class InOrderOfThreadsAndCopies
    : public ::testing::TestWithParam<std::tuple<cuda_on_host::ThreadOrder, cuda_on_host::CopiesLand>> {
 protected:
  cuda_on_host::WithThreadOrder order_{std::get<0>(GetParam())};
  cuda_on_host::WithCopiesLanding copies_{std::get<1>(GetParam())};
};

inline const auto kOrdersOfThreadsAndCopies = ::testing::Combine(
    ::testing::ValuesIn(kThreadOrders),
    ::testing::Values(cuda_on_host::CopiesLand::kAtIssue, cuda_on_host::CopiesLand::kAtWait));

}  // namespace wisk::test
