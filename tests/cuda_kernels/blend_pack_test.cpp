#include "blend_pack.hpp"

#include "fixture.hpp"
#include "varied_bits.hpp"

namespace wisk::test {
namespace {

using device::BlendInput;
using device::MatrixWindow;
using device::PackedMatrix;

constexpr DType kTypes[] = {DType::kBFloat16, DType::kFloat16, DType::kFloat32};

/// A blend into a matrix.
struct Case {
  DType storage, matrix;
  std::int64_t rows, columns;
  MatrixWindow window;
  int terms = 2;
  double scale = -1.7;
  std::size_t shift = 0;             ///< of input j: so many times j + 1 elements, at most 7
  bool all_storage = false;          ///< the inputs have the type of storage, else each another
  std::int64_t begin = 0, end = -1;  ///< panels; -1: all
};

/// Inputs of random bits that hold the window, as a CPU and as a kernel see them.
struct Inputs {
  std::vector<Bytes> data;
  std::vector<BlendInput> inputs;
};

Inputs inputs_of(const Case& asked) {
  Inputs all;
  const std::int64_t count = (asked.window.first_row + asked.rows - 1) * asked.window.row_stride +
                             asked.window.first_column + asked.columns;
  for (int j = 0; j < asked.terms; ++j) {
    const DType type = asked.all_storage ? asked.storage : kTypes[(static_cast<int>(asked.storage) + j) % 3];
    all.data.push_back(random_bits(type, static_cast<std::size_t>(count),
                                   asked.shift * static_cast<std::size_t>(j + 1) % 8,
                                   static_cast<std::uint32_t>(j)));
    all.inputs.push_back({all.data.back().data(), type, asked.scale * (1 + j)});
  }
  return all;
}

std::vector<std::byte> bytes_of(const PackedMatrix& matrix) {
  return {matrix.data.data(), matrix.data.data() + matrix.data.bytes()};
}

void expect_cpu_matrix(const Case& asked) {
  SCOPED_TRACE(std::string(name_of(asked.storage)) + " to " + std::string(name_of(asked.matrix)) + ", " +
               std::to_string(asked.rows) + " x " + std::to_string(asked.columns) + " from " +
               std::to_string(asked.window.first_row) + ", " + std::to_string(asked.window.first_column) +
               " of rows of " + std::to_string(asked.window.row_stride) + ", " + std::to_string(asked.terms) +
               " terms, shift " + std::to_string(asked.shift));
  const Inputs all = inputs_of(asked);
  const auto cpu = device::make_cpu_device({.threads = 1});
  PackedMatrix expected = cpu->allocate_matrix(asked.matrix, asked.rows, asked.columns);
  cpu->blend_matrix(expected, all.inputs, asked.window, asked.storage);

  PackedMatrix matrix{asked.matrix, asked.rows, asked.columns, buffer_for_kernels(expected.data.bytes())};
  constexpr std::byte kOld{0x5a};
  std::fill_n(matrix.data.data(), matrix.data.bytes(), kOld);  // padding is written too
  const std::int64_t end = asked.end < 0 ? matrix.panels() : asked.end;
  device::cuda::blend_pack(matrix, all.inputs, asked.window, asked.storage, asked.begin, end, {});
  wait_for_kernels();
  std::fill_n(expected.data.data(), static_cast<std::size_t>(asked.begin) * matrix.panel_bytes(), kOld);
  std::fill(expected.panel(end), expected.data.data() + expected.data.bytes(), kOld);
  EXPECT_EQ(bytes_of(matrix), bytes_of(expected));
}

struct Types {
  DType storage, matrix;
};
constexpr Types kPairs[] = {{DType::kBFloat16, DType::kBFloat16},
                            {DType::kFloat16, DType::kFloat16},
                            {DType::kFloat16, DType::kBFloat16},
                            {DType::kFloat32, DType::kFloat32},
                            {DType::kFloat32, DType::kBFloat16}};

class CudaBlendPack : public InThreadOrder {};

TEST_P(CudaBlendPack, GivesTheCpusBits) {
  for (const auto [storage, matrix] : kPairs) {
    for (const int terms : {1, 2, 3}) {
      expect_cpu_matrix({.storage = storage,
                         .matrix = matrix,
                         .rows = 32,
                         .columns = 264,
                         .window = {0, 0, 264},
                         .terms = terms});
    }
    for (const double scale : {3e38, 1e-6}) {
      expect_cpu_matrix({.storage = storage,
                         .matrix = matrix,
                         .rows = 16,
                         .columns = 64,
                         .window = {0, 0, 64},
                         .scale = scale});
    }
    // Another type than storage's: weight 1 is arithmetic too.
    expect_cpu_matrix({.storage = storage,
                       .matrix = matrix,
                       .rows = 17,
                       .columns = 40,
                       .window = {0, 0, 40},
                       .terms = 2,
                       .scale = 1.0,
                       .all_storage = true});
  }
}

TEST_P(CudaBlendPack, AnyRowsAndColumns) {
  for (const auto [storage, matrix] : kPairs) {
    // Around a pair, a pack, a tile of f32 and one of pairs.
    for (const std::int64_t columns : {1, 2, 3, 7, 8, 9, 127, 128, 129, 255, 256, 257, 513}) {
      expect_cpu_matrix(
          {.storage = storage, .matrix = matrix, .rows = 5, .columns = columns, .window = {0, 0, columns}});
    }
    for (const std::int64_t rows : {1, 15, 16, 17, 33}) {
      expect_cpu_matrix(
          {.storage = storage, .matrix = matrix, .rows = rows, .columns = 24, .window = {0, 0, 24}});
    }
  }
}

TEST_P(CudaBlendPack, WindowsAndMisalignedInputs) {
  for (const auto [storage, matrix] : kPairs) {
    expect_cpu_matrix(
        {.storage = storage, .matrix = matrix, .rows = 20, .columns = 40, .window = {3, 16, 96}});
    expect_cpu_matrix(
        {.storage = storage, .matrix = matrix, .rows = 20, .columns = 40, .window = {3, 5, 96}});
    expect_cpu_matrix(
        {.storage = storage, .matrix = matrix, .rows = 20, .columns = 40, .window = {1, 0, 41}});
    expect_cpu_matrix(
        {.storage = storage, .matrix = matrix, .rows = 20, .columns = 40, .window = {1, 0, 44}});
    expect_cpu_matrix(
        {.storage = storage, .matrix = matrix, .rows = 20, .columns = 43, .window = {0, 8, 64}, .shift = 1});
    expect_cpu_matrix(
        {.storage = storage, .matrix = matrix, .rows = 20, .columns = 43, .window = {0, 2, 64}, .shift = 3});
  }
}

TEST_P(CudaBlendPack, OneInputOfWeightOneKeepsItsBits) {
  for (const auto [storage, matrix] : kPairs) {
    for (const std::int64_t columns : {64, 67}) {
      expect_cpu_matrix({.storage = storage,
                         .matrix = matrix,
                         .rows = 30,
                         .columns = columns,
                         .window = {0, 0, columns},
                         .terms = 1,
                         .scale = 1.0,
                         .all_storage = true});
      expect_cpu_matrix({.storage = storage,
                         .matrix = matrix,
                         .rows = 30,
                         .columns = columns,
                         .window = {2, 1, 80},
                         .terms = 1,
                         .scale = 1.0,
                         .shift = 1,
                         .all_storage = true});
    }
  }
}

TEST_P(CudaBlendPack, SomePanels) {
  expect_cpu_matrix({.storage = DType::kBFloat16,
                     .matrix = DType::kBFloat16,
                     .rows = 60,
                     .columns = 300,
                     .window = {0, 0, 300},
                     .begin = 1,
                     .end = 3});
  expect_cpu_matrix({.storage = DType::kFloat32,
                     .matrix = DType::kBFloat16,
                     .rows = 60,
                     .columns = 30,
                     .window = {0, 0, 30},
                     .begin = 3,
                     .end = 4});
  expect_cpu_matrix({.storage = DType::kBFloat16,
                     .matrix = DType::kBFloat16,
                     .rows = 60,
                     .columns = 30,
                     .window = {0, 0, 30},
                     .begin = 2,
                     .end = 2});
}

TEST_P(CudaBlendPack, RowsThatAreHereOnly) {
  // Inputs that hold rows 16.. of the matrix only: the window begins 16 rows before them.
  const Case asked{.storage = DType::kBFloat16,
                   .matrix = DType::kBFloat16,
                   .rows = 16,
                   .columns = 40,
                   .window = {0, 0, 40}};
  const Inputs all = inputs_of(asked);
  PackedMatrix small{asked.matrix, 16, 40, buffer_for_kernels(PackedMatrix::bytes_for(asked.matrix, 16, 40))},
      large{asked.matrix, 32, 40, buffer_for_kernels(PackedMatrix::bytes_for(asked.matrix, 32, 40))};
  device::cuda::blend_pack(small, all.inputs, {0, 0, 40}, asked.storage, 0, 1, {});
  device::cuda::blend_pack(large, all.inputs, {-16, 0, 40}, asked.storage, 1, 2, {});
  wait_for_kernels();
  EXPECT_EQ(std::memcmp(small.panel(0), large.panel(1), small.panel_bytes()), 0);
}

TEST_P(CudaBlendPack, AsManyInputsAsAllowed) {
  expect_cpu_matrix({.storage = DType::kBFloat16,
                     .matrix = DType::kBFloat16,
                     .rows = 3,
                     .columns = 20,
                     .window = {0, 0, 20},
                     .terms = static_cast<int>(device::cuda::kMostBlendInputs),
                     .scale = 0.01});
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaBlendPack, ::testing::ValuesIn(thread_orders()), name_of_order);

}  // namespace
}  // namespace wisk::test
