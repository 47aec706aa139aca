// The kernels that choose tokens against sample::Chooser: the same tokens, exactly.

#include <wisk/sample/choose.hpp>

#include <wisk/core/math.hpp>

#include "choose_fixture.hpp"
#include "choose_lanes.hpp"
#include "sample/plain_choice.hpp"

namespace wisk::test {
namespace {

using device::Choosing;
using device::PartChoice;
using device::RowChoice;
using device::RowDraw;
using device::VocabularyParts;
using device::cuda::BlockChoice;
using device::cuda::ChoiceRows;
using sample::SamplingParameters;

constexpr std::uint64_t kSeed = 0x1122334455667788u;
// Fibers are slow under ThreadSanitizer, and one split of the work shows its races.
const std::vector<std::int32_t> kVocabularies = kThreadSanitizer
                                                    ? std::vector<std::int32_t>{65, 1000}
                                                    : std::vector<std::int32_t>{1, 63, 64, 65, 1000, 5000};

Choosing choosing(double temperature, std::int32_t top_k = 0, double top_p = 1, double min_p = 0) {
  return {kSeed, temperature, top_k, top_p, min_p};
}

std::string describe(const Choosing& c) {
  return "T " + std::to_string(c.temperature) + ", top_k " + std::to_string(c.top_k) + ", top_p " +
         std::to_string(c.top_p) + ", min_p " + std::to_string(c.min_p);
}

SamplingParameters parameters_of(const Choosing& setting) {
  SamplingParameters parameters;
  parameters.temperature = setting.temperature;
  parameters.top_k = setting.top_k;
  parameters.top_p = setting.top_p;
  parameters.min_p = setting.min_p;
  return parameters;
}

/// The CPU's token of every row, and log probabilities within the bound.
void expect_cpu_choice(const Logits& logits, const std::vector<RowDraw>& draws, const Choosing& setting,
                       const Layout& layout) {
  SCOPED_TRACE("V " + std::to_string(logits.vocabulary) + ", " + describe(setting) + ", " +
               std::to_string(layout.parts) + " parts, floors " + std::to_string(layout.floors));
  const std::vector<RowChoice> chosen = choice_of(logits, draws, setting, layout);
  sample::Chooser chooser(logits.vocabulary);
  for (std::int32_t r = 0; r < logits.rows; ++r) {
    const RowDraw& draw = draws[static_cast<std::size_t>(r)];
    const sample::Choice expected = chooser.choose(
        logits.row(r), parameters_of(setting), {setting.seed, draw.problem_key, draw.sample, draw.position});
    const RowChoice& row = chosen[static_cast<std::size_t>(r)];
    EXPECT_EQ(row.token, expected.token) << "row " << r;
    EXPECT_TRUE(near_logprob(row.logprob, expected.logprob, logits.vocabulary))
        << "row " << r << ": " << row.logprob << ", not " << expected.logprob;
    EXPECT_EQ(row.broken, 0);
  }
}

/// All settings in one order of threads of one build; some of them in the others, which look for what no
/// single setting causes.
class CudaChoose : public InThreadOrder {
 protected:
  [[nodiscard]] static std::size_t step() {
    const bool all = !kThreadSanitizer && !kAddressSanitizer && GetParam() == kThreadOrders[0];
    return all ? 1 : (kThreadSanitizer ? 6 : 4);
  }
};

TEST_P(CudaChoose, GivesTheCpusTokens) {
  std::uint32_t position = 0;
  for (const std::int32_t vocabulary : kVocabularies) {
    const Logits logits = logits_of_every_character(vocabulary, 1);
    for (const double temperature : {0.0, 0.3, 1.0, 5.0}) {
      const bool floors = position % 3 != 0;
      const Layout layout{.floors = floors, .shift = position % 2};
      expect_cpu_choice(logits, draws_of(logits.rows, position++), choosing(temperature), layout);
    }
  }
}

const std::vector<Choosing> kFilters = {
    choosing(1, 1),          choosing(1, 20),           choosing(0.3, 100),
    choosing(1, 0, 0.95),    choosing(5, 0, 0.5),       choosing(1, 0, 0),
    choosing(1, 0, 1, 0.05), choosing(5, 0, 1, 0.3),    choosing(1, 0, 1, 1),
    choosing(0.6, 20, 0.95), choosing(5, 50, 0.9, .02), choosing(1, 0, 0.999),
    choosing(1e-6, 0, 0.9),  choosing(0.9, 999, 0.3),   choosing(1, 64, 1, 0.01),
    choosing(1e6, 500, 0.7), choosing(1, 0, 1, 1e-300), choosing(2, 0, 0.99, 1e-9)};

TEST_P(CudaChoose, FiltersKeepTheIdsOfThePlainSort) {
  for (const std::int32_t vocabulary : {1, 63, 65, 1000}) {
    const Logits logits = logits_of_every_character(vocabulary, 2);
    const Shifted<RowDraw> draws(draws_of(logits.rows, 0), 0);
    const device::cuda::ChoiceRows rows{logits.rows, draws.data(), nullptr, nullptr};
    for (std::size_t s = 0; s < kFilters.size(); s += step()) {
      const std::vector<device::cuda::Cut> cuts =
          cuts_of(logits, rows, kFilters[s], {.parts = 4, .ranks = 1 << s % 3, .shift = s % 2});
      for (std::int32_t r = 0; r < logits.rows && !cuts.empty(); ++r) {
        std::vector<std::int32_t> expected = kept_ids(logits.row(r), parameters_of(kFilters[s])), kept;
        std::erase_if(expected, [&](std::int32_t id) {
          return std::isinf(logits.row(r)[static_cast<std::size_t>(id)]);
        });
        std::sort(expected.begin(), expected.end());
        const device::cuda::Cut& cut = cuts[static_cast<std::size_t>(r)];
        for (std::int32_t id = 0; id < vocabulary; ++id) {
          const float logit = logits.row(r)[static_cast<std::size_t>(id)];
          if (std::isinf(logit)) continue;
          if (logit > cut.logit || (logit == cut.logit && id <= cut.last)) kept.push_back(id);
        }
        EXPECT_EQ(kept, expected) << "V " << vocabulary << ", row " << r << ", " << describe(kFilters[s]);
      }
    }
  }
}

TEST_P(CudaChoose, MinPComparesWithTheUnroundedBound) {
  const Shifted<RowDraw> draws(draws_of(1, 0), 0);
  const ChoiceRows rows{1, draws.data(), nullptr, nullptr};
  for (const float largest : {1.0f, -1.0f, 0.0f, 1e-40f, 3e38f}) {
    for (const double min_p : {0.9, 0.7, 0.5, 0.3, 0.1, 1e-3}) {
      const auto bound = static_cast<float>(static_cast<double>(largest) + std::log(min_p));
      const Logits logits{
          4, 1, {std::nextafter(bound, -kInfinity), bound, std::nextafter(bound, kInfinity), largest}};
      const device::cuda::Cut cut = cuts_of(logits, rows, choosing(1, 0, 1, min_p), {})[0];
      const auto expected = kept_ids(logits.row(0), parameters_of(choosing(1, 0, 1, min_p)));
      for (std::int32_t id = 0; id < 4; ++id) {
        const bool kept = std::find(expected.begin(), expected.end(), id) != expected.end();
        EXPECT_EQ(logits.values[static_cast<std::size_t>(id)] >= cut.logit, kept)
            << largest << ", " << min_p << ", " << id;
      }
    }
  }
}

TEST_P(CudaChoose, FiltersGiveTheCpusTokens) {
  const Logits logits = logits_of_every_character(step() > 1 ? 500 : 5000, 2);
  for (std::size_t s = 0; s < kFilters.size(); s += step()) {
    expect_cpu_choice(logits, draws_of(logits.rows, static_cast<std::uint32_t>(s)), kFilters[s],
                      {.floors = s % 3 != 0, .shift = s % 2});
  }
}

TEST_P(CudaChoose, RanksThatHoldPartsGiveTheBitsOfOneThatHoldsAll) {
  for (const std::int32_t vocabulary : {1, 100, 1000}) {
    if (step() > 1 && vocabulary != 1000) continue;
    const Logits logits = logits_of_every_character(vocabulary, 3);
    const std::vector<RowDraw> draws = draws_of(logits.rows, 7);
    for (const Choosing& setting : {choosing(1), choosing(0), choosing(0.7, 30, 0.9)}) {
      for (const int parts : {1, 2, 8}) {
        if (step() > 1 && parts != 8) continue;
        expect_cpu_choice(logits, draws, setting, {.parts = parts});
        const std::vector<RowChoice> alone = choice_of(logits, draws, setting, {.parts = parts});
        for (int ranks = 2; ranks <= parts; ranks *= 2) {
          const auto shared = choice_of(logits, draws, setting, {.parts = parts, .ranks = ranks, .shift = 3});
          EXPECT_TRUE(same_bits(alone, shared)) << vocabulary << ", " << parts << ", " << ranks;
        }
      }
    }
  }
}

TEST_P(CudaChoose, KnownAnswers) {  // those of Choose.KnownAnswers
  if (kThreadSanitizer) GTEST_SKIP() << "its accesses are those of GivesTheCpusTokens";
  Logits logits{1000, 4, {}};
  for (std::size_t i = 0; i < 4000; ++i)
    logits.values.push_back(static_cast<float>(i % 1000 * 7919 % 1000) / 128);
  std::vector<RowDraw> draws(4);
  for (std::uint32_t i = 0; i < 4; ++i) draws[i] = {0x0123456789abcdefu, 5, i, 1, 0};
  std::vector<std::int32_t> tokens;
  for (Choosing setting : {choosing(1), choosing(0.5, 40), choosing(1, 0, 0.9), choosing(0)}) {
    setting.seed = 17;
    for (const RowChoice& row : choice_of(logits, draws, setting, {})) tokens.push_back(row.token);
  }
  EXPECT_EQ(tokens, (std::vector<std::int32_t>{976, 815, 963, 608, 173, 815, 963, 840, 976, 815, 963, 608,
                                               321, 321, 321, 321}));
}

/// The winner is another than its block's holder and little better than what an earlier block has told. All
/// scores are below 0.
TEST_P(CudaChoose, AnIdThatIsLittleBetterThanTheBestKnownIsTaken) {
  if (kThreadSanitizer) GTEST_SKIP() << "its accesses are those of GivesTheCpusTokens";
  constexpr std::int32_t kKnown = 10, kBlock = 65;
  Logits logits{64 * 70, 16, std::vector<float>(64 * 70 * 16, -kInfinity)};
  const std::vector<RowDraw> draws = draws_of(logits.rows, 21);
  for (std::int32_t r = 0; r < logits.rows; ++r) {
    const RowDraw& draw = draws[static_cast<std::size_t>(r)];
    const Noise noise({kSeed, draw.problem_key, draw.sample, draw.position});
    const auto gumbel = [&](std::int32_t id) { return noise.gumbel(id, noise.block(id / 64, 64)); };
    const std::int32_t holder = noise.block(kBlock, 64).holder;
    std::int32_t best = holder == 64 * kBlock ? holder + 1 : 64 * kBlock;
    for (std::int32_t id = 64 * kBlock; id < 64 * (kBlock + 1); ++id) {
      if (id != holder && gumbel(id) > gumbel(best)) best = id;
    }
    logits.row(r)[kKnown] = -100;
    logits.row(r)[static_cast<std::size_t>(best)] = static_cast<float>(gumbel(kKnown) - gumbel(best) - 99.9);
  }
  for (const bool floors : {false, true}) expect_cpu_choice(logits, draws, choosing(1), {.floors = floors});
}

/// Noise is lost in logits of that size: all scores are the best one known, also those of ids that nobody had
/// to draw for.
TEST_P(CudaChoose, OfEqualScoresTheLowestIdIsTaken) {
  for (const float logit : {1e30f, -1e30f}) {
    Logits logits{200, 4, std::vector<float>(800, logit)};
    for (std::int32_t r = 0; r < 4; ++r)
      std::fill_n(logits.row(r).begin(), r, -kInfinity);  // row r begins with id r
    for (const bool floors : {false, true})
      expect_cpu_choice(logits, draws_of(4, 9), choosing(1), {.floors = floors});
  }
}

TEST_P(CudaChoose, FiltersKeepTheLowerIdsOfEqualLogits) {
  const Logits logits{200, 1, std::vector<float>(200, 0.25f)};
  const Shifted<RowDraw> draws(draws_of(1, 3), 0);
  const device::cuda::ChoiceRows rows{1, draws.data(), nullptr, nullptr};
  for (const auto& [setting, kept] : std::vector<std::pair<Choosing, std::int32_t>>{
           {choosing(1, 70), 70},
           {choosing(1, 0, 0.5), 100},    // exactly half of 200 equal ones reaches 0.5
           {choosing(1, 0, 0.501), 101},  // and a little more takes one more
           {choosing(1, 70, 0.5), 35},    // of what top_k left
           {choosing(1, 0, 0), 1},
           {choosing(1, 0, 1, 1), 200}}) {
    for (const int parts : {1, 4}) {  // of 64 ids, the last of 8
      const device::cuda::Cut cut = cuts_of(logits, rows, setting, {.parts = parts, .ranks = parts})[0];
      EXPECT_EQ(cut.logit, 0.25f);
      EXPECT_EQ(std::min(cut.last, 199), kept - 1) << describe(setting) << ", " << parts << " parts";
    }
  }
}

TEST_P(CudaChoose, RowsThatAreNotActiveGetNothingAndBrokenOnesSaySo) {
  Logits logits{130, 6, std::vector<float>(130 * 6, 0.5f)};
  std::fill(logits.row(0).begin(), logits.row(0).end(), kNaN);
  std::fill(logits.row(1).begin(), logits.row(1).end(), -kInfinity);
  logits.row(2)[129] = kInfinity;
  logits.row(2)[3] = kNaN;
  std::fill(logits.row(3).begin(), logits.row(3).end(), kNaN);  // not active
  std::fill(logits.row(4).begin(), logits.row(4).end(), kNaN);
  logits.row(4)[77] = -1000;
  std::vector<RowDraw> draws = draws_of(6, 1);
  draws[3].active = 0;
  for (const Choosing& setting : {choosing(1), choosing(0), choosing(1, 5, 0.5, 0.1)}) {
    if (kThreadSanitizer && setting.top_k != 0) continue;
    for (const int parts : {1, 2}) {
      const std::vector<RowChoice> rows = choice_of(logits, draws, setting, {.parts = parts});
      SCOPED_TRACE(describe(setting));
      for (std::size_t r = 0; r < 3; ++r) {
        EXPECT_EQ(rows[r].broken, 1) << r;
        EXPECT_EQ(rows[r].token, 0) << r;
        EXPECT_TRUE(std::isnan(rows[r].logprob)) << r;
      }
      EXPECT_EQ(rows[0].nan, 130);
      EXPECT_EQ(rows[1].nan + rows[1].infinite, 0);
      EXPECT_EQ(rows[2].nan, 1);
      EXPECT_EQ(rows[2].infinite, 1);
      EXPECT_TRUE(same_bits({rows[3]}, {RowChoice{}}));
      EXPECT_EQ(rows[4].token, 77);
      EXPECT_EQ(rows[4].logprob, 0.0f);
      EXPECT_EQ(rows[4].nan, 129);
      EXPECT_EQ(rows[5].broken, 0);
    }
  }
}

/// The log-sum of a part as docs/numerics.md has it, of the blocks' largest logits and sums.
double sum_of_part(std::span<const BlockChoice> blocks, float largest) {
  double lanes[32] = {};
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (blocks[b].largest == -kInfinity) continue;
    lanes[b % 32] += static_cast<double>(blocks[b].sum) *
                     math::exp(static_cast<double>(blocks[b].largest) - static_cast<double>(largest));
  }
  for (std::size_t half = 16; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

TEST_P(CudaChoose, SumsAreTakenInTheDocumentedOrder) {
  const Logits logits = logits_of_every_character(kThreadSanitizer ? 200 : 5000, 5);
  const auto blocks_of_row = static_cast<std::size_t>(block_count(logits.vocabulary));
  const VocabularyParts parts = parts_of(logits.vocabulary, {.parts = 2}, 0);
  const auto count = static_cast<std::size_t>(logits.rows);
  const ChoiceRows rows{logits.rows, nullptr, nullptr, nullptr};
  const Shifted<BlockChoice> blocks(count * blocks_of_row);
  const Shifted<PartChoice> choices(count * 2);
  const Shifted<float> values(logits.values, 0);
  device::cuda::choose_in_blocks(values.data(), logits.vocabulary, parts, rows, choosing(0), blocks.data(),
                                 {});
  device::cuda::choose_in_parts(blocks.data(), parts, rows, {}, choices.data(), {});
  for (std::size_t r = 0; r < count; ++r) {
    const std::span row = logits.row(static_cast<std::int32_t>(r));
    const std::span of_row(blocks.data() + r * blocks_of_row, blocks_of_row);
    std::vector<float> maxima(blocks_of_row);
    sample::block_maxima(row, maxima);
    for (std::size_t b = 0; b < blocks_of_row; ++b) {
      const std::span ids = row.subspan(64 * b, std::min<std::size_t>(64, row.size() - 64 * b));
      EXPECT_EQ(of_row[b].largest, maxima[b]);
      EXPECT_EQ(of_row[b].sum, static_cast<float>(sample::sum_exp(ids, maxima[b], 1.0f))) << "block " << b;
    }
    for (std::size_t p = 0; p < 2; ++p) {
      const auto first = static_cast<std::size_t>(parts.edges[p] / 64);
      const std::size_t end = p == 1 ? blocks_of_row : static_cast<std::size_t>(parts.edges[1] / 64);
      const PartChoice& part = choices.data()[p * count + r];
      EXPECT_EQ(part.sum, sum_of_part(of_row.subspan(first, end - first), part.largest)) << r << ", " << p;
    }
  }
}

TEST_P(CudaChoose, ScoresTokensOfAPrompt) {
  for (const std::int32_t vocabulary : kVocabularies) {
    Logits logits = logits_of_every_character(vocabulary, 4);
    std::vector<std::int32_t> targets;
    for (std::int32_t r = 0; r < logits.rows; ++r) targets.push_back(r * 7919 % vocabulary);
    targets[static_cast<std::size_t>(kRows - 2)] = vocabulary - 1;
    targets[kRows - 1] = -1;
    constexpr std::int32_t kBroken = 3;
    if (kBroken < kRows - 1) std::fill(logits.row(kBroken).begin(), logits.row(kBroken).end(), kNaN);
    for (const Layout& layout : {Layout{.parts = 1}, Layout{.parts = 8, .ranks = 2, .shift = 1}}) {
      const std::vector<RowChoice> rows = choice_of(logits, {}, choosing(0), layout, targets);
      for (std::int32_t r = 0; r < logits.rows; ++r) {
        SCOPED_TRACE("V " + std::to_string(vocabulary) + ", row " + std::to_string(r));
        const RowChoice& row = rows[static_cast<std::size_t>(r)];
        if (r == kRows - 1) {
          EXPECT_TRUE(same_bits({row}, {RowChoice{}}));
          continue;
        }
        const float expected = sample::log_probability(logits.row(r), targets[static_cast<std::size_t>(r)]);
        EXPECT_TRUE(near_logprob(row.logprob, expected, vocabulary)) << row.logprob << ", not " << expected;
        EXPECT_EQ(row.broken, r == kBroken ? 1 : 0);
        if (r == kBroken) continue;
        EXPECT_EQ(row.token,
                  sample::Chooser(vocabulary).choose(logits.row(r), parameters_of(choosing(0)), {}).token);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ThreadOrder, CudaChoose, ::testing::ValuesIn(thread_orders()), name_of_order);

}  // namespace
}  // namespace wisk::test
