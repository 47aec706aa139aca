// Products bit for bit against a scalar loop in the order of docs/numerics.md.
#include <algorithm>
#include <cstring>
#include <limits>
#include <tuple>

#include "cpu/flush_denormals.hpp"
#include "device/device_fixture.hpp"

namespace wisk::device {
namespace {

constexpr float kUntouched = 12345.5f;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// One fused chain: of each pair of k the odd one, then the even one; an odd last k alone; then the bias.
float oracle(const float* a, const float* w, std::int64_t k, const float* bias) {
  const FlushDenormals mode(true);
  float sum = 0;
  for (std::int64_t p = 0; p < k / 2; ++p) {
    sum = std::fma(a[2 * p + 1], w[2 * p + 1], sum);
    sum = std::fma(a[2 * p], w[2 * p], sum);
  }
  if (k % 2 != 0) sum = std::fma(a[k - 1], w[k - 1], sum);
  return bias == nullptr ? sum : sum + *bias;
}

struct Product {
  std::int64_t rows, n, k, lda, ldo;
  Compute inputs = Compute::kFloat32;
  std::vector<float> a, w, bias, out;
  PackedMatrix matrix;
  Product(Device& device, DType type, std::int64_t rows_, std::int64_t n_, std::int64_t k_, unsigned seed)
      : rows(rows_), n(n_), k(k_), lda(k_ + 3), ldo(n_ + 5) {
    const auto size = [](std::int64_t x) { return static_cast<std::size_t>(x); };
    a = test::random_floats(size(rows * lda), seed, -3, 3);
    w = test::random_floats(size(n * k), seed + 1, -2, 2);
    bias = test::random_floats(size(n), seed + 2);
    matrix = test::packed(device, type, n, k, w);
    out.assign(size(rows * ldo), kUntouched);
  }
  /// Operands that are bf16, as a model's are.
  void round_inputs() {
    inputs = Compute::kBFloat16;
    for (float& x : a) x = round_to_bf16(x);
  }
  void run(Device& device, bool with_bias) {
    std::fill(out.begin(), out.end(), kUntouched);
    const Linear product{a.data(), lda, &matrix, with_bias ? bias.data() : nullptr, out.data(), ldo, inputs};
    device.linear({&product, 1}, rows);
  }
  [[nodiscard]] float expected(std::int64_t r, std::int64_t c, bool with_bias) const {
    return oracle(a.data() + r * lda, w.data() + c * k, k, with_bias ? bias.data() + c : nullptr);
  }
  [[nodiscard]] float& at(std::int64_t r, std::int64_t c) {
    return out[static_cast<std::size_t>(r * ldo + c)];
  }
};

class LinearProducts : public ::testing::TestWithParam<std::tuple<const char*, DType>> {
 protected:
  void SetUp() override {
    device_ = test::device_with(std::get<0>(GetParam()));
    threaded_ = test::device_with(std::get<0>(GetParam()), 3);
    if (device_ == nullptr) GTEST_SKIP() << "not on this processor";
  }
  [[nodiscard]] DType type() const { return std::get<1>(GetParam()); }
  std::unique_ptr<Device> device_, threaded_;
};

TEST_P(LinearProducts, BitForBitTheScalarChain) {
  const std::pair<int, int> shapes[] = {
      {1, 1},  {5, 3},  {16, 8},   {17, 9},   {63, 7},   {64, 10},  {65, 33},
      {79, 2}, {96, 5}, {133, 48}, {257, 65}, {1029, 6}, {40, 905}, {83, 1000}};  // more than a stretch of k
  for (const auto& [n, k] : shapes) {
    for (int rows = 1; rows <= 13; ++rows) {
      if ((n > 1000 || k > 100) && rows % 4 != 1) continue;
      Product product(*device_, type(), rows, n, k, static_cast<unsigned>(n + k + rows));
      for (Device* device : {device_.get(), threaded_.get()}) {
        for (const bool with_bias : {false, true}) {
          if (with_bias) product.round_inputs();
          product.run(*device, with_bias);
          for (std::int64_t r = 0; r < rows; ++r) {
            for (std::int64_t c = 0; c < n; ++c) {
              ASSERT_EQ(test::bits_of(product.at(r, c)), test::bits_of(product.expected(r, c, with_bias)))
                  << "N " << n << " K " << k << " rows " << rows << " at " << r << ", " << c;
            }
            for (std::int64_t c = n; c < product.ldo; ++c)
              ASSERT_EQ(product.at(r, c), kUntouched) << "beside its columns";
          }
        }
      }
    }
  }
}

TEST_P(LinearProducts, ExactOnSmallIntegers) {
  Product product(*device_, type(), 7, 83, 101, 1);
  std::mt19937 random(2);
  for (float& x : product.a) x = static_cast<float>(static_cast<int>(random() % 17) - 8);
  for (float& x : product.w) x = static_cast<float>(static_cast<int>(random() % 17) - 8);
  product.matrix = test::packed(*device_, type(), product.n, product.k, product.w);
  product.run(*device_, false);
  for (std::int64_t r = 0; r < product.rows; ++r) {
    for (std::int64_t c = 0; c < product.n; ++c) {
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < product.k; ++i) {
        sum += static_cast<std::int64_t>(product.a[static_cast<std::size_t>(r * product.lda + i)]) *
               static_cast<std::int64_t>(product.w[static_cast<std::size_t>(c * product.k + i)]);
      }
      ASSERT_EQ(product.at(r, c), static_cast<float>(sum));
    }
  }
}

TEST_P(LinearProducts, DenormalsCountAsZero) {
  for (const int rows : {1, 3, 7}) {
    Product product(*device_, type(), rows, 33, 8, 3);
    const auto fill = [&](float a, float w) {
      std::fill(product.a.begin(), product.a.end(), a);
      std::fill(product.w.begin(), product.w.end(), w);
      product.matrix = test::packed(*device_, type(), product.n, product.k, product.w);
      product.run(*threaded_, false);
    };
    fill(1e-39f, 1.0f);  // inputs
    for (std::int64_t c = 0; c < 33; ++c) ASSERT_EQ(test::bits_of(product.at(rows - 1, c)), 0u);
    fill(1e-37f, 0x1p-12f);  // results
    for (std::int64_t c = 0; c < 33; ++c) ASSERT_EQ(test::bits_of(product.at(rows - 1, c)), 0u);
    if (type() == DType::kFloat16) {  // a denormal half is an ordinary float
      fill(1.0f, 0x1p-24f);
      for (std::int64_t c = 0; c < 33; ++c) ASSERT_EQ(product.at(rows - 1, c), 8 * 0x1p-24f);
    } else {
      fill(1.0f, 0x1p-127f);  // weights
      for (std::int64_t c = 0; c < 33; ++c) ASSERT_EQ(test::bits_of(product.at(rows - 1, c)), 0u);
    }
  }
}

TEST_P(LinearProducts, ARowsNanStaysInItsRow) {
  for (int rows = 1; rows <= 9; ++rows) {
    Product product(*device_, type(), rows, 70, 19, 4);
    const int broken = rows / 2;
    product.a[static_cast<std::size_t>(broken * product.lda + 18)] = kNan;
    product.run(*threaded_, true);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < 70; ++c) {
        if (r == broken) {
          ASSERT_TRUE(std::isnan(product.at(r, c)));
        } else {
          ASSERT_EQ(test::bits_of(product.at(r, c)), test::bits_of(product.expected(r, c, true)));
        }
      }
    }
  }
}

// Products of one call: two that share their operand, one of another width, one that writes beside the first.
TEST_P(LinearProducts, SeveralAtOnce) {
  for (const int rows : {1, 6}) {
    Product first(*device_, type(), rows, 40, 26, 7), second(*device_, type(), rows, 70, 26, 8),
        third(*device_, type(), rows, 9, 14, 9), fourth(*device_, type(), rows, 5, 26, 10);
    for (Product* product : {&first, &second, &third, &fourth}) product->round_inputs();
    second.a = first.a;
    fourth.a = first.a;
    const auto linear = [&](Product& x, const Product& operand, float* out, std::int64_t ldo) {
      return Linear{operand.a.data(), operand.lda, &x.matrix, x.bias.data(), out, ldo, x.inputs};
    };
    const Linear products[] = {linear(first, first, first.out.data(), first.ldo),
                               linear(second, first, second.out.data(), second.ldo),
                               linear(third, third, third.out.data(), third.ldo),
                               linear(fourth, first, first.out.data() + first.n, first.ldo)};
    for (Device* device : {device_.get(), threaded_.get()}) {
      for (Product* product : {&first, &second, &third})
        std::fill(product->out.begin(), product->out.end(), kUntouched);
      device->linear(products, rows);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (Product* product : {&first, &second, &third}) {
          for (std::int64_t c = 0; c < product->n; ++c) {
            ASSERT_EQ(test::bits_of(product->at(r, c)), test::bits_of(product->expected(r, c, true)));
          }
        }
        for (std::int64_t c = 0; c < fourth.n; ++c) {
          ASSERT_EQ(test::bits_of(first.at(r, first.n + c)), test::bits_of(fourth.expected(r, c, true)));
        }
      }
    }
  }
}

// Operands that differ only in where they lie, only in how far apart their rows are, and only in when they
// are read: one that is written between two deferred calls.
TEST_P(LinearProducts, OperandsThatAreAlmostTheSame) {
  constexpr int kRows = 6, kWidth = 26;
  Product first(*device_, type(), kRows, 40, kWidth, 7), moved(*device_, type(), kRows, 20, kWidth, 8),
      closer(*device_, type(), kRows, 33, kWidth, 9), narrow(*device_, type(), kRows, 17, 20, 11),
      later(*device_, type(), kRows, 18, kWidth, 10), plain(*device_, DType::kFloat32, kRows, 16, kWidth, 12);
  const std::vector<Product*> all = {&first, &moved, &closer, &narrow, &later, &plain};
  for (Product* product : all) product->round_inputs();
  narrow.a = first.a;
  closer.a = moved.a;
  narrow.lda = first.lda;
  closer.lda = later.lda = kWidth;
  const std::vector<std::int32_t> every_row = {0, 1, 2, 3, 4, 5};
  for (Device* device : {device_.get(), threaded_.get()}) {
    std::vector<float> memory = moved.a;
    const auto linear = [](Product& x, const std::vector<float>& operand) {
      return Linear{operand.data(), x.lda, &x.matrix, x.bias.data(), x.out.data(), x.ldo, x.inputs};
    };
    const Linear products[] = {linear(narrow, first.a), linear(first, first.a), linear(moved, memory),
                               linear(closer, memory)};
    const Linear last[] = {linear(later, memory), linear(plain, plain.a)};
    for (Product* product : all) std::fill(product->out.begin(), product->out.end(), kUntouched);
    device->defer();
    device->linear(products, kRows);
    device->take_rows(later.a.data(), kWidth, every_row, memory.data());
    device->linear(last, kRows);
    device->wait();
    for (Product* product : all) {
      for (std::int64_t r = 0; r < kRows; ++r) {
        for (std::int64_t c = 0; c < product->n; ++c)
          ASSERT_EQ(test::bits_of(product->at(r, c)), test::bits_of(product->expected(r, c, true)));
      }
    }
  }
}

// Logits: capped as softcap does it, and the largest of each block of 64, whatever the threads; NaN counts
// for nothing.
TEST_P(LinearProducts, LogitsAreCappedAndSearched) {
  for (const int n : {1, 63, 64, 65, 300, 1000}) {
    for (const int rows : {1, 7}) {
      Product product(*device_, type(), rows, n, 30, static_cast<unsigned>(n));
      product.round_inputs();
      product.a[static_cast<std::size_t>((rows - 1) * product.lda)] = kNan;  // the last row is NaN all over
      const int blocks = (n + 63) / 64;
      for (const float cap : {0.0f, 4.0f}) {
        product.run(*device_, false);
        for (int r = 0; cap != 0 && r < rows; ++r) device_->softcap(&product.at(r, 0), n, cap);
        const std::vector<float> expected = product.out;
        for (Device* device : {device_.get(), threaded_.get()}) {
          std::fill(product.out.begin(), product.out.end(), kUntouched);
          std::vector<float> maxima(static_cast<std::size_t>(rows * blocks), kUntouched);
          const Linear logits{product.a.data(), product.lda,    &product.matrix, nullptr, product.out.data(),
                              product.ldo,      product.inputs, maxima.data(),   cap};
          device->linear({&logits, 1}, rows);
          EXPECT_EQ(std::memcmp(product.out.data(), expected.data(), expected.size() * sizeof(float)), 0);
          for (int r = 0; r < rows; ++r) {
            for (int b = 0; b < blocks; ++b) {
              float largest = -std::numeric_limits<float>::infinity();
              for (int c = 64 * b; c < std::min(n, 64 * b + 64); ++c)
                largest = std::max(largest, product.at(r, c));
              ASSERT_EQ(maxima[static_cast<std::size_t>(r * blocks + b)], largest)
                  << n << ' ' << r << ' ' << b;
            }
          }
        }
      }
    }
  }
}

TEST_P(LinearProducts, NoRowsIsNoWork) {
  Product product(*device_, type(), 1, 20, 4, 5);
  product.rows = 0;
  product.run(*device_, false);
  for (const float x : product.out) EXPECT_EQ(x, kUntouched);
}

INSTANTIATE_TEST_SUITE_P(KernelsAndTypes, LinearProducts,
                         ::testing::Combine(::testing::Values("avx512-bf16", "avx512", "avx2", "portable",
                                                              "portable-wide", "portable-pairs"),
                                            ::testing::Values(DType::kBFloat16, DType::kFloat16,
                                                              DType::kFloat32)),
                         [](const auto& test) {
                           std::string name = std::get<0>(test.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name + "_" + std::string(name_of(std::get<1>(test.param)));
                         });

/// Every element at its documented place, every padding byte zero.
class Packing : public ::testing::TestWithParam<std::tuple<DType, DType>> {};

TEST_P(Packing, WholeBufferIsAsDocumented) {
  const auto [storage, type] = GetParam();
  const auto device = test::device_with("portable", 3);
  const MatrixWindow window{2, 3, 150};
  const std::tuple<int, int> shapes[] = {{1, 1},  {15, 4}, {16, 5},    {63, 2},
                                         {64, 3}, {65, 8}, {130, 147}, {200, 16}};
  for (const auto& [rows, columns] : shapes) {
    std::vector<float> values = test::random_floats(static_cast<std::size_t>(202 * 150), 6, -100, 100);
    const std::vector<std::byte> tensor = test::host_tensor(storage, values);
    PackedMatrix matrix = device->allocate_matrix(type, rows, columns);
    std::memset(matrix.data.data(), 0xff, matrix.data.bytes());
    const BlendInput inputs[] = {{tensor.data(), storage, 1.0}};
    device->blend_matrix(matrix, inputs, window, storage);

    const std::size_t size = size_of(type);
    std::vector<std::byte> expected;
    for (int first = 0; first < rows; first += 16) {  // panels
      const int lines = size == 4 ? columns : (columns + 1) / 2, step = size == 4 ? 1 : 2;
      for (int line = 0; line < lines; ++line) {
        for (int lane = 0; lane < 16; ++lane) {
          for (int half = 0; half < step; ++half) {
            const int row = first + lane, column = line * step + half;
            std::uint32_t bits = 0;
            if (row < rows && column < columns) {
              const float value = values[static_cast<std::size_t>((2 + row) * 150 + 3 + column)];
              bits = type == DType::kFloat32    ? test::bits_of(value)
                     : type == DType::kBFloat16 ? float_to_bf16(value)
                                                : float_to_f16(value);
            }
            const auto* bytes = reinterpret_cast<const std::byte*>(&bits);
            expected.insert(expected.end(), bytes, bytes + size);
          }
        }
      }
    }
    ASSERT_EQ(matrix.data.bytes(), expected.size()) << rows << " x " << columns;
    EXPECT_EQ(std::memcmp(matrix.data.data(), expected.data(), expected.size()), 0)
        << rows << " x " << columns;

    // Reading it back: the embedding of every row.
    std::vector<std::int32_t> ids;
    for (int r = 0; r < rows; ++r) ids.push_back(r);
    std::vector<float> x(static_cast<std::size_t>(rows * columns));
    device->embed({.ids = ids}, matrix, 0, 1.0f, x.data());
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        ASSERT_EQ(x[static_cast<std::size_t>(r * columns + c)],
                  test::rounded_to(type, values[static_cast<std::size_t>((2 + r) * 150 + 3 + c)]));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Packing,
                         ::testing::Values(std::tuple(DType::kBFloat16, DType::kBFloat16),
                                           std::tuple(DType::kFloat16, DType::kFloat16),
                                           std::tuple(DType::kFloat32, DType::kFloat32),
                                           std::tuple(DType::kFloat32, DType::kBFloat16),
                                           std::tuple(DType::kFloat16, DType::kBFloat16)));

}  // namespace
}  // namespace wisk::device
