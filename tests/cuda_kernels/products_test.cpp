#include <tuple>

#include "product_plan.hpp"
#include "products_fixture.hpp"
#include "warp_instructions.hpp"

namespace wisk::test {
namespace {

using device::Compute;
using device::cuda::kTileShapes;
using device::cuda::Product;

/// One product with all its arrays.
template <class T>
struct Case {
  Case(Numbers kind, DType dtype, std::int64_t rows_, std::int64_t n, std::int64_t k, bool has_bias = false,
       const Placement& place = {}, unsigned seed = 1)
      : rows(rows_),
        w(packed(dtype, n, k, numbers(kind, static_cast<std::size_t>(n * k), seed + 1))),
        operand(kind, rows, k, place, seed + 2),
        results(rows, n, place),
        bias(has_bias ? numbers(kind, static_cast<std::size_t>(n), seed + 3) : std::vector<float>()),
        bias_of_kernel(bias) {
    if (kind == Numbers::kIntegers || sizeof(T) == 4) return;  // exact on a GPU, too
    bounds = bounds_of_sums(operand.floats.data(), operand.lda, rows, k,
                            numbers(kind, static_cast<std::size_t>(n * k), seed + 1), bias, results.ldo);
  }

  [[nodiscard]] Product product() {
    return {operand.device.data(), operand.lda,           &w,
            bias_of_kernel.data(), results.device.data(), results.ldo};
  }
  void compute_expected() {
    const device::Linear linear{operand.floats.data(),
                                operand.lda,
                                &w,
                                bias.empty() ? nullptr : bias.data(),
                                results.expected.data(),
                                results.ldo,
                                sizeof(T) == 2 ? Compute::kBFloat16 : Compute::kFloat32};
    const device::FlushDenormals mode(true);
    cpu().linear(std::span(&linear, 1), rows);
  }

  std::int64_t rows;
  PackedMatrix w;
  Operand<T> operand;
  void expect_cpu_bits() {
    compute_expected();
    results.expect_near(bounds);
  }
  Results<float> results;
  std::vector<float> bias;
  OptionalForKernels<float> bias_of_kernel;
  std::vector<double> bounds;
};

using Bf16Case = Case<std::uint16_t>;

void run(Bf16Case& one, std::size_t tile) {
  const Product product = one.product();
  const device::FlushDenormals mode(true);  // as the kernel's file is compiled
  device::cuda::linear_by_tile(std::span(&product, 1), one.rows, tile, {});
}

void expect_cpu_bits(Bf16Case one, std::size_t tile) {
  SCOPED_TRACE(std::to_string(one.rows) + " x " + std::to_string(one.w.rows) + " x " +
               std::to_string(one.w.columns) + ", tile " + std::to_string(tile));
  run(one, tile);
  one.expect_cpu_bits();
}

class CudaProducts : public InOrderOfThreadsAndCopies {};

/// N, K. The last has more stages than any tile keeps in shared memory.
constexpr std::int64_t kShapes[][2] = {{1, 1}, {17, 33}, {100, 136}, {40, 520}};
constexpr Numbers kKinds[] = {Numbers::kIntegers, Numbers::kRandom, Numbers::kVaried};

TEST_P(CudaProducts, GiveTheCpusBits) {
  for (std::size_t tile = 0; tile < kTileShapes.size(); ++tile) {
    for (std::size_t i = 0; i < std::size(kShapes); ++i) {
      if (kThreadSanitizer && i % 2 == 0) continue;
      // Each shape with each kind of numbers, by some tile; a token more than a tile's, as many, or one less.
      const std::size_t which = (tile + i) % 3;
      const std::int64_t rows = kTileShapes[tile].tokens + 1 - static_cast<std::int64_t>(which);
      const auto [n, k] = kShapes[i];
      expect_cpu_bits({kKinds[which], DType::kBFloat16, rows, n, k, which != 0}, tile);
    }
  }
}

TEST_P(CudaProducts, AnyAddressesAndRows) {
  if (kThreadSanitizer) GTEST_SKIP() << "takes long; its accesses are those of GiveTheCpusBits";
  // Of the operand: a shift of 8 elements keeps 16 bytes; lda 40 + 8 too. Of the result: 4 elements.
  for (const Placement& place : {Placement{8, 4, 8, 4},
                                 {1, 0, 0, 0},
                                 {0, 1, 0, 0},
                                 {0, 0, 1, 0},
                                 {0, 0, 0, 1},
                                 {4, 2, 4, 2},
                                 {3, 3, 5, 3}}) {
    for (const std::int64_t k : {40, 39}) {
      expect_cpu_bits({Numbers::kRandom, DType::kBFloat16, 19, 44, k, true, place}, 1);
      expect_cpu_bits({Numbers::kRandom, DType::kBFloat16, 9, 47, k, false, place}, 0);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Order, CudaProducts, kOrdersOfThreadsAndCopies);

TEST(CudaProductsRows, AnyNumberGivesTheSameBits) {
  if (kThreadSanitizer) GTEST_SKIP() << "takes long; its accesses are those of GiveTheCpusBits";
  // The rows of one operand, by every tile and number of rows: each is the CPU's row, or on a GPU its own of
  // all rows together.
  Bf16Case all(Numbers::kRandom, DType::kBFloat16, 257, 40, 72);
  run(all, 0);
  all.expect_cpu_bits();
  all.results.expected = all.results.device.values();
  for (std::size_t tile = 0; tile < kTileShapes.size(); ++tile) {
    for (const std::int64_t rows : {0, 1, 7, 8, 9, 63, 64, 65, 129, 257}) {
      SCOPED_TRACE(std::to_string(rows) + " rows, tile " + std::to_string(tile));
      Results<float> results(rows, 40, {});
      results.expected.assign(all.results.expected.begin(), all.results.expected.begin() + rows * 40);
      Product product = all.product();
      product.out = results.device.data();
      device::cuda::linear_by_tile(std::span(&product, 1), rows, tile, {});
      results.expect_equal();
    }
  }
}

TEST(CudaProductsRows, DoNotSeeOneAnother) {
  Bf16Case clean(Numbers::kRandom, DType::kBFloat16, 10, 40, 64);
  Bf16Case dirty(Numbers::kRandom, DType::kBFloat16, 10, 40, 64);
  for (int k = 0; k < 64; ++k) {
    dirty.operand.floats[static_cast<std::size_t>(3 * dirty.operand.lda + k)] = std::nanf("");
    dirty.operand.floats[static_cast<std::size_t>(8 * dirty.operand.lda + k)] = HUGE_VALF;
  }
  dirty.operand.update();
  run(clean, 1);
  run(dirty, 1);
  for (std::size_t i = 0; i < clean.results.expected.size(); ++i) {
    if (i / 40 == 3) {
      ASSERT_TRUE(std::isnan(dirty.results.result(i)));
    } else if (i / 40 != 8) {
      ASSERT_EQ(clean.results.result(i), dirty.results.result(i)) << i;
    }
  }
}

TEST(CudaProductsLists, RunTogether) {
  // As many as there may be, of all kinds: slices side by side in one result, columns of one operand.
  std::vector<Bf16Case> cases;
  for (unsigned i = 0; i < device::cuda::kMostProducts; ++i) {
    if (kThreadSanitizer && i >= 3) break;
    const std::int64_t n = 1 + 37 * i % 90, k = 8 * (1 + 5 * i % 7) + (i % 5 == 4 ? 3 : 0);
    cases.emplace_back(Numbers::kRandom, DType::kBFloat16, 11, n, k, i % 2 == 0, Placement{}, i);
  }
  for (const int multiprocessors : {1, 4, 132}) {
    if (kThreadSanitizer && multiprocessors != 4) continue;
    std::vector<Product> products;
    for (Bf16Case& one : cases) products.push_back(one.product());
    device::cuda::linear(products, 11, multiprocessors, {});
    for (Bf16Case& one : cases) {
      one.expect_cpu_bits();
    }
  }
  device::cuda::linear({}, 11, 132, {});
}

TEST(CudaProductsLists, ColumnsOfOneOperandAndOneResult) {
  // Two parts of a sum over k, and two slices of features: the operand's columns and the result's overlap in
  // memory, but not in elements.
  constexpr std::int64_t kRows = 10, kN = 24, kK = 48;
  const Operand<std::uint16_t> operand(Numbers::kRandom, kRows, 2 * kK, {}, 5);
  const PackedMatrix first = packed(DType::kBFloat16, kN, kK, numbers(Numbers::kRandom, kN * kK, 6)),
                     second = packed(DType::kBFloat16, kN, kK, numbers(Numbers::kRandom, kN * kK, 7));
  Results<float> results(kRows, 2 * kN, {});
  std::vector<Product> products;
  std::vector<device::Linear> linears;
  for (int i = 0; i < 2; ++i) {
    const PackedMatrix* w = i == 0 ? &first : &second;
    products.push_back({operand.device.data() + i * kK, operand.lda, w, nullptr,
                        results.device.data() + i * kN, results.ldo});
    linears.push_back({operand.floats.data() + i * kK, operand.lda, w, nullptr,
                       results.expected.data() + i * kN, results.ldo, Compute::kBFloat16});
  }
  device::cuda::linear(products, kRows, 132, {});
  cpu().linear(linears, kRows);
  std::vector<double> bounds, more;
  for (int i = 0; i < 2; ++i) {
    more = bounds_of_sums(operand.floats.data() + i * kK, operand.lda, kRows, kK,
                          numbers(Numbers::kRandom, kN * kK, 6 + static_cast<unsigned>(i)), {}, results.ldo);
    bounds.resize(std::max(bounds.size(), more.size() + static_cast<std::size_t>(i) * kN));
    for (std::size_t j = 0; j < more.size(); ++j) bounds[j + static_cast<std::size_t>(i) * kN] += more[j];
  }
  results.expect_near(bounds);
}

TEST(CudaProductsBanks, NoConflicts) {
  if (!kEmulator) GTEST_SKIP() << "a GPU does not count them";
  if (kThreadSanitizer) GTEST_SKIP() << "takes long; its accesses are those of GiveTheCpusBits";
  for (std::size_t tile = 0; tile < kTileShapes.size(); ++tile) {
    const cuda_on_host::CountingBankConflicts conflicts;
    Bf16Case one(Numbers::kIntegers, DType::kBFloat16, kTileShapes[tile].tokens, 130, 136);
    run(one, tile);
    EXPECT_EQ(conflicts.count(), 0) << "tile " << tile;
    EXPECT_GT(conflicts.accesses(), 0);
  }
}

class CudaProductsF32 : public InThreadOrder {};

TEST_P(CudaProductsF32, GiveTheCpusBits) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat16}) {
    for (const std::int64_t rows : {0, 1, 16, 17, 65}) {
      for (const auto& [n, k] : kShapes) {
        if (kThreadSanitizer && (rows != 17 || n != 17)) continue;
        SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(n) + " x " + std::to_string(k));
        Case<float> one(rows == 16 ? Numbers::kVaried : Numbers::kRandom, dtype, rows, n, k, rows == 17,
                        Placement{1, 1, 3, 1});
        const Product product = one.product();
        {
          const device::FlushDenormals mode(true);
          device::cuda::linear_f32(std::span(&product, 1), rows, {});
        }
        one.expect_cpu_bits();
      }
    }
  }
}

TEST_P(CudaProductsF32, Lists) {
  std::vector<Case<float>> cases;
  std::vector<Product> products;
  for (unsigned i = 0; i < 3; ++i)
    cases.emplace_back(Numbers::kRandom, i == 1 ? DType::kBFloat16 : DType::kFloat32, 3, 50 + 30 * i, 10 + i,
                       false, Placement{}, i);
  for (Case<float>& one : cases) products.push_back(one.product());
  device::cuda::linear_f32(products, 3, {});
  for (Case<float>& one : cases) {
    one.expect_cpu_bits();
  }
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaProductsF32, ::testing::ValuesIn(kThreadOrders), name_of_order);

}  // namespace
}  // namespace wisk::test
