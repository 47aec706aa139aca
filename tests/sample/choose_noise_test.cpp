#include <wisk/core/noise.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "choose_lanes.hpp"
#include "sample/chi_square.hpp"
#include "sample/plain_choice.hpp"

namespace wisk::sample {
namespace {

/// Largest distance of the sorted values' distribution to uniform, times sqrt(n); above 2.225 with
/// probability 1e-4.
double kolmogorov(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto rank = static_cast<double>(i);
    distance = std::max({distance, values[i] - rank / n, (rank + 1) / n - values[i]});
  }
  return distance * std::sqrt(n);
}
constexpr double kKolmogorovBound = 2.225;

double cdf(double gumbel) {
  return std::exp(-std::exp(-gumbel));
}

TEST(Noise, UniformsAreNeverZeroOrOne) {
  EXPECT_EQ(uniform_of(0, 0), 0x1p-53);
  EXPECT_EQ(uniform_of(0xffffffffu, 0xffffffffu), 1 - 0x1p-53);
  EXPECT_EQ(uniform_of(0, 0x80000000u), 0.5 + 0x1p-53);
}

TEST(Noise, TheMaximumOfABlockIsTheLargestOfItsGumbelsAndItsHolderHasIt) {
  for (const int vocabulary : {64, 640, 130, 65, 5}) {
    for (std::uint32_t position = 0; position < 200; ++position) {
      const Noise noise(Draw{1, 99, 3, position});
      for (int block = 0; block < block_count(vocabulary); ++block) {
        const int count = ids_in_block(block, vocabulary);
        const BlockNoise of_block = noise.block(block, count);
        EXPECT_EQ(of_block.maximum, noise.block_maximum(block, count));
        ASSERT_GE(of_block.holder, block * kBlockIds);
        ASSERT_LT(of_block.holder, block * kBlockIds + count);
        for (int id = block * kBlockIds; id < block * kBlockIds + count; ++id) {
          const double gumbel = noise.gumbel(id, of_block);
          if (id == of_block.holder) {
            EXPECT_EQ(gumbel, of_block.maximum);
          } else {
            EXPECT_LT(gumbel, of_block.maximum);  // equality is possible, once in 2^50
          }
        }
      }
    }
  }
}

TEST(Noise, EveryIdsGumbelIsAStandardGumbel) {
  constexpr int kDraws = 20000, kVocabulary = 64 + 7;
  for (const int id : {0, 31, 63, 64, 70}) {  // the last two in a block of 7
    std::vector<double> values;
    for (std::uint32_t sample = 0; sample < kDraws; ++sample) {
      values.push_back(cdf(test::gumbel_of(Noise(Draw{5, 6, sample, 7}), id, kVocabulary)));
    }
    EXPECT_LT(kolmogorov(values), kKolmogorovBound) << "id " << id;
  }
}

TEST(Noise, IdsOfABlockAndNeighbouringBlocksAreIndependent) {
  constexpr int kDraws = 20000, kVocabulary = 128;
  const std::vector<std::pair<int, int>> pairs = {{0, 1}, {5, 40}, {62, 63}, {63, 64}, {3, 67}};
  for (const auto& [first, second] : pairs) {
    double sum = 0;
    std::vector<double> joint;  // of two independent uniforms, a + b modulo 1 is uniform too
    for (std::uint32_t position = 0; position < kDraws; ++position) {
      const Noise noise(Draw{8, 9, 10, position});
      const double a = cdf(test::gumbel_of(noise, first, kVocabulary));
      const double b = cdf(test::gumbel_of(noise, second, kVocabulary));
      sum += (a - 0.5) * (b - 0.5) * 12;
      joint.push_back(a + b < 1 ? a + b : a + b - 1);
    }
    EXPECT_LT(std::fabs(sum / kDraws) * std::sqrt(kDraws), 3.9)
        << first << ", " << second;  // normal, p = 1e-4
    EXPECT_LT(kolmogorov(joint), kKolmogorovBound) << first << ", " << second;
  }
}

TEST(Noise, TheHolderIsUniformAndIndependentOfTheMaximum) {
  for (const int count : {64, 48, 7}) {
    std::vector<std::int64_t> all(static_cast<std::size_t>(count)), high(static_cast<std::size_t>(count));
    for (std::uint32_t problem = 0; problem < 50000; ++problem) {
      const BlockNoise noise = Noise(Draw{11, problem, 0, 0}).block(0, count);
      ++all[static_cast<std::size_t>(noise.holder)];
      if (cdf(noise.maximum - std::log(count)) > 0.5) ++high[static_cast<std::size_t>(noise.holder)];
    }
    const std::vector<double> uniform(static_cast<std::size_t>(count), 1.0 / count);
    const auto of_all = test::chi_square(all, uniform), of_high = test::chi_square(high, uniform);
    EXPECT_LT(of_all.statistic, of_all.bound) << count;
    EXPECT_LT(of_high.statistic, of_high.bound) << count;
  }
}

TEST(Noise, EveryPartOfADrawMatters) {
  std::set<double> maxima;
  const Draw base{1, 2, 3, 4};
  std::vector<Draw> draws = {base};
  for (int bit = 0; bit < 64; ++bit) {
    draws.push_back(base), draws.back().seed ^= std::uint64_t{1} << bit;
    draws.push_back(base), draws.back().problem_key ^= std::uint64_t{1} << bit;
    if (bit >= 32) continue;
    draws.push_back(base), draws.back().sample ^= std::uint32_t{1} << bit;
    draws.push_back(base), draws.back().position ^= std::uint32_t{1} << bit;
  }
  for (const Draw& draw : draws) {
    for (int block = 0; block < 4; ++block) maxima.insert(Noise(draw).block_maximum(block, 64));
  }
  EXPECT_EQ(maxima.size(), 4 * draws.size());
}

TEST(Noise, ManyAtOnceAreTheSameBits) {
  const int vocabulary = 64 * 300 + 9;
  const Noise noise(Draw{1, 2, 3, 4});
  std::vector<std::int32_t> blocks;
  for (int block = 0; block < block_count(vocabulary); block += 1 + block % 3) blocks.push_back(block);
  blocks.push_back(block_count(vocabulary) - 1);
  std::vector<double> maxima(blocks.size());
  noise_maxima(noise, vocabulary, blocks, maxima);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(maxima[i], noise.block_maximum(blocks[i], ids_in_block(blocks[i], vocabulary)));
  }
}

// The construction, pinned (tests/golden/noise/known_answers.py derives the same from its definition): a
// change of any of these numbers changes the tokens of every run ever made.
TEST(Noise, KnownAnswers) {
  const Noise noise(Draw{17, 0x0123456789abcdefu, 5, 42});
  const BlockNoise full = noise.block(3, 64), last = noise.block(4, 10);
  EXPECT_EQ(full.maximum, 0x1.6109897035c22p+2);
  EXPECT_EQ(full.holder, 246);
  EXPECT_EQ(last.maximum, 0x1.5573d59386f3cp+1);
  EXPECT_EQ(last.holder, 263);
  EXPECT_EQ(noise.gumbel(192, full), 0x1.a0b84c5283b0dp-4);
  EXPECT_EQ(noise.gumbel(193, full), -0x1.40636c3062c4cp-2);
  EXPECT_EQ(noise.gumbel(265, last), -0x1.3272ca57516bfp+0);
}

}  // namespace
}  // namespace wisk::sample
