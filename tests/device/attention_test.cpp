// Attention over a paged cache against the plain formula in double.
#include <algorithm>
#include <cfloat>
#include <limits>
#include <numeric>
#include <tuple>

#include "device/device_fixture.hpp"

namespace wisk::device {
namespace {

constexpr int kLayers = 2, kLayer = 1, kPages = 11;

/// Two sequences of different lengths whose pages lie anywhere; the step's tokens are the queries.
struct Case {
  int group, kv_heads, dim, tokens = 101;
  AttentionShape shape;
  Compute compute;
  std::vector<std::int32_t> positions, ids, page_rows, pages;
  std::vector<float> q, k[2], v[2];  // q [T, H, D]; k, v [tokens, G, D] of each sequence

  Case(int group_, int kv_heads_, int dim_, int window, float cap, Compute compute_,
       const std::vector<int>& at)
      : group(group_), kv_heads(kv_heads_), dim(dim_), compute(compute_) {
    shape = {group * kv_heads, kv_heads, dim, 1 / std::sqrt(static_cast<float>(dim)), cap, window};
    const std::vector<std::int32_t> table = {
        7, 2, 9, 0, 5, 1, 8, 3};  // 4 pages each, none in order; 4, 6, 10 belong to nobody
    pages = table;
    for (const int p : at) {
      for (int sequence = 0; sequence < 2; ++sequence) {
        positions.push_back(p);
        page_rows.push_back(4 * sequence);
        ids.push_back(0);
      }
    }
    const auto rounded = [&](std::vector<float> values) {
      if (compute == Compute::kBFloat16)
        std::transform(values.begin(), values.end(), values.begin(),
                       [](float x) { return round_to_bf16(x); });
      return values;
    };
    const auto size = static_cast<std::size_t>(tokens * kv_heads * dim);
    q = rounded(
        test::random_floats(positions.size() * static_cast<std::size_t>(shape.heads * dim), 1, -3, 3));
    for (unsigned s = 0; s < 2; ++s) {
      k[s] = rounded(test::random_floats(size, 2 + s, -3, 3));
      v[s] = rounded(test::random_floats(size, 4 + s, -3, 3));
    }
  }
  [[nodiscard]] StepTokens step() const { return {ids, positions, page_rows, pages}; }

  /// A cache full of large finite garbage, then the keys and values of both sequences, in steps of any size.
  [[nodiscard]] KvCache cache(Device& device, float garbage) const {
    KvCache cache;
    cache.dtype = compute == Compute::kBFloat16 ? DType::kBFloat16 : DType::kFloat32;
    cache.layers = kLayers;
    cache.kv_heads = kv_heads;
    cache.head_dim = dim;
    cache.pages = kPages;
    const std::size_t bytes = cache.page_bytes() * kPages;
    cache.data = device.allocate(bytes);
    for (std::size_t i = 0; i < bytes / size_of(cache.dtype); ++i) {
      if (cache.dtype == DType::kFloat32) {
        cache.data.as<float>()[i] = garbage;
      } else {
        cache.data.as<std::uint16_t>()[i] = float_to_bf16(garbage);
      }
    }
    const std::size_t row = static_cast<std::size_t>(kv_heads * dim);
    for (std::size_t s = 0; s < 2; ++s) {
      for (int begin = 0; begin < tokens; begin += 13) {
        const auto count = static_cast<std::size_t>(std::min(13, tokens - begin));
        std::vector<std::int32_t> at(count), rows(count, static_cast<std::int32_t>(4 * s));
        std::iota(at.begin(), at.end(), begin);
        const std::size_t offset = static_cast<std::size_t>(begin) * row;
        test::store_kv(device, k[s].data() + offset, v[s].data() + offset, kLayer, {at, at, rows, pages},
                       cache);
      }
    }
    return cache;
  }

  [[nodiscard]] std::vector<float> run(Device& device, const KvCache& cache) const {
    std::vector<float> out(q.size(), 77.0f);
    device.attention(q.data(), shape, kLayer, step(), cache, compute, out.data());
    return out;
  }

  /// Checks one output head. Bound: a score is off by at most delta = scale (D + 2) eps sum |q k| (and the
  /// cap's tanh by 4 eps cap more); a probability by 2 delta + (keys + 20) eps relatively, numerator and
  /// denominator together, and by half an ulp where it is rounded to bfloat16 before the product, as is the
  /// result.
  void check(const std::vector<float>& out, std::size_t t, int head) const {
    const auto s = static_cast<std::size_t>(page_rows[t] / 4);
    const int position = positions[t], kv = head / group;
    const int first = shape.window == 0 ? 0 : std::max(0, position - shape.window + 1);
    const float* query =
        q.data() + (t * static_cast<std::size_t>(shape.heads) + static_cast<std::size_t>(head)) *
                       static_cast<std::size_t>(dim);
    const auto at = [&](const std::vector<float>& x, int j) { return x.data() + (j * kv_heads + kv) * dim; };
    std::vector<double> p;
    double largest = -DBL_MAX, delta = 0, sum = 0;
    for (int j = first; j <= position; ++j) {
      double dot = 0, magnitude = 0;
      for (int d = 0; d < dim; ++d) {
        dot += static_cast<double>(query[d]) * static_cast<double>(at(k[s], j)[d]);
        magnitude += std::abs(static_cast<double>(query[d]) * static_cast<double>(at(k[s], j)[d]));
      }
      double score = static_cast<double>(shape.scale) * dot;
      if (shape.softcap != 0)
        score = static_cast<double>(shape.softcap) * std::tanh(score / static_cast<double>(shape.softcap));
      p.push_back(score);
      largest = std::max(largest, score);
      delta = std::max(delta, static_cast<double>(shape.scale) * (dim + 2) * test::kEpsilon * magnitude +
                                  4 * test::kEpsilon * static_cast<double>(shape.softcap));
    }
    for (double& x : p) sum += x = std::exp(x - largest);
    const double half_ulp = compute == Compute::kBFloat16 ? 0x1p-8 : 0;
    const double relative = 2 * delta + (static_cast<double>(p.size()) + 20) * test::kEpsilon + half_ulp;
    for (int d = 0; d < dim; ++d) {
      double value = 0, magnitude = 0;
      for (int j = first; j <= position; ++j) {
        const double term =
            p[static_cast<std::size_t>(j - first)] / sum * static_cast<double>(at(v[s], j)[d]);
        value += term;
        magnitude += std::abs(term);
      }
      const float found = out[static_cast<std::size_t>(query - q.data()) + static_cast<std::size_t>(d)];
      ASSERT_NEAR(found, value, relative * magnitude + half_ulp * std::abs(value))
          << "position " << position << " head " << head << " d " << d << " sequence " << s;
    }
  }
  void check(const std::vector<float>& out) const {
    for (std::size_t t = 0; t < positions.size(); ++t) {
      for (int h = 0; h < shape.heads && !::testing::Test::HasFatalFailure(); ++h) check(out, t, h);
    }
  }
};

const std::vector<int> kEdges = {0, 1, 4, 5, 30, 31, 32, 33, 63, 64, 65, 95, 96, 100};

class Attention : public ::testing::TestWithParam<std::tuple<int, int, int, Compute>> {};

TEST_P(Attention, IsTheFormulaWhateverTheUnseenSlotsHold) {
  const auto [group, dim, window, compute] = GetParam();
  const auto portable = test::device_with("portable"), threaded = test::device_with("portable", 3),
             avx2 = test::device_with("avx2"), avx2_threaded = test::device_with("avx2", 3);
  for (const float cap : {0.0f, 2.5f}) {
    const Case one(group, group == 1 ? 3 : 2, dim, window, cap, compute, kEdges);
    Device& fast = avx2 != nullptr ? *avx2 : *portable;
    const std::vector<float> out = one.run(fast, one.cache(fast, 0.0f));
    one.check(out);
    EXPECT_TRUE(test::same_bits(one.run(*portable, one.cache(*portable, 3e37f)), out))
        << "portable, garbage in unseen slots";
    EXPECT_TRUE(test::same_bits(one.run(fast, one.cache(fast, -1e38f)), out)) << "garbage in unseen slots";
    Device& other = avx2_threaded != nullptr ? *avx2_threaded : *threaded;
    EXPECT_TRUE(test::same_bits(one.run(other, one.cache(other, 1.0f)), out)) << "three threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Attention,
                         ::testing::Combine(::testing::Values(1, 2, 3, 7), ::testing::Values(8, 12, 64, 80),
                                            ::testing::Values(0, 1, 5, 32, 33),
                                            ::testing::Values(Compute::kFloat32, Compute::kBFloat16)),
                         [](const auto& test) {
                           return "group" + std::to_string(std::get<0>(test.param)) + "_dim" +
                                  std::to_string(std::get<1>(test.param)) + "_window" +
                                  std::to_string(std::get<2>(test.param)) +
                                  (std::get<3>(test.param) == Compute::kFloat32 ? "_f32" : "_bf16");
                         });

TEST(AttentionPositions, Every) {
  std::vector<int> all(101);
  std::iota(all.begin(), all.end(), 0);
  const auto device = test::device_with("auto");
  for (const Compute compute : {Compute::kFloat32, Compute::kBFloat16}) {
    for (const int window : {0, 7}) {
      const Case one(2, 2, 12, window, 0, compute, all);
      one.check(one.run(*device, one.cache(*device, 5.0f)));
    }
  }
}

TEST(AttentionPositions, OneKeyGivesItsValue) {
  const auto device = test::device_with("auto");
  const Case one(3, 2, 8, 1, 0, Compute::kFloat32, kEdges);  // a window of one: only the own key
  const std::vector<float> out = one.run(*device, one.cache(*device, 0));
  for (std::size_t t = 0; t < one.positions.size(); ++t) {
    for (std::size_t h = 0; h < 6; ++h) {
      for (std::size_t d = 0; d < 8; ++d) {
        const auto at = (static_cast<std::size_t>(one.positions[t]) * 2 + h / 3) * 8 + d;
        ASSERT_EQ(out[(t * 6 + h) * 8 + d], one.v[static_cast<std::size_t>(one.page_rows[t] / 4)][at]);
      }
    }
  }
}

TEST(AttentionNan, OfAQueryKeyOrValueReachesWhoSeesIt) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const char* kernels : {"avx2", "portable"}) {
    const auto device = test::device_with(kernels);
    if (device == nullptr) continue;
    for (const Compute compute : {Compute::kFloat32, Compute::kBFloat16}) {
      const Case clean(2, 2, 12, 0, 0, compute, kEdges);
      const std::vector<float> before = clean.run(*device, clean.cache(*device, 0));
      const auto check = [&](const Case& broken, const auto& sees) {
        const std::vector<float> out = broken.run(*device, broken.cache(*device, 0));
        for (std::size_t i = 0; i < out.size(); ++i) {
          const std::size_t t = i / 48, head = i / 12 % 4, d = i % 12;
          if (sees(t, head, d)) {
            ASSERT_TRUE(std::isnan(out[i])) << kernels << ' ' << t << ' ' << head << ' ' << d;
          } else {
            ASSERT_EQ(test::bits_of(out[i]), test::bits_of(before[i]))
                << kernels << ' ' << t << ' ' << head << ' ' << d;
          }
        }
      };
      Case query = clean, key = clean, value = clean;
      query.q[5 * 48 + 2 * 12 + 3] = nan;
      check(query, [](std::size_t t, std::size_t head, std::size_t) { return t == 5 && head == 2; });
      key.k[1][33 * 24 + 12 + 4] = nan;  // position 33 of the second sequence, key head 1
      check(key, [&](std::size_t t, std::size_t head, std::size_t) {
        return key.page_rows[t] == 4 && key.positions[t] >= 33 && head >= 2;
      });
      value.v[0][5 * 24 + 4] = nan;
      check(value, [&](std::size_t t, std::size_t head, std::size_t d) {
        return value.page_rows[t] == 0 && value.positions[t] >= 5 && head < 2 && d == 4;
      });
    }
  }
}

TEST(StoreKv, EveryElementAtItsDocumentedPlaceAndNothingElse) {
  const auto device = test::device_with("portable", 3);
  for (const DType type : {DType::kFloat32, DType::kBFloat16}) {
    KvCache cache;
    cache.dtype = type;
    cache.layers = 3;
    cache.kv_heads = 2;
    cache.head_dim = 12;  // 16 with its padding
    cache.pages = 4;
    const std::size_t bytes = cache.page_bytes() * 4, size = size_of(type);
    cache.data = device->allocate(bytes);
    EXPECT_EQ(cache.page_bytes(), 3u * 2 * 2 * 32 * 16 * size);
    std::vector<std::byte> expected(bytes, std::byte{0});
    const std::vector<std::int32_t> positions = {33, 0, 5, 31, 40}, page_rows = {0, 0, 0, 2, 2},
                                    pages = {3, 1, 0, 2};
    auto k = test::random_floats(5 * 24, 1), v = test::random_floats(5 * 24, 2);
    test::store_kv(*device, k.data(), v.data(), 2, {positions, positions, page_rows, pages}, cache);
    for (std::size_t t = 0; t < 5; ++t) {
      const auto page =
          static_cast<std::size_t>(pages[static_cast<std::size_t>(page_rows[t] + positions[t] / 32)]);
      const auto slot = static_cast<std::size_t>(positions[t] % 32);
      for (std::size_t head = 0; head < 2; ++head) {
        for (std::size_t d = 0; d < 12; ++d) {
          const std::size_t base = ((page * 3 + 2) * 2 + head) * 2 * 32 * 16;
          // A key is a row of two panels of 16 keys by 12, a value a column of one panel of 16 by 32.
          const bool wide = type == DType::kFloat32;
          const std::size_t key =
              base + slot / 16 * 16 * 12 + (wide ? d * 16 + slot % 16 : (d / 2 * 16 + slot % 16) * 2 + d % 2);
          const std::size_t value =
              base + 32 * 16 + (wide ? slot * 16 + d : (slot / 2 * 16 + d) * 2 + slot % 2);
          for (const auto& [at, number] :
               {std::pair(key, k[t * 24 + head * 12 + d]), std::pair(value, v[t * 24 + head * 12 + d])}) {
            const std::uint32_t bits = wide ? test::bits_of(number) : float_to_bf16(number);
            std::memcpy(expected.data() + at * size, &bits, size);
          }
        }
      }
    }
    EXPECT_EQ(std::memcmp(cache.data.data(), expected.data(), bytes), 0);
    device->copy_page(cache, 3, 2);
    EXPECT_EQ(std::memcmp(cache.data.data() + 2 * cache.page_bytes(),
                          expected.data() + 3 * cache.page_bytes(), cache.page_bytes()),
              0);
    EXPECT_EQ(std::memcmp(cache.data.data(), expected.data(), 2 * cache.page_bytes()), 0) << "other pages";
    EXPECT_EQ(std::memcmp(cache.data.data() + 3 * cache.page_bytes(),
                          expected.data() + 3 * cache.page_bytes(), cache.page_bytes()),
              0);
  }
}

}  // namespace
}  // namespace wisk::device
