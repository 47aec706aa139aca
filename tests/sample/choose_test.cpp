#include <wisk/sample/choose.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>
#include <wisk/core/error.hpp>
#include <wisk/core/math.hpp>

#include "sample/chi_square.hpp"
#include "sample/plain_choice.hpp"

namespace wisk::sample {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

SamplingParameters parameters(double temperature, int top_k = 0, double top_p = 1, double min_p = 0) {
  SamplingParameters result;
  result.temperature = temperature;
  result.top_k = top_k;
  result.top_p = top_p;
  result.min_p = min_p;
  return result;
}

const std::vector<SamplingParameters> kSettings = {
    parameters(1),           parameters(0.7),           parameters(1.9),
    parameters(1, 1),        parameters(1, 20),         parameters(0.8, 100),
    parameters(1, 0, 0.95),  parameters(1, 0, 0.5),     parameters(1.5, 0, 0.9),
    parameters(1, 0, 0),     parameters(1, 0, 1, 0.05), parameters(2, 0, 1, 0.3),
    parameters(1, 0, 1, 1),  parameters(0.6, 20, 0.95), parameters(1.2, 50, 0.9, 0.02),
    parameters(1, 0, 0.999), parameters(0.01),          parameters(0.9, 1000, 0.3, 0.001)};

std::string describe(const SamplingParameters& p) {
  return "T " + std::to_string(p.temperature) + ", top_k " + std::to_string(p.top_k) + ", top_p " +
         std::to_string(p.top_p) + ", min_p " + std::to_string(p.min_p);
}

/// Random logits of several characters: spread, coarse (many ties), peaked, flat, with -inf and NaN.
std::vector<float> random_logits(int vocabulary, int character, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> logits(static_cast<std::size_t>(vocabulary));
  for (float& logit : logits) {
    const float value = 3 * normal(random);
    switch (character) {
      case 0:
        logit = value;
        break;
      case 1:
        logit = std::round(value);
        break;
      case 2:
        logit = 0.01f * value;
        break;
      case 3:
        logit = 10 * value;
        break;
      case 4:
        logit = random() % 3 == 0 ? -kInfinity : std::round(value / 2) * 2;
        break;
      default:
        logit = random() % 4 == 0 ? kNaN : value;
        break;
    }
  }
  if (std::none_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); })) logits[0] = 0;
  return logits;
}

TEST(Choose, EqualsThePlainChoiceOfAllIds) {
  std::mt19937 random(1);
  std::uint32_t position = 0;
  for (const int vocabulary : {1, 2, 5, 63, 64, 65, 200, 1000, 5000}) {
    Chooser chooser(vocabulary);
    for (int character = 0; character < 6; ++character) {
      const std::vector<float> logits = random_logits(vocabulary, character, random);
      std::vector<float> maxima(static_cast<std::size_t>(block_count(vocabulary)), -kInfinity);
      for (std::size_t i = 0; i < logits.size(); ++i) {
        float& maximum = maxima[i / kBlockIds];
        maximum = logits[i] > maximum ? logits[i] : maximum;
      }
      for (const SamplingParameters& setting : kSettings) {
        const std::vector<std::int32_t> kept = test::kept_ids(logits, setting);
        for (int repeat = 0; repeat < 20; ++repeat) {
          const Draw draw{2, 3, 4, position++};
          const Choice choice = chooser.choose(logits, setting, draw),
                       given_maxima = chooser.choose(logits, maxima, setting, draw);
          ASSERT_EQ(given_maxima.token, choice.token);
          ASSERT_EQ(given_maxima.logprob, choice.logprob);
          ASSERT_EQ(choice.token, test::plain_choice(logits, setting, draw, kept))
              << "V " << vocabulary << ", character " << character << ", " << describe(setting);
        }
      }
    }
  }
}

TEST(Choose, DoesNotDependOnHowTheVocabularyIsSplit) {
  std::mt19937 random(2);
  constexpr int kVocabulary = 777;
  Chooser chooser(kVocabulary);
  const std::vector<float> logits = random_logits(kVocabulary, 1, random);
  for (std::uint32_t position = 0; position < 500; ++position) {
    const Draw draw{1, 1, 1, position};
    // Each part finds its own best; the parts' bests meet in an argmax of their own, the last part first.
    std::vector<std::int32_t> bests;
    for (int end = kVocabulary; end > 0;) {
      const int begin = std::max(0, end - 1 - static_cast<int>(random() % 300));
      std::vector<std::int32_t> part;
      for (int id = begin; id < end; ++id) part.push_back(id);
      bests.push_back(test::plain_choice(logits, parameters(1), draw, part));
      end = begin;
    }
    EXPECT_EQ(chooser.choose(logits, parameters(1), draw).token,
              test::plain_choice(logits, parameters(1), draw, bests));
  }
}

TEST(Choose, FollowsTheExactFilteredDistribution) {
  std::mt19937 random(3);
  constexpr int kVocabulary = 150;
  constexpr std::uint32_t kDraws = 100000;
  std::vector<float> logits = random_logits(kVocabulary, 0, random);
  for (std::size_t id = 100; id < 110; ++id) logits[id] = logits[40];  // ties across two blocks
  Chooser chooser(kVocabulary);
  std::uint64_t problem = 0;
  for (const SamplingParameters& setting : kSettings) {
    const std::vector<std::int32_t> kept = test::kept_ids(logits, setting);
    std::vector<double> probabilities(kVocabulary);
    double total = 0;
    const double largest = logits[static_cast<std::size_t>(kept[0])];
    for (const auto id : kept) {
      const auto index = static_cast<std::size_t>(id);
      probabilities[index] = std::exp((static_cast<double>(logits[index]) - largest) / setting.temperature);
      total += probabilities[index];
    }
    for (double& probability : probabilities) probability /= total;
    // All but certain outcomes have no distribution to test, only ids that must not come.
    const bool certain = *std::max_element(probabilities.begin(), probabilities.end()) > 1 - 1e-3;
    std::vector<std::int64_t> counts(kVocabulary);
    ++problem;
    for (std::uint32_t sample = 0; sample < (certain ? 1000u : kDraws); ++sample) {
      ++counts[static_cast<std::size_t>(chooser.choose(logits, setting, Draw{4, problem, sample, 0}).token)];
    }
    for (std::size_t id = 0; id < counts.size(); ++id) {
      if (probabilities[id] == 0) {
        ASSERT_EQ(counts[id], 0) << "id " << id << " is filtered out by " << describe(setting);
      }
    }
    if (certain) continue;
    const test::ChiSquare chi = test::chi_square(counts, probabilities);
    EXPECT_LT(chi.statistic, chi.bound) << describe(setting);
  }
}

TEST(Choose, TemperatureZeroIsTheLargestLogitWithTheLowestId) {
  std::vector<float> logits(200, -1.0f);
  logits[130] = logits[70] = logits[199] = 5;
  logits[3] = kNaN;
  Chooser chooser(200);
  EXPECT_EQ(chooser.choose(logits, parameters(0), {}).token, 70);
  EXPECT_EQ(chooser.choose(logits, parameters(0, 1, 0.1, 1), Draw{9, 9, 9, 9}).token, 70);
  logits[0] = 5;
  EXPECT_EQ(chooser.choose(logits, parameters(0), {}).token, 0);
}

TEST(Choose, FiltersKeepTheLowerIdsOfEqualLogits) {
  const std::vector<float> logits(200, 0.25f);
  Chooser chooser(200);
  const auto seen = [&](const SamplingParameters& setting) {
    std::vector<bool> ids(200);
    for (std::uint32_t position = 0; position < 4000; ++position) {
      ids[static_cast<std::size_t>(chooser.choose(logits, setting, Draw{0, 0, 0, position}).token)] = true;
    }
    return ids;
  };
  const auto lowest = [](std::size_t count) {
    std::vector<bool> ids(200);
    std::fill_n(ids.begin(), count, true);
    return ids;
  };
  EXPECT_EQ(seen(parameters(1, 70)), lowest(70));
  EXPECT_EQ(seen(parameters(1, 0, 0.5)), lowest(100));    // exactly half of 200 equal ones reaches 0.5
  EXPECT_EQ(seen(parameters(1, 0, 0.501)), lowest(101));  // and a little more takes one more
  EXPECT_EQ(seen(parameters(1, 70, 0.5)), lowest(35));    // of what top_k left
  EXPECT_EQ(seen(parameters(1, 0, 0)), lowest(1));
  EXPECT_EQ(seen(parameters(1, 0, 1, 1)), lowest(200));
}

TEST(Choose, ZerosOfBothSignsAreEqual) {
  std::vector<float> logits(100, 0.0f);
  for (std::size_t id = 0; id < 100; id += 2) logits[id] = -0.0f;
  Chooser chooser(100);
  std::int32_t highest = 0;
  for (std::uint32_t position = 0; position < 2000; ++position) {
    highest = std::max(highest, chooser.choose(logits, parameters(1, 50), Draw{0, 0, 0, position}).token);
  }
  EXPECT_EQ(highest, 49);
}

TEST(Choose, ArmsWithEqualLogitsDrawEqualTokensAndWithCloseLogitsMostly) {
  std::mt19937 random(5);
  constexpr int kVocabulary = 1000, kDraws = 2000;
  std::vector<float> early = random_logits(kVocabulary, 0, random), late = early;
  std::normal_distribution<float> normal;
  for (float& logit : late) logit += 0.01f * normal(random);
  Chooser one(kVocabulary), other(kVocabulary);
  int equal = 0;
  for (std::uint32_t position = 0; position < kDraws; ++position) {
    const Draw draw{6, 7, 8, position};
    const std::int32_t token = one.choose(early, parameters(1), draw).token;
    EXPECT_EQ(token, other.choose(early, parameters(1), draw).token);
    equal += token == one.choose(late, parameters(1), draw).token ? 1 : 0;
  }
  EXPECT_GT(equal, kDraws * 97 / 100);
}

TEST(Choose, DrawsDifferBySeedProblemSampleAndPosition) {
  constexpr int kVocabulary = 4096;
  const std::vector<float> logits(kVocabulary, 0.0f);
  Chooser chooser(kVocabulary);
  const auto token = [&](const Draw& draw) { return chooser.choose(logits, parameters(1), draw).token; };
  int equal = 0;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const std::int32_t base = token({1, 2, 3, i});
    for (const Draw& other :
         {Draw{2, 2, 3, i}, Draw{1, 3, 3, i}, Draw{1, 2, 4, i}, Draw{1, 2, 3, i + 1000}}) {
      equal += token(other) == base ? 1 : 0;
    }
  }
  EXPECT_LE(equal, 4);  // 0.1 are expected
}

TEST(Choose, LogprobIsOfTheRawLogits) {
  std::mt19937 random(6);
  for (const int vocabulary : {1, 40, 1000, 50000}) {
    const std::vector<float> logits = random_logits(vocabulary, 0, random);
    long double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<long double>(logit));
    Chooser chooser(vocabulary);
    // Each exponential is within 2^-22 of its value, a tree of 64 floats adds 6 roundings, the result's
    // rounding and that of logsumexp are 2^-24 of at most 32.
    const double bound = 0x1p-22 + 6 * 0x1p-24 + 32 * 0x1p-24;
    EXPECT_NEAR(log_sum_exp(logits), static_cast<double>(std::log(sum)), bound);
    for (const SamplingParameters& setting : {parameters(1), parameters(0), parameters(2, 5, 0.9, 0.1)}) {
      const Choice choice = chooser.choose(logits, setting, {});
      const double exact =
          static_cast<double>(logits[static_cast<std::size_t>(choice.token)] - std::log(sum));
      EXPECT_NEAR(choice.logprob, exact, bound) << "V " << vocabulary << ", " << describe(setting);
    }
  }
}

TEST(Choose, LogSumExpOfLargeAndMissingLogits) {
  EXPECT_NEAR(log_sum_exp(std::vector<float>(1024, 1e4f)), 1e4 + std::log(1024.0), 1e4 * 0x1p-24);
  EXPECT_NEAR(log_sum_exp(std::vector<float>(1000, -1e4f)), -1e4 + std::log(1000.0), 1e4 * 0x1p-23);
  EXPECT_EQ(log_sum_exp(std::vector<float>{-kInfinity, 2.0f, kNaN}), 2.0f);
  EXPECT_EQ(log_sum_exp(std::vector<float>(70, -kInfinity)), -kInfinity);
}

TEST(Choose, TheExponentialIsWithinItsBound) {
  using math::exp_of_negative;
  for (float x = -86.9f; x <= 0; x += 0.00137f) {
    const double exact = std::exp(static_cast<double>(x));
    ASSERT_NEAR(exp_of_negative(x), exact, exact * 0x1p-22) << x;
  }
  EXPECT_EQ(exp_of_negative(0), 1.0f);
  EXPECT_EQ(exp_of_negative(-88), 0.0f);
  EXPECT_EQ(exp_of_negative(-kInfinity), 0.0f);
  EXPECT_EQ(exp_of_negative(kNaN), 0.0f);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Choose, BrokenLogitsAreAnErrorThatNamesTheDraw) {
  Chooser chooser(70);
  std::vector<float> logits(70, kNaN);
  const Draw draw{1, 0xabcu, 3, 4};
  for (const double temperature : {0.0, 1.0}) {
    EXPECT_EQ(message_of([&] { chooser.choose(logits, parameters(temperature), draw); }),
              "logits of problem key 0000000000000abc, sample 3, position 4: expected finite numbers, found "
              "70 NaN and 0 "
              "+inf among 70 (are the weights broken?)");
  }
  logits.assign(70, -kInfinity);
  EXPECT_NE(message_of([&] { chooser.choose(logits, parameters(1), draw); }), "no error");
  logits.assign(70, 0);
  logits[69] = kInfinity;
  EXPECT_NE(message_of([&] { chooser.choose(logits, parameters(1), draw); }), "no error");
  logits[69] = -kInfinity;
  EXPECT_EQ(message_of([&] { chooser.choose(logits, parameters(1), draw); }), "no error");
}

TEST(Choose, ParametersOutsideTheirRangeAreErrors) {
  Chooser chooser(3);
  const std::vector<float> logits = {1, 2, 3};
  for (const SamplingParameters& wrong :
       {parameters(-1), parameters(1e-7), parameters(std::nan("")), parameters(1, -1), parameters(1, 0, 1.5),
        parameters(1, 0, -0.1), parameters(1, 0, 1, 2), parameters(1, 0, 1, -1)}) {
    EXPECT_THROW(chooser.choose(logits, wrong, {}), InputError) << describe(wrong);
  }
}

// Pinned: the tokens of logits that any machine can make exactly.
TEST(Choose, KnownAnswers) {
  constexpr int kVocabulary = 1000;
  std::vector<float> logits(kVocabulary);
  for (std::size_t id = 0; id < kVocabulary; ++id) logits[id] = static_cast<float>(id * 7919 % 1000) / 128;
  Chooser chooser(kVocabulary);
  std::vector<std::int32_t> tokens;
  for (const SamplingParameters& setting :
       {parameters(1), parameters(0.5, 40), parameters(1, 0, 0.9), parameters(0)}) {
    for (std::uint32_t position = 0; position < 4; ++position) {
      tokens.push_back(chooser.choose(logits, setting, Draw{17, 0x0123456789abcdefu, 5, position}).token);
    }
  }
  EXPECT_EQ(tokens, (std::vector<std::int32_t>{976, 815, 963, 608, 173, 815, 963, 840, 976, 815, 963, 608,
                                               321, 321, 321, 321}));
}

}  // namespace
}  // namespace wisk::sample
