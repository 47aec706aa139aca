#include <tuple>

#include "product_plan.hpp"
#include "products_fixture.hpp"
#include "warp_instructions.hpp"

namespace wisk::test {
namespace {

using device::Activation;
using device::Compute;
using device::cuda::GatedProduct;
using device::cuda::kTileShapes;

/// Gate and up with all their arrays.
template <class T>
struct GatedCase {
  GatedCase(Numbers kind, DType dtype, std::int64_t rows_, std::int64_t n_, std::int64_t k, bool gate_biased,
            bool up_biased, const Placement& place = {}, unsigned seed = 1)
      : rows(rows_),
        n(n_),
        gate(packed(dtype, n, k, numbers(kind, static_cast<std::size_t>(n * k), seed + 1))),
        up(packed(dtype, n, k, numbers(kind, static_cast<std::size_t>(n * k), seed + 2))),
        operand(kind, rows, k, place, seed + 3),
        results(rows, n, place) {
    if (gate_biased) gate_bias = numbers(kind, static_cast<std::size_t>(n), seed + 4);
    if (up_biased) up_bias = numbers(kind, static_cast<std::size_t>(n), seed + 5);
    gate_bias_of_kernel = OptionalForKernels(gate_bias);
    up_bias_of_kernel = OptionalForKernels(up_bias);
    if (kind == Numbers::kIntegers || sizeof(T) == 4) return;  // exact on a GPU, too
    const auto bounds_of = [&](unsigned more, const std::vector<float>& bias) {
      return bounds_of_sums(operand.floats.data(), operand.lda, rows, k,
                            numbers(kind, static_cast<std::size_t>(n * k), seed + more), bias, n);
    };
    gate_bounds = bounds_of(1, gate_bias);
    up_bounds = bounds_of(2, up_bias);
  }

  static const float* or_null(const std::vector<float>& bias) { return bias.empty() ? nullptr : bias.data(); }
  [[nodiscard]] GatedProduct product() {
    return {operand.device.data(),    operand.lda,           &gate,      &up, gate_bias_of_kernel.data(),
            up_bias_of_kernel.data(), results.device.data(), results.ldo};
  }
  void expect_cpu_bits(Activation activation) {
    constexpr Compute kRounding = sizeof(T) == 2 ? Compute::kBFloat16 : Compute::kFloat32;
    std::vector<float> g(static_cast<std::size_t>(rows * n)), u(g.size());
    const float* a = operand.floats.data();
    const std::vector<device::Linear> products = {
        {a, operand.lda, &gate, or_null(gate_bias), g.data(), n, kRounding},
        {a, operand.lda, &up, or_null(up_bias), u.data(), n, kRounding}};
    const device::FlushDenormals mode(true);
    cpu().linear(products, rows);
    const std::vector<double> bounds = bounds_of_results(g, u);
    cpu().gated(activation, g.data(), u.data(), rows * n, kRounding, g.data());
    for (std::int64_t r = 0; r < rows; ++r)
      std::copy_n(g.data() + r * n, n, results.expected.data() + r * results.ldo);
    results.expect_near(bounds);
  }
  /// Of act(gate) * up on a GPU, rounded to bf16: both activations rise by at most 1.2 times what gate does,
  /// and are no larger than it; the result may be rounded to a neighbour.
  [[nodiscard]] std::vector<double> bounds_of_results(const std::vector<float>& g /* [rows, n] */,
                                                      const std::vector<float>& u /* [rows, n] */) const {
    if (gate_bounds.empty()) return {};
    std::vector<double> bounds(results.expected.size());
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t f = 0; f < n; ++f) {
        const auto at = static_cast<std::size_t>(r * n + f);
        const double up_most = std::abs(static_cast<double>(u[at])) + up_bounds[at],
                     active = std::abs(static_cast<double>(g[at])) + gate_bounds[at];
        const double error = 1.2 * gate_bounds[at] * up_most + active * up_bounds[at],
                     bound = error + 0x1p-7 * (active * up_most + error);
        bounds[static_cast<std::size_t>(r * results.ldo + f)] = bound < 1e30 ? bound : HUGE_VAL;
      }
    }
    return bounds;
  }

  std::int64_t rows, n;
  PackedMatrix gate, up;
  Operand<T> operand;
  Results<T> results;
  std::vector<float> gate_bias, up_bias;
  OptionalForKernels<float> gate_bias_of_kernel{{}}, up_bias_of_kernel{{}};
  std::vector<double> gate_bounds, up_bounds;  // [rows, n], where a GPU's sums are not exact
};

using Bf16Case = GatedCase<std::uint16_t>;

void expect_cpu_bits(Bf16Case one, Activation activation, std::size_t tile) {
  SCOPED_TRACE(std::to_string(one.rows) + " x " + std::to_string(one.n) + " x " +
               std::to_string(one.gate.columns) + ", tile " + std::to_string(tile));
  const GatedProduct product = one.product();
  {
    const device::FlushDenormals mode(true);  // as the kernel's file is compiled
    device::cuda::gated_linear_by_tile(activation, std::span(&product, 1), one.rows, tile, {});
  }
  one.expect_cpu_bits(activation);
}

/// N, K. The last has more stages than any tile keeps in shared memory.
constexpr std::int64_t kShapes[][2] = {{1, 1}, {17, 33}, {68, 136}, {20, 520}};
constexpr Numbers kKinds[] = {Numbers::kIntegers, Numbers::kRandom, Numbers::kVaried};

class CudaGatedProducts : public InOrderOfThreadsAndCopies {};

TEST_P(CudaGatedProducts, GiveTheCpusBits) {
  for (std::size_t tile = 0; tile < kTileShapes.size(); ++tile) {
    for (std::size_t i = 0; i < std::size(kShapes); ++i) {
      if (kThreadSanitizer && i % 2 == 0) continue;
      // Each shape with each kind of numbers, by some tile; a token more than a tile's, as many, or one less.
      const std::size_t which = (tile + i) % 3;
      const std::int64_t rows = kTileShapes[tile].tokens + 1 - static_cast<std::int64_t>(which);
      const auto [n, k] = kShapes[i];
      const Activation activation = i % 2 == 0 ? Activation::kSilu : Activation::kGeluTanh;
      expect_cpu_bits({kKinds[which], DType::kBFloat16, rows, n, k, which == 1, which == 2}, activation,
                      tile);
    }
  }
}

TEST_P(CudaGatedProducts, AnyAddressesAndRows) {
  if (kThreadSanitizer) GTEST_SKIP() << "takes long; its accesses are those of GiveTheCpusBits";
  for (const Placement& place : {Placement{8, 4, 8, 4},
                                 {1, 0, 0, 0},
                                 {0, 1, 0, 0},
                                 {0, 0, 1, 0},
                                 {0, 0, 0, 1},
                                 {0, 2, 0, 2},
                                 {3, 3, 5, 3}}) {
    expect_cpu_bits({Numbers::kRandom, DType::kBFloat16, 19, 44, 40, true, true, place}, Activation::kSilu,
                    1);
    expect_cpu_bits({Numbers::kRandom, DType::kBFloat16, 9, 47, 39, true, true, place}, Activation::kSilu, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Order, CudaGatedProducts, kOrdersOfThreadsAndCopies);

TEST(CudaGatedProductsLists, RunTogether) {
  std::vector<Bf16Case> cases;
  for (unsigned i = 0; i < device::cuda::kMostProducts; ++i) {
    if (kThreadSanitizer && i >= 2) break;
    cases.emplace_back(Numbers::kRandom, DType::kBFloat16, 10, 1 + 37 * i % 90, 8 * (1 + 5 * i % 7),
                       i % 2 == 0, i % 3 == 0, Placement{}, 10 * i);
  }
  for (const int multiprocessors : {1, 132}) {
    if (kThreadSanitizer && multiprocessors != 132) continue;
    std::vector<GatedProduct> products;
    for (Bf16Case& one : cases) products.push_back(one.product());
    device::cuda::gated_linear(Activation::kSilu, products, 10, multiprocessors, {});
    for (Bf16Case& one : cases) {
      one.expect_cpu_bits(Activation::kSilu);
    }
  }
  device::cuda::gated_linear(Activation::kSilu, {}, 10, 132, {});
}

TEST(CudaGatedProductsBanks, NoConflicts) {
  if (!kEmulator) GTEST_SKIP() << "a GPU does not count them";
  if (kThreadSanitizer) GTEST_SKIP() << "takes long; its accesses are those of GiveTheCpusBits";
  for (std::size_t tile = 0; tile < kTileShapes.size(); ++tile) {
    const cuda_on_host::CountingBankConflicts conflicts;
    expect_cpu_bits({Numbers::kIntegers, DType::kBFloat16, kTileShapes[tile].tokens, 130, 136, false, false},
                    Activation::kSilu, tile);
    EXPECT_EQ(conflicts.count(), 0) << "tile " << tile;
    EXPECT_GT(conflicts.accesses(), 0);
  }
}

class CudaGatedProductsF32 : public InThreadOrder {};

TEST_P(CudaGatedProductsF32, GiveTheCpusBits) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat16}) {
    for (const std::int64_t rows : {0, 1, 17, 65}) {
      for (const auto& [n, k] : kShapes) {
        if (kThreadSanitizer && (rows != 17 || n != 17)) continue;
        SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(n) + " x " + std::to_string(k));
        const Activation activation = n % 2 == 0 ? Activation::kSilu : Activation::kGeluTanh;
        GatedCase<float> one(rows == 1 ? Numbers::kVaried : Numbers::kRandom, dtype, rows, n, k, rows == 17,
                             rows == 65, Placement{1, 1, 3, 1});
        const GatedProduct product = one.product();
        {
          const device::FlushDenormals mode(true);
          device::cuda::gated_linear_f32(activation, std::span(&product, 1), rows, {});
        }
        one.expect_cpu_bits(activation);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaGatedProductsF32, ::testing::ValuesIn(kThreadOrders),
                         name_of_order);

}  // namespace
}  // namespace wisk::test
