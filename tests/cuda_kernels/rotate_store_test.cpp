// Rotation and the cache's write against the CPU's rope and store_kv.

#include "rotate_store.hpp"

#include "cpu/flush_denormals.hpp"
#include "paged_scene.hpp"

namespace wisk::test {
namespace {

using device::Compute;

struct Shape {
  int heads, kv_heads, dim;
};

/// How inputs lie in memory: k and v behind q in one row, or each by itself; `shift` floats off 16 bytes,
/// and `gap` floats between rows.
struct Layout {
  bool fused = true;
  std::size_t shift = 0;
  int gap = 0;
};

/// Positions whose page is page position / 32 + 1 of a table backwards.
std::vector<TokenAt> tokens_at(const std::vector<int>& positions) {
  std::vector<TokenAt> tokens;
  for (const int p : positions) tokens.push_back({static_cast<int>(tokens.size()) % 2, p});
  return tokens;
}

constexpr int kPages = 7, kPositions = 96;
const std::vector<std::vector<std::int32_t>> kTables = {{5, 1, 3}, {2, 6, 4}};  // 0 belongs to nobody

/// Rows of several heads of all tokens, one after another.
struct Inputs {
  std::vector<float> q, k, v;

  Inputs(const Shape& shape, std::size_t tokens) {
    const auto size = [&](int heads) { return tokens * static_cast<std::size_t>(heads * shape.dim); };
    q = varied_floats(size(shape.heads), 1);
    k = varied_floats(size(shape.kv_heads), 2);
    v = varied_floats(size(shape.kv_heads), 3);
  }
};

std::vector<float> angle_table(int dim) {
  auto angles = varied_floats(static_cast<std::size_t>(kPositions * dim), 4);
  for (float& angle : angles) angle = std::isfinite(angle) ? std::fmod(angle, 1.0f) : 0.5f;
  return angles;
}

/// Elements of the cache's dtype, bytes [0, count * size) of `data`, are the same numbers.
void expect_same(const std::byte* actual, const std::byte* expected, std::size_t count, DType dtype,
                 const char* what) {
  for (std::size_t i = 0; i < count; ++i) {
    float a = 0, b = 0;
    if (dtype == DType::kFloat32) {
      a = reinterpret_cast<const float*>(actual)[i];
      b = reinterpret_cast<const float*>(expected)[i];
    } else {
      a = bf16_to_float(reinterpret_cast<const std::uint16_t*>(actual)[i]);
      b = bf16_to_float(reinterpret_cast<const std::uint16_t*>(expected)[i]);
    }
    ASSERT_TRUE(same_number(a, b)) << what << ' ' << i << ": " << a << ", not " << b;
  }
}

/// What the CPU makes of it: q in place of its input, k and v in the cache.
void on_cpu(const Shape& shape, const TestStep& step, Inputs& inputs, const std::vector<float>& table,
            DType dtype, device::KvCache& cache) {
  const auto cpu = device::make_cpu_device({.threads = 1});
  const auto compute = dtype == DType::kBFloat16 ? Compute::kBFloat16 : Compute::kFloat32;
  Inputs seen(shape, 0);
  const auto add = [&](std::vector<float>& to, const std::vector<float>& from, int heads, std::size_t t) {
    const auto width = static_cast<std::size_t>(heads * shape.dim);
    to.insert(to.end(), from.data() + t * width, from.data() + (t + 1) * width);
  };
  for (std::size_t i = 0; i < step.at.size(); ++i) {
    add(seen.q, inputs.q, shape.heads, step.at[i]);
    add(seen.k, inputs.k, shape.kv_heads, step.at[i]);
    add(seen.v, inputs.v, shape.kv_heads, step.at[i]);
  }
  device::AttentionShape heads;
  heads.heads = shape.heads;
  heads.kv_heads = shape.kv_heads;
  heads.head_dim = shape.dim;
  cpu->rotate_and_store(heads, seen.q.data(), seen.k.data(), seen.v.data(), table.data(), compute, kLayer,
                        step.on_cpu(), cache, seen.q.data());
  std::fill(inputs.q.begin(), inputs.q.end(), 0.0f);  // of padding
  const auto width = static_cast<std::size_t>(shape.heads * shape.dim);
  for (std::size_t i = 0; i < step.at.size(); ++i) {
    std::copy_n(seen.q.data() + i * width, width, inputs.q.data() + step.at[i] * width);
  }
}

/// The inputs as a layout has them.
struct Rows {
  std::vector<Shifted<float>> memory;
  device::cuda::HeadRows q, k, v;

  Rows(const Shape& shape, const Inputs& inputs, std::size_t tokens, const Layout& layout) {
    const std::size_t widths[] = {static_cast<std::size_t>(shape.heads * shape.dim),
                                  static_cast<std::size_t>(shape.kv_heads * shape.dim),
                                  static_cast<std::size_t>(shape.kv_heads * shape.dim)};
    const std::vector<float>* all[] = {&inputs.q, &inputs.k, &inputs.v};
    device::cuda::HeadRows* rows[] = {&q, &k, &v};
    const auto gap = static_cast<std::size_t>(layout.gap);
    const std::size_t whole = widths[0] + widths[1] + widths[2] + gap;
    if (layout.fused) memory.emplace_back(tokens * whole, layout.shift);
    std::size_t begin = 0;
    for (int i = 0; i < 3; ++i) {
      const std::size_t width = widths[i], stride = layout.fused ? whole : width + gap;
      if (!layout.fused) memory.emplace_back(tokens == 0 ? 0 : tokens * stride - gap, layout.shift);
      float* data = memory.back().data() + begin;
      for (std::size_t t = 0; t < tokens; ++t) {
        std::copy_n(all[i]->data() + t * width, width, data + t * stride);
      }
      *rows[i] = {data, static_cast<std::int64_t>(stride)};
      if (layout.fused) begin += width;
    }
  }
};

void expect_cpu_bits(const Shape& shape, DType dtype, const std::vector<int>& positions,
                     const Layout& layout = {}) {
  SCOPED_TRACE("H " + std::to_string(shape.heads) + " G " + std::to_string(shape.kv_heads) + " D " +
               std::to_string(shape.dim) + ", shift " + std::to_string(layout.shift));
  const Tables tables(kTables);
  const std::vector<TokenAt> tokens = tokens_at(positions);
  const TestStep step(tables, tokens);
  const Shifted<float> angles(angle_table(shape.dim), layout.shift);
  Inputs inputs(shape, tokens.size());
  const Rows rows(shape, inputs, tokens.size(), layout);
  const TestCache cache(dtype, shape.kv_heads, shape.dim, kPages);
  TestCache right(dtype, shape.kv_heads, shape.dim, kPages);
  const Shifted<std::byte> q_out(inputs.q.size() * size_of(dtype));
  {
    const device::FlushDenormals mode(true);  // as the kernel's file is compiled
    device::cuda::rotate_store(rows.q, rows.k, rows.v, shape.heads, angles.data(), kLayer, step.on_device(),
                               cache.cache, q_out.data(), {});
  }
  on_cpu(shape, step, inputs, angles.values(), dtype, right.cache);
  const std::vector<std::uint16_t> bits = as_bf16(inputs.q);
  const void* right_q = dtype == DType::kFloat32 ? static_cast<const void*>(inputs.q.data()) : bits.data();
  expect_same(q_out.data(), static_cast<const std::byte*>(right_q), inputs.q.size(), dtype, "q");
  expect_same(cache.cache.data.data(), right.cache.data.data(), cache.cache.data.bytes() / size_of(dtype),
              dtype, "cache");
}

class CudaRotateStore : public InThreadOrder {};

/// Edges of pages, and padding; no slot twice.
const std::vector<int> kAllKinds = {0, 1, -1, 31, 32, 33, 31, 30, 64, 95, 47, 16, 15, -1};

TEST_P(CudaRotateStore, GivesTheCpusBits) {
  for (const DType dtype : {DType::kBFloat16, DType::kFloat32}) {
    expect_cpu_bits({3, 1, 64}, dtype, kAllKinds);
    if (kThreadSanitizer) continue;
    expect_cpu_bits({4, 2, 128}, dtype, kAllKinds);
    expect_cpu_bits({2, 2, 256}, dtype, kAllKinds);
    expect_cpu_bits({14, 2, 80}, dtype, kAllKinds, {false});
    expect_cpu_bits({2, 1, 8}, dtype, kAllKinds, {true, 0, 4});
  }
}

TEST_P(CudaRotateStore, AnyEvenDimensionAndPlace) {
  for (const DType dtype : {DType::kBFloat16, DType::kFloat32}) {
    expect_cpu_bits({2, 1, 6}, dtype, kAllKinds);
    expect_cpu_bits({2, 1, 64}, dtype, {5, 6}, {false, 1, 0});
    if (kThreadSanitizer) continue;
    for (const int dim : {2, 4, 12, 20, 34, 70}) expect_cpu_bits({3, 2, dim}, dtype, kAllKinds);
    expect_cpu_bits({2, 1, 64}, dtype, kAllKinds, {true, 2, 0});
    expect_cpu_bits({2, 1, 64}, dtype, kAllKinds, {true, 0, 3});
  }
}

TEST_P(CudaRotateStore, PrefillOfOneSequence) {
  if (kThreadSanitizer) GTEST_SKIP() << "nothing that other tests do not do";
  std::vector<int> positions(70);
  std::iota(positions.begin(), positions.end(), 20);
  for (const DType dtype : {DType::kBFloat16, DType::kFloat32}) expect_cpu_bits({2, 2, 64}, dtype, positions);
}

TEST_P(CudaRotateStore, NoTokens) {
  expect_cpu_bits({2, 1, 64}, DType::kBFloat16, {});
  expect_cpu_bits({2, 1, 64}, DType::kBFloat16, {-1});
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaRotateStore, ::testing::ValuesIn(kThreadOrders), name_of_order);

}  // namespace
}  // namespace wisk::test
