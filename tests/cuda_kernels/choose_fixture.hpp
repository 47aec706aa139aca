#pragma once
// Logits of many characters, and the kernels' choice with any split of the vocabulary over ranks.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <wisk/model/weights.hpp>
#include <wisk/sample/choose.hpp>

#include "choose.hpp"
#include "fixture.hpp"

namespace wisk::test {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Rows of logits.
struct Logits {
  std::int32_t vocabulary = 0, rows = 0;
  std::vector<float> values;  // [rows, vocabulary]

  [[nodiscard]] std::span<const float> row(std::int32_t r) const {
    const auto width = static_cast<std::size_t>(vocabulary);
    return std::span(values).subspan(static_cast<std::size_t>(r) * width, width);
  }
  [[nodiscard]] std::span<float> row(std::int32_t r) {
    const auto width = static_cast<std::size_t>(vocabulary);
    return std::span(values).subspan(static_cast<std::size_t>(r) * width, width);
  }
};

inline constexpr int kCharacters = 9;
// Every thread of a grid is one to ThreadSanitizer: grids are small then.
inline constexpr int kRows = kThreadSanitizer ? 2 : kCharacters;

/// Rows of all characters: ordinary ones, ties, a peak, a wide range, missing ones and NaN, equal ones, zeros
/// of both signs, tiny and huge ones. At least one is finite.
inline Logits logits_of_every_character(std::int32_t vocabulary, unsigned seed) {
  Logits logits{vocabulary, kRows, {}};
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  logits.values.resize(static_cast<std::size_t>(vocabulary) * kRows);
  for (std::int32_t r = 0; r < kRows; ++r) {
    for (float& logit : logits.row(r)) {
      const float value = 3 * normal(random);
      const std::uint32_t dice = static_cast<std::uint32_t>(random());
      const float kinds[kCharacters] = {value,
                                        std::round(value),
                                        0.01f * value,
                                        20 * value,
                                        dice % 3 == 0 ? -kInfinity : std::round(value / 2) * 2,
                                        dice % 4 == 0 ? kNaN : value,
                                        0.25f,
                                        dice % 2 == 0 ? 0.0f : -0.0f,
                                        dice % 8 == 0 ? -3e38f : value * 1e-39f};
      logit = kinds[kThreadSanitizer ? 1 + 4 * r : r];
    }
    const auto row = logits.row(r);
    if (std::none_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); })) row[0] = 1;
  }
  return logits;
}

/// One for each row, all different and active.
inline std::vector<device::RowDraw> draws_of(std::int32_t rows, std::uint32_t position) {
  std::vector<device::RowDraw> draws;
  for (std::int32_t r = 0; r < rows; ++r) {
    draws.push_back({0x0123456789abcdefu + static_cast<std::uint64_t>(r % 3), static_cast<std::uint32_t>(r),
                     position, 1, 0});
  }
  return draws;
}

/// How the kernels are to be used.
struct Layout {
  int parts = 1, ranks = 1;
  bool floors = true;
  std::size_t shift = 0;  // of the logits in memory, in floats
};

/// The parts of rank `rank`.
inline device::VocabularyParts parts_of(std::int32_t vocabulary, const Layout& layout, int rank) {
  model::Architecture architecture;
  architecture.vocabulary = vocabulary;
  device::VocabularyParts parts{vocabulary, layout.parts / layout.ranks, {}};
  for (int p = 0; p < parts.count; ++p) {
    const auto [first, last] = model::vocabulary_range(architecture, rank * parts.count + p, layout.parts);
    parts.edges[p] = static_cast<std::int32_t>(first);
    parts.edges[p + 1] = static_cast<std::int32_t>(last);
  }
  return parts;
}

/// Columns [edges[0], edges[count]) of the logits, each row at a multiple of `stride`.
inline Shifted<float> columns(const Logits& logits, const device::VocabularyParts& parts, std::int64_t stride,
                              std::size_t shift) {
  Shifted<float> part(static_cast<std::size_t>(stride * logits.rows), shift);
  for (std::int32_t r = 0; r < logits.rows; ++r) {
    std::copy(logits.row(r).begin() + parts.edges[0], logits.row(r).begin() + parts.edges[parts.count],
              part.data() + r * stride);
  }
  return part;
}

/// The cuts of all rows where there are filters, or nothing. The ranks' parts lie one after another.
inline std::vector<device::cuda::Cut> cuts_of(const Logits& logits, const device::cuda::ChoiceRows& rows,
                                              const device::Choosing& choosing, const Layout& layout) {
  if (!choosing.filters(logits.vocabulary)) return {};
  device::WholeLogits whole;
  whole.parts = layout.ranks;
  for (int r = 0; r < whole.parts; ++r) {
    const device::VocabularyParts parts = parts_of(logits.vocabulary, layout, r);
    whole.edges[r + 1] = parts.edges[parts.count];
    whole.stride = std::max(whole.stride, (whole.edges[r + 1] - whole.edges[r] + std::int64_t{3}) / 4 * 4);
  }
  whole.stride += layout.shift == 0 ? 0 : 1;
  const std::size_t of_rank = static_cast<std::size_t>(whole.stride * logits.rows);
  const Shifted<float> memory(of_rank * static_cast<std::size_t>(whole.parts), layout.shift);
  for (int r = 0; r < whole.parts; ++r) {
    const auto part = columns(logits, parts_of(logits.vocabulary, layout, r), whole.stride, 0).values();
    std::ranges::copy(part, memory.data() + of_rank * static_cast<std::size_t>(r));
  }
  whole.data = memory.data();
  const Shifted<device::cuda::Cut> cuts(static_cast<std::size_t>(rows.count));
  device::cuda::find_cuts(whole, rows, choosing, cuts.data(), {});
  return cuts.values();
}

/// What the kernels choose; or score, where there are targets.
inline std::vector<device::RowChoice> choice_of(const Logits& logits,
                                                const std::vector<device::RowDraw>& draws,
                                                const device::Choosing& choosing, const Layout& layout,
                                                const std::vector<std::int32_t>& targets = {}) {
  using namespace device;
  using namespace device::cuda;
  const auto count = static_cast<std::size_t>(logits.rows);
  const Shifted<Floor> floors(count);
  const OptionalForKernels<RowDraw> own_draws(draws);
  const OptionalForKernels<std::int32_t> own_targets(targets);
  ChoiceRows rows{logits.rows, own_draws.data(), nullptr, layout.floors ? floors.data() : nullptr};
  const OptionalForKernels<Cut> cuts(cuts_of(logits, rows, choosing, layout));
  rows.cuts = cuts.data();
  const Shifted<PartChoice> choices(count * static_cast<std::size_t>(layout.parts));
  PartChoice* next = choices.data();
  for (int rank = 0; rank < layout.ranks; ++rank) {
    const VocabularyParts parts = parts_of(logits.vocabulary, layout, rank);
    const std::int64_t stride =
        parts.edges[parts.count] - parts.edges[0] + static_cast<std::int64_t>(layout.shift);
    const auto own = columns(logits, parts, stride, layout.shift);
    const Shifted<BlockChoice> blocks(count * static_cast<std::size_t>(parts.blocks().count));
    choose_in_blocks(own.data(), stride, parts, rows, choosing, blocks.data(), {});
    const Targets scored{own_targets.data(), own.data(), stride};
    choose_in_parts(blocks.data(), parts, rows, scored, next, {});
    next += static_cast<std::size_t>(parts.count) * count;
  }
  const Shifted<RowChoice> result(count);
  const Targets scored{own_targets.data(), nullptr, 0};
  choose_in_rows(choices.data(), layout.parts, rows, scored, result.data(), {});
  for (const Floor floor : floors.values()) EXPECT_EQ(floor, 0u);
  return result.values();
}

/// The bound of docs/numerics.md on how far the log probability may be from the CPU's, before it is rounded.
inline double log_sum_bound(std::int32_t vocabulary) {
  return 2 * (0x1p-22 + (6 + std::log(static_cast<double>(vocabulary))) * 0x1p-24);
}

inline bool near_logprob(float value, float expected, std::int32_t vocabulary) {
  if (std::isnan(expected) || std::isinf(expected)) return same_number(value, expected);
  return std::fabs(static_cast<double>(value) - static_cast<double>(expected)) <=
         log_sum_bound(vocabulary) + std::fabs(static_cast<double>(expected)) * 0x1p-23;
}

inline bool same_bits(const std::vector<device::RowChoice>& a, const std::vector<device::RowChoice>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]) == 0;
}

}  // namespace wisk::test
