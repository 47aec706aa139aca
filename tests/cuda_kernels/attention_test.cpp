// Attention against the CPU's, bit for bit.

#include "attention.hpp"

#include <numeric>
#include <optional>

#include "async_copies.hpp"
#include "cpu/flush_denormals.hpp"
#include "device/device_fixture.hpp"
#include "paged_scene.hpp"
#include "warp_instructions.hpp"

namespace wisk::test {
namespace {

using cuda_on_host::CopiesLand;
using device::AttentionShape;
using device::Compute;
using device::cuda::AttentionCut;
using device::cuda::kAttentionWarps;

struct Shape {
  int group, kv_heads, dim, window = 0;
  float softcap = 0;
};

AttentionShape attention_shape(const Shape& shape) {
  return {shape.group * shape.kv_heads,
          shape.kv_heads,
          shape.dim,
          1 / std::sqrt(static_cast<float>(shape.dim)),
          shape.softcap,
          shape.window};
}

/// One page again and again, then another.
std::vector<std::int32_t> long_table(std::int32_t page, std::int32_t last) {
  std::vector<std::int32_t> pages(130, page);
  pages.push_back(last);
  return pages;
}

/// Sequences 0, 1, 2 share a prompt of two pages, 0 and 1 also a third; 3 is by itself, longer than the
/// rings of pages in shared memory; 4 and 5 have the same page more often than threads look for a difference.
const std::vector<std::vector<std::int32_t>> kTables = {
    {3, 8, 1, 12, 5},   {3, 8, 1, 7},      {3, 8, 2, 9}, {4, 10, 6, 11, 14, 13, 16, 15, 18, 17, 20},
    long_table(21, 22), long_table(21, 23)};
constexpr float kLimit = 3;  // of queries, keys and values
constexpr int kPages = 24;   // 0 and 19 belong to nobody

/// A cache with everything that `tokens` may see, and NaNs elsewhere; their queries.
class Scene {
 public:
  Scene(const Shape& shape, DType dtype, const std::vector<TokenAt>& tokens)
      : shape_(attention_shape(shape)),
        dtype_(dtype),
        tables_(kTables),
        cache_(dtype, shape.kv_heads, shape.dim, kPages),
        tokens_(tokens) {
    std::vector<int> length(kTables.size());
    for (const TokenAt& token : tokens) {
      int& longest = length[static_cast<std::size_t>(token.sequence)];
      longest = std::max(longest, token.position + 1);
    }
    for (std::size_t s = 0; s < length.size(); ++s) fill(static_cast<int>(s), 0, length[s]);
  }

  /// Writes positions [begin, end) of a sequence. What a slot holds depends on the slot alone.
  void fill(int sequence, int begin, int end, float factor = 1) {
    const auto width = static_cast<std::size_t>(shape_.kv_heads * shape_.head_dim);
    std::vector<TokenAt> tokens;
    std::vector<float> k, v;
    for (int p = begin; p < end; ++p) {
      tokens.push_back({sequence, p});
      const auto slot = static_cast<unsigned>(
          kTables[static_cast<std::size_t>(sequence)][static_cast<std::size_t>(p / 32)] * 32 + p % 32);
      for (float x : some_floats(width, 2 * slot, kLimit)) k.push_back(x);
      for (float x : some_floats(width, 2 * slot + 1, kLimit)) v.push_back(x * factor);
    }
    test::store_kv(*cpu_, k.data(), v.data(), kLayer, TestStep(tables_, tokens).on_cpu(), cache_.cache);
  }

  /// Of a token, whatever its place in a step.
  [[nodiscard]] std::vector<float> query(const TokenAt& token) const {
    auto q = some_floats(static_cast<std::size_t>(shape_.heads * shape_.head_dim),
                         static_cast<unsigned>(100000 + token.sequence * 1000 + token.position), kLimit);
    if (dtype_ == DType::kBFloat16) std::transform(q.begin(), q.end(), q.begin(), round_to_bf16);
    return q;
  }

  /// [T, H, D] of the kernel; without a cut, as attention() chooses it.
  [[nodiscard]] std::vector<float> run(const std::vector<TokenAt>& tokens,
                                       const std::optional<AttentionCut>& cut) const {
    const TestStep step(tables_, tokens);
    std::vector<float> q;
    for (const TokenAt& token : tokens) {
      for (float x : query(token)) q.push_back(token.position < 0 ? std::nanf("") : x);
    }
    const device::FlushDenormals mode(true);  // as the kernel's file is compiled
    if (dtype_ == DType::kFloat32) {
      const Shifted<float> in(q, 0), out(std::vector<float>(q.size(), 77.0f), 0);
      device::cuda::attention_f32(in.data(), shape_, kLayer, step.on_device(), cache_.cache, out.data(), {});
      return out.values();
    }
    const Shifted<std::uint16_t> in(as_bf16(q), 0);
    const Shifted<std::uint16_t> out(std::vector<std::uint16_t>(q.size(), 0x1234), 0);
    if (!cut) {
      device::cuda::attention(reinterpret_cast<const std::byte*>(in.data()), shape_, kLayer, step.on_device(),
                              cache_.cache, reinterpret_cast<std::byte*>(out.data()), {});
    } else {
      device::cuda::attention_bf16(reinterpret_cast<const std::uint32_t*>(in.data()), shape_, kLayer,
                                   step.on_device(), cache_.cache, *cut,
                                   reinterpret_cast<std::uint32_t*>(out.data()), {});
    }
    std::vector<float> wide;
    for (const std::uint16_t x : out.values()) wide.push_back(bf16_to_float(x));
    return wide;
  }

  [[nodiscard]] std::vector<float> expected(const std::vector<TokenAt>& tokens) const {
    const TestStep step(tables_, tokens);
    const auto width = static_cast<std::size_t>(shape_.heads * shape_.head_dim);
    std::vector<float> q, all(tokens.size() * width, 0.0f);
    for (const std::size_t t : step.at) {
      for (float x : query(tokens[t])) q.push_back(x);
    }
    std::vector<float> out(q.size());
    cpu_->attention(q.data(), shape_, kLayer, step.on_cpu(), cache_.cache,
                    dtype_ == DType::kBFloat16 ? Compute::kBFloat16 : Compute::kFloat32, out.data());
    for (std::size_t i = 0; i < step.at.size(); ++i) {
      std::copy_n(out.data() + i * width, width, all.data() + step.at[i] * width);
    }
    return all;
  }

  void check(const std::optional<AttentionCut>& cut = {}) const {
    const std::vector<float> out = run(tokens_, cut), right = expected(tokens_);
    const auto width = static_cast<std::size_t>(shape_.heads * shape_.head_dim);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const TokenAt& token = tokens_[i / width];
      // On a GPU sums of scores and of values differ: a score by at most 1 / 100, hence a probability, which
      // is rounded to bf16, by 2^-6 of itself, and values are below kLimit.
      const bool near =
          !kEmulator && dtype_ == DType::kBFloat16 && std::abs(out[i] - right[i]) < 0x1p-5f * kLimit;
      ASSERT_TRUE(near || same_number(out[i], right[i]))
          << "sequence " << token.sequence << " position " << token.position << " head "
          << i % width / static_cast<std::size_t>(shape_.head_dim) << " dimension "
          << i % static_cast<std::size_t>(shape_.head_dim) << ": " << out[i] << ", not " << right[i];
    }
  }

  [[nodiscard]] int most_together() const { return device::cuda::most_together(shape_); }
  /// As many tokens and warps a block as there can be.
  [[nodiscard]] AttentionCut largest_cut() const { return {most_together(), kAttentionWarps}; }
  [[nodiscard]] std::size_t width() const { return static_cast<std::size_t>(shape_.heads * shape_.head_dim); }

 private:
  AttentionShape shape_;
  DType dtype_;
  Tables tables_;
  TestCache cache_;
  std::vector<TokenAt> tokens_;
  std::unique_ptr<device::Device> cpu_ = device::make_cpu_device({.threads = 1});
};

/// A step of decoding: shared prompts with private tails, page edges, padding between and behind.
std::vector<TokenAt> decoding() {
  return {{0, 130}, {1, 96}, {2, 100}, {0, -1}, {3, 63}, {2, 64}, {1, 31}, {0, 32}, {0, -1}};
}

/// Positions of one sequence.
std::vector<TokenAt> prefill(int sequence, int begin, int end) {
  std::vector<TokenAt> tokens;
  for (int p = begin; p < end; ++p) tokens.push_back({sequence, p});
  return tokens;
}

std::vector<TokenAt> both() {
  std::vector<TokenAt> tokens = prefill(0, 28, 37);
  for (const TokenAt& token : decoding()) tokens.push_back(token);
  return tokens;
}

std::string describe(const Shape& shape) {
  return "group " + std::to_string(shape.group) + " kv heads " + std::to_string(shape.kv_heads) + " D " +
         std::to_string(shape.dim) + " window " + std::to_string(shape.window) + " cap " +
         std::to_string(shape.softcap);
}

class CudaAttention : public InThreadOrder {
 protected:
  /// Both dtypes, every cut into blocks, and copies that land early and late.
  static void check(const Shape& shape, const std::vector<TokenAt>& tokens) {
    SCOPED_TRACE(describe(shape));
    Scene(shape, DType::kFloat32, tokens).check();
    const Scene scene(shape, DType::kBFloat16, tokens);
    const int most = scene.most_together();
    check(scene, CopiesLand::kAtIssue, {most, kAttentionWarps});
    check(scene, CopiesLand::kAtWait, {1, kAttentionWarps});
    check(scene, CopiesLand::kAtIssue, {1, 1});
    if (kAddressSanitizer || kThreadSanitizer) return;
    check(scene, CopiesLand::kAtWait, {most, kAttentionWarps});
    check(scene, CopiesLand::kAtWait, {most, 1});
    for (int together = most / 2; together > 0; together /= 2)
      check(scene, CopiesLand::kAtIssue, {together, kAttentionWarps});
  }

  static void check(const Scene& scene, CopiesLand when, const AttentionCut& cut) {
    const cuda_on_host::WithCopiesLanding landing(when);
    scene.check(cut);
  }
};

TEST_P(CudaAttention, GivesTheCpusBits) {
  if (kThreadSanitizer) return check({3, 1, 64}, {{0, 66}, {1, 70}, {0, -1}, {2, 64}});
  for (const int group : {1, 2, 3, 7, 8}) check({group, 2, 64}, both());
  check({16, 1, 64}, decoding());
  check({20, 2, 64}, prefill(1, 30, 35));
  check({2, 1, 128}, both());
  check({2, 1, 256}, both());
}

TEST_P(CudaAttention, AnyEvenDimension) {
  if (kThreadSanitizer) return check({2, 1, 6}, {{0, 33}, {1, 40}});
  for (const int dim : {2, 6, 16, 80, 126, 254}) check({2, 1, dim}, both());
}

TEST_P(CudaAttention, SoftCapAndWindow) {
  if (kThreadSanitizer) return check({2, 1, 64, 33, 2.0f}, {{0, 100}, {0, 101}, {2, 100}});
  check({4, 1, 64, 0, 5.0f}, both());
  for (const int window : {1, 2, 31, 32, 33, 64, 1000}) check({2, 1, 64, window, 0}, both());
  check({1, 2, 256, 40, 3.0f}, both());
}

/// A block of keys that nobody sees has no page. 32 tokens: every lane has one.
TEST_P(CudaAttention, WindowsApart) {
  check({1, 1, 64, 32}, {{3, 5}, {3, 340}});
  if (kThreadSanitizer) return;
  std::vector<TokenAt> tokens = prefill(3, 0, 16);
  for (const TokenAt& token : prefill(3, 330, 346)) tokens.push_back(token);
  check({1, 1, 64, 32}, tokens);
}

TEST_P(CudaAttention, LongerThanTheRingsOfPages) {
  const int last = kThreadSanitizer ? 290 : 340;
  check({2, 1, 64}, {{3, last}, {3, last - 1}});               // all pages shared
  check({7, 1, 64}, {{3, last}, {0, 130}, {1, 100}, {3, 5}});  // none
  if (kThreadSanitizer) return;
  check({8, 1, 128}, {{3, last}, {3, last - 32}, {3, 200}, {3, 0}, {3, 201}, {0, 140}});
  check({2, 1, 256}, {{3, last}, {2, 77}});
}

/// A difference in the last place of a sum shows in one of about 2^16 results, which are bf16.
TEST_P(CudaAttention, ManyResults) {
  if (kAddressSanitizer || kThreadSanitizer) GTEST_SKIP() << "nothing that other tests do not do";
  const Scene scene({8, 2, 256}, DType::kBFloat16, prefill(3, 20, 148));
  scene.check();
}

TEST_P(CudaAttention, PagesThatDifferLate) {
  const Scene scene({1, 1, 64}, DType::kBFloat16, {{4, 4165}, {5, 4166}});
  scene.check(scene.largest_cut());
  scene.check(AttentionCut{1, 1});
}

TEST_P(CudaAttention, OneTokenAndNone) {
  check({2, 1, 64}, {{0, 0}});
  check({2, 1, 64}, {});
  check({2, 1, 64}, {{0, -1}});
}

TEST_P(CudaAttention, NoTokenDependsOnItsNeighbours) {
  if (kThreadSanitizer) GTEST_SKIP() << "nothing that other tests do not do";
  for (const Shape& shape : {Shape{1, 1, 64}, Shape{2, 2, 128, 50, 4.0f}, Shape{7, 1, 64}, Shape{2, 1, 80}}) {
    std::vector<TokenAt> tokens = prefill(0, 0, 70);
    for (const TokenAt& token : prefill(3, 100, 103)) tokens.push_back(token);
    const Scene scene(shape, DType::kBFloat16, tokens);
    std::vector<float> alone;
    for (const TokenAt& token : tokens) {
      for (float x : scene.run({token}, {})) alone.push_back(x);
    }
    for (int together = scene.most_together(); together > 0; together /= 2) {
      for (const int warps : {1, kAttentionWarps})
        EXPECT_EQ(scene.run(tokens, AttentionCut{together, warps}), alone) << describe(shape);
    }
    std::vector<TokenAt> backwards(tokens.rbegin(), tokens.rend());
    const std::vector<float> other = scene.run(backwards, scene.largest_cut());
    const std::size_t width = scene.width();
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const float* at = other.data() + (tokens.size() - 1 - t) * width;
      EXPECT_TRUE(std::equal(at, at + width, alone.data() + t * width)) << t;
    }
  }
}

TEST_P(CudaAttention, InfinitiesStayWithThoseWhoSeeThem) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    Scene scene({2, 1, 64}, dtype, {{0, 40}, {0, 41}, {0, 42}, {0, 43}, {1, 50}});
    scene.fill(0, 42, 43, HUGE_VALF);  // infinities and NaNs
    scene.check(scene.largest_cut());
  }
}

TEST_P(CudaAttention, ZerosArePositive) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    Scene scene({2, 1, 64}, dtype, {{0, 40}, {0, 41}, {1, 33}});
    for (const int sequence : {0, 1}) scene.fill(sequence, 0, 42, 0x1p-127f);  // products are denormal
    scene.check(scene.largest_cut());
  }
}

/// Bytes that the kernel copies for `tokens`, as pages.
long pages_read(const Shape& shape, const std::vector<TokenAt>& tokens, int together,
                int warps = kAttentionWarps) {
  const Scene scene(shape, DType::kBFloat16, tokens);
  const cuda_on_host::CountingCopiedBytes bytes;
  scene.check(AttentionCut{together, warps});
  return bytes.count() / (2 * 32 * 2 * shape.dim);
}

TEST_P(CudaAttention, SharedPagesAreReadOnce) {
  if (kThreadSanitizer || !kEmulator) GTEST_SKIP() << "nothing that other tests do not do, or not counted";
  // One token a warp. A prompt of three pages, tails of two and of one; by itself, four pages.
  EXPECT_EQ(pages_read({8, 1, 64}, {{0, 130}, {1, 100}}, 1), 3 + 2 + 1);
  EXPECT_EQ(pages_read({8, 1, 128}, {{0, 130}, {3, 100}}, 1), 5 + 4);
  // The third sequence leaves after two pages, and from there on everybody is alone.
  EXPECT_EQ(pages_read({8, 1, 64}, {{0, 130}, {1, 100}, {2, 70}}, 1), 2 + 3 + 2 + 1);
  // A prefill of 16 tokens over three pages is four blocks; with four tokens a warp it is one.
  EXPECT_EQ(pages_read({2, 1, 64}, prefill(3, 70, 86), 1), 4 * 3);
  EXPECT_EQ(pages_read({2, 1, 64}, prefill(3, 70, 86), 4), 3);
  // What the next block sees is nothing to this one.
  EXPECT_EQ(pages_read({8, 1, 64}, {{0, 130}, {0, 131}, {0, 132}, {0, 133}, {3, 100}}, 1), 5 + 4);
  // Two warps a token: each of two blocks reads the five pages once.
  EXPECT_EQ(pages_read({16, 1, 64}, {{0, 130}, {0, 131}, {0, 132}, {0, 133}}, 1), 2 * 5);
  // Blocks of one warp share nothing.
  EXPECT_EQ(pages_read({8, 1, 64}, {{0, 130}, {1, 100}}, 1, 1), 5 + 4);
  // What lies before everybody's window, or between the windows, is not read.
  EXPECT_EQ(pages_read({8, 1, 64, 20}, {{0, 130}, {0, 125}}, 1), 2);
  EXPECT_EQ(pages_read({8, 1, 64, 20}, {{3, 70}, {3, 300}, {3, 310}}, 1), 2 + (1 + 2));
}

/// A GPU is filled where that can be done, by sharing as little as need be.
TEST(CudaAttentionCut, FollowsTheNumberOfTokens) {
  const auto cut = [](const Shape& shape, int tokens) {
    const AttentionCut found = device::cuda::usual_cut(attention_shape(shape), tokens);
    return std::pair(found.together, found.warps);
  };
  EXPECT_EQ(cut({7, 2, 64}, 0), std::pair(1, 1));
  EXPECT_EQ(cut({7, 2, 64}, 64), std::pair(1, 1));    // 32 blocks of four warps
  EXPECT_EQ(cut({7, 2, 64}, 256), std::pair(1, 4));   // 128
  EXPECT_EQ(cut({2, 4, 256}, 127), std::pair(1, 1));  // 124
  EXPECT_EQ(cut({2, 4, 256}, 128), std::pair(1, 4));
  EXPECT_EQ(cut({2, 4, 256}, 512), std::pair(2, 4));  // 256
  EXPECT_EQ(cut({2, 4, 256}, 4096), std::pair(4, 4));
  EXPECT_EQ(cut({2, 1, 256}, 2040), std::pair(1, 4));  // 255 by twos
  EXPECT_EQ(cut({2, 1, 256}, 2048), std::pair(2, 4));
  EXPECT_EQ(cut({20, 1, 64}, 170), std::pair(1, 1));  // three parts a token: 510 warps
  EXPECT_EQ(cut({20, 1, 64}, 171), std::pair(1, 4));
}

TEST_P(CudaAttention, SharedMemoryWithoutBankConflicts) {
  if (kThreadSanitizer || !kEmulator) GTEST_SKIP() << "nothing that other tests do not do, or not counted";
  for (const int dim : {64, 128, 256, 80}) {
    const Scene scene({2, 1, dim}, DType::kBFloat16, both());
    const cuda_on_host::CountingBankConflicts conflicts;
    scene.check();
    EXPECT_EQ(conflicts.count(), 0) << dim;
    EXPECT_GT(conflicts.accesses(), 1000);
  }
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaAttention, ::testing::ValuesIn(kThreadOrders), name_of_order);

}  // namespace
}  // namespace wisk::test
