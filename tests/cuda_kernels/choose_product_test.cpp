// The choice in the epilogue of a product against the same product, the soft cap and the choice in memory.

#include <tuple>

#include "choose_fixture.hpp"
#include "product_plan.hpp"
#include "products_fixture.hpp"

namespace wisk::test {
namespace {

using device::Choosing;
using device::RowDraw;
using device::VocabularyParts;
using device::cuda::BlockChoice;
using device::cuda::ChoiceRows;
using device::cuda::Floor;
using device::cuda::kChoosingTiles;

constexpr std::int32_t kTokensOfTile[kChoosingTiles] = {8, 16, 32, 64, 128};

struct Setting {
  Numbers kind = Numbers::kRandom;
  std::int32_t rows = 1, vocabulary = 64;
  std::int64_t columns = 24;
  float cap = 0;
  double temperature = 1;
  int parts = 1, ranks = 1, rank = 0;
};

/// A product, and its logits by linear() and the CPU's soft cap.
struct Head {
  explicit Head(const Setting& setting)
      : parts(parts_of(setting.vocabulary, {.parts = setting.parts, .ranks = setting.ranks}, setting.rank)),
        operand(setting.kind, setting.rows, setting.columns, {}, 3),
        matrix(packed(
            DType::kBFloat16, parts.edges[parts.count] - parts.edges[0], setting.columns,
            numbers(setting.kind,
                    static_cast<std::size_t>((parts.edges[parts.count] - parts.edges[0]) * setting.columns),
                    4))),
        logits(static_cast<std::size_t>(setting.rows * matrix.rows)) {
    const device::cuda::Product product{operand.device.data(), operand.lda, &matrix, nullptr,
                                        logits.data(),         matrix.rows};
    const device::FlushDenormals mode(true);  // as the products' files are compiled
    device::cuda::linear_by_tile(std::span(&product, 1), setting.rows, device::cuda::kTileShapes.size() - 1,
                                 {});
    if (setting.cap != 0) cpu().softcap(logits.data(), setting.rows * matrix.rows, setting.cap);
  }
  VocabularyParts parts;
  Operand<std::uint16_t> operand;
  PackedMatrix matrix;
  Shifted<float> logits;
};

std::vector<BlockChoice> fused(const Setting& setting, const Head& head, const ChoiceRows& rows,
                               const Choosing& choosing, std::size_t tile) {
  const Shifted<BlockChoice> blocks(static_cast<std::size_t>(rows.count * head.parts.blocks().count));
  const device::FlushDenormals mode(true);
  device::cuda::choose_in_product_by_tile(head.operand.device.data(), head.operand.lda, head.matrix,
                                          setting.cap, head.parts, rows, choosing, blocks.data(), tile, {});
  return blocks.values();
}

void expect_the_bits_of_memory(const Setting& setting, std::size_t tile) {
  SCOPED_TRACE("V " + std::to_string(setting.vocabulary) + ", rows " + std::to_string(setting.rows) + ", T " +
               std::to_string(setting.temperature) + ", tile " + std::to_string(tile));
  const Head head(setting);
  std::vector<RowDraw> draws = draws_of(setting.rows, 5);
  if (setting.rows > 2) draws[2].active = 0;
  const Shifted<RowDraw> own_draws(draws, 0);
  const ChoiceRows rows{setting.rows, own_draws.data(), nullptr, nullptr};
  const Choosing choosing{.seed = 11, .temperature = setting.temperature};
  const Shifted<BlockChoice> expected(static_cast<std::size_t>(rows.count * head.parts.blocks().count));
  device::cuda::choose_in_blocks(head.logits.data(), head.matrix.rows, head.parts, rows, choosing,
                                 expected.data(), {});
  const std::vector<BlockChoice> blocks = fused(setting, head, rows, choosing, tile);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_EQ(std::memcmp(&blocks[i], expected.data() + i, sizeof blocks[i]), 0)
        << "block " << i << ": token " << blocks[i].token << ", not " << expected.data()[i].token;
  }
}

class CudaChooseInProduct : public InOrderOfThreadsAndCopies {};

TEST_P(CudaChooseInProduct, GivesTheBitsOfLogitsInMemory) {
  if (kThreadSanitizer && std::get<0>(GetParam()) != kThreadOrders[0]) {
    GTEST_SKIP() << "races show in any order";
  }
  for (std::size_t tile = 0; tile < kChoosingTiles; tile += kThreadSanitizer ? 2 : 1) {
    const std::int32_t tokens = kThreadSanitizer ? 4 : kTokensOfTile[tile];
    for (const std::int32_t vocabulary : {1, 64, 65, 200, 333}) {
      if (kThreadSanitizer && vocabulary != 200) continue;
      if (kAddressSanitizer && vocabulary != 65 && vocabulary != 200) continue;
      const bool odd = (vocabulary + static_cast<std::int32_t>(tile)) % 2 != 0;
      expect_the_bits_of_memory({.rows = tokens + (odd ? 1 : -1),
                                 .vocabulary = vocabulary,
                                 .columns = odd ? 24 : 33,
                                 .cap = odd ? 0.0f : 20.0f,
                                 .temperature = odd ? 1.0 : 0.7},
                                tile);
    }
    if (kThreadSanitizer) continue;
    expect_the_bits_of_memory({.rows = 5, .vocabulary = 150, .temperature = 0}, tile);
    expect_the_bits_of_memory({.kind = Numbers::kVaried, .rows = 9, .vocabulary = 150, .cap = 5}, tile);
  }
}

INSTANTIATE_TEST_SUITE_P(Order, CudaChooseInProduct, kOrdersOfThreadsAndCopies);

TEST(CudaChooseInProductRanks, HoldTheirParts) {
  if (kThreadSanitizer) GTEST_SKIP() << "its accesses are those of GivesTheBitsOfLogitsInMemory";
  for (int rank = 0; rank < 4; ++rank) {
    expect_the_bits_of_memory({.rows = 7, .vocabulary = 1000, .parts = 8, .ranks = 4, .rank = rank},
                              static_cast<std::size_t>(rank));
  }
}

TEST(CudaChooseInProductTokens, AreTheCpus) {
  for (const std::int32_t count : {3, 40}) {
    if (kThreadSanitizer && count != 3) continue;
    const Setting setting{
        .rows = count, .vocabulary = kThreadSanitizer ? 300 : 1234, .columns = 16, .cap = 15};
    const Head head(setting);
    const std::vector<RowDraw> draws = draws_of(count, 6);
    const auto size = static_cast<std::size_t>(count);
    const Shifted<Floor> floors(size);
    const Shifted<RowDraw> own_draws(draws, 0);
    const ChoiceRows rows{count, own_draws.data(), nullptr, floors.data()};
    const Choosing choosing{.seed = 12};
    const Shifted<BlockChoice> blocks(size * static_cast<std::size_t>(head.parts.blocks().count));
    device::cuda::choose_in_product(head.operand.device.data(), head.operand.lda, head.matrix, setting.cap,
                                    head.parts, rows, choosing, blocks.data(), {});
    const Shifted<device::PartChoice> choices(size);
    device::cuda::choose_in_parts(blocks.data(), head.parts, rows, {}, choices.data(), {});
    const Shifted<device::RowChoice> result(size);
    device::cuda::choose_in_rows(choices.data(), 1, rows, {}, result.data(), {});
    sample::Chooser chooser(setting.vocabulary);
    for (std::int32_t r = 0; r < count; ++r) {
      const RowDraw& draw = draws[static_cast<std::size_t>(r)];
      const std::span logits(head.logits.data() + r * setting.vocabulary,
                             static_cast<std::size_t>(setting.vocabulary));
      const sample::Choice expected =
          chooser.choose(logits, {}, {choosing.seed, draw.problem_key, draw.sample, draw.position});
      EXPECT_EQ(result.data()[r].token, expected.token);
      EXPECT_TRUE(near_logprob(result.data()[r].logprob, expected.logprob, setting.vocabulary));
    }
  }
}

}  // namespace
}  // namespace wisk::test
