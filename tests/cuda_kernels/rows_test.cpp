#include "rows.hpp"

#include <array>

#include <wisk/device/device.hpp>

#include "fixture.hpp"

namespace wisk::test {
namespace {

using device::BlendInput;
using device::PackedMatrix;

std::unique_ptr<device::Device> cpu() {
  return device::make_cpu_device({.threads = 1});
}

void expect_same(const std::vector<float>& actual, const std::vector<float>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_TRUE(same_number(actual[i], expected[i])) << i << ": " << actual[i] << ", not " << expected[i];
  }
}

std::size_t product(std::int64_t a, std::int64_t b) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
}

/// A matrix of varied bits.
PackedMatrix varied_matrix(device::Device& device, DType type, std::int64_t rows, std::int64_t columns) {
  const std::vector<float> values = varied_floats(product(rows, columns), 9);
  PackedMatrix matrix = device.allocate_matrix(type, rows, columns);
  const BlendInput inputs[] = {{reinterpret_cast<const std::byte*>(values.data()), DType::kFloat32, 0.7}};
  device.blend_matrix(matrix, inputs, {0, 0, columns}, type);
  return matrix;
}

class CudaRows : public InThreadOrder {};

void expect_embedding(DType type, std::int64_t rows, std::int64_t columns, std::int64_t first_row,
                      float scale, const std::vector<std::int32_t>& ids, std::size_t shift) {
  SCOPED_TRACE(std::string(name_of(type)) + " " + std::to_string(rows) + " x " + std::to_string(columns) +
               ", shift " + std::to_string(shift));
  const auto oracle = cpu();
  const PackedMatrix matrix = varied_matrix(*oracle, type, rows, columns);
  std::vector<float> expected(product(static_cast<std::int64_t>(ids.size()), columns));
  oracle->embed({.ids = ids}, matrix, first_row, scale, expected.data());
  const PackedMatrix there = for_kernels(matrix);
  const Shifted<std::int32_t> there_ids(ids, shift);
  const Shifted<float> x(std::vector<float>(expected.size(), 123.0f), shift);
  device::cuda::embed(there_ids.data(), static_cast<std::int64_t>(ids.size()), there, first_row, scale,
                      x.data(), {});
  expect_same(x.values(), expected);
}

TEST_P(CudaRows, EmbedGivesTheCpusBits) {
  for (const DType type : {DType::kBFloat16, DType::kFloat16, DType::kFloat32}) {
    for (const std::int64_t columns : {1, 2, 3, 4, 7, 8, 64, 1023, 1028}) {
      expect_embedding(type, 37, columns, 0, 1.0f, {0, 36, 15, 16, 17, 0, -1, 37}, 0);
    }
    expect_embedding(type, 37, 24, 100, 33.9411255f, {100, 136, 99, 137, 120, 0, -5}, 0);
    expect_embedding(type, 32, 24, 0, 8.0f, {31, 32}, 0);  // no padding behind the last row
    expect_embedding(type, 20, 24, 0, 8.0f, {19, 3}, 1);
    expect_embedding(type, 20, 24, 0, 8.0f, {}, 0);
  }
}

TEST_P(CudaRows, TakeRowsCopiesBits) {
  for (const std::int64_t width : {1, 3, 4, 8, 63, 1024, 1028, 2050}) {
    for (const std::size_t shift : {0, 1}) {
      const std::vector<float> values = varied_floats(product(9, width), 3);
      const Shifted<float> x(values, shift), out(product(5, width), shift);
      const Shifted<std::int32_t> rows(std::vector<std::int32_t>{8, 0, 4, 4, -1}, shift);
      device::cuda::take_rows(x.data(), width, rows.data(), 5, out.data(), {});
      std::vector<float> expected(product(5, width), 0.0f);
      const std::int32_t order[] = {8, 0, 4, 4};
      for (std::int64_t r = 0; r < 4; ++r) {
        std::copy_n(values.data() + order[r] * width, width, expected.data() + r * width);
      }
      const std::vector<float> actual = out.values();
      EXPECT_EQ(std::memcmp(actual.data(), expected.data(), actual.size() * sizeof(float)), 0) << width;
    }
  }
  const Shifted<float> none(0);
  const Shifted<std::int32_t> no_rows(0);
  device::cuda::take_rows(none.data(), 8, no_rows.data(), 0, none.data(), {});
}

void expect_sum(std::size_t count, std::int64_t rows, std::int64_t width, bool accumulate, bool with_bias,
                std::size_t shift) {
  SCOPED_TRACE(std::to_string(count) + " parts of " + std::to_string(rows) + " x " + std::to_string(width) +
               ", shift " + std::to_string(shift));
  std::vector<Shifted<float>> parts;
  std::vector<const float*> pointers;
  for (std::size_t s = 0; s < count; ++s) {
    // One of them misaligned is enough.
    parts.emplace_back(varied_floats(product(rows, width), 10 + static_cast<unsigned>(s)),
                       s + 1 == count ? shift : 0);
    pointers.push_back(parts.back().data());
  }
  const Shifted<float> bias(varied_floats(static_cast<std::size_t>(width), 7), 0);
  std::vector<float> expected = varied_floats(product(rows, width), 8);
  const Shifted<float> x(expected, 0);
  const float* given = with_bias ? bias.data() : nullptr;
  device::cuda::add_parts(pointers, given, rows, width, accumulate, x.data(), {});
  cpu()->add_parts(pointers, given, rows, width, accumulate, expected.data());
  expect_same(x.values(), expected);
}

TEST_P(CudaRows, AddPartsGivesTheCpusBits) {
  for (const std::size_t count : {1, 2, 4, 8}) {
    for (const std::int64_t width : {1, 3, 4, 30, 64, 1028, 2050}) {
      expect_sum(count, 3, width, true, true, 0);
      expect_sum(count, 2, width, false, false, 0);
    }
    expect_sum(count, 2, 64, true, false, 1);
    expect_sum(count, 0, 64, true, true, 0);
  }
}

TEST_P(CudaRows, CopyPageCopiesAllLayers) {
  device::KvCache cache{
      .dtype = DType::kBFloat16, .layers = 2, .kv_heads = 3, .head_dim = 6, .pages = 3, .data = {}};
  cache.data = buffer_for_kernels(3 * cache.page_bytes());
  for (std::size_t i = 0; i < cache.data.bytes(); ++i)
    cache.data.data()[i] = static_cast<std::byte>(i * 7 + i / 256);
  const std::size_t bytes = cache.page_bytes();
  const std::vector<std::byte> before(cache.data.data(), cache.data.data() + cache.data.bytes());
  device::cuda::copy_page(cache, 2, 1, {});
  wait_for_kernels();
  const auto expect_page = [&](std::size_t page, std::size_t as) {
    EXPECT_EQ(std::memcmp(cache.data.data() + page * bytes, before.data() + as * bytes, bytes), 0) << page;
  };
  expect_page(0, 0);
  expect_page(1, 2);
  expect_page(2, 2);
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaRows, ::testing::ValuesIn(thread_orders()), name_of_order);

}  // namespace
}  // namespace wisk::test
