#pragma once
// A plan of three arms, the last of which shares the first one's samples, and its samples in a journal.

#include <filesystem>

#include <wisk/store/results.hpp>

#include "samples.hpp"

namespace wisk::store::test_data {

inline constexpr std::uint64_t kJob = 42;

inline ResultsPlan plan() {
  ResultsPlan plan;
  plan.provenance = {
      "demo", "0.1.0", "seed: 17\nname: demo\n", 17, {"node1", "node2"}, {{"gsm8k.jsonl", "ab12"}}, "gsm8k"};
  const auto arm = [](const char* name, const char* recipe, double delta, std::uint32_t sampled_as) {
    ArmColumns columns;
    columns.name = name;
    columns.recipe_in_words = recipe;
    columns.delta = delta;
    columns.max_tokens = 64;
    columns.samples = 8;
    columns.sampled_as = sampled_as;
    return columns;
  };
  plan.arms = {arm("delta=0", "1 x step-9 (late)", 0, 0),
               arm("delta=0.25", "0.25 x step-1 (early) + 0.75 x step-9 (late)", 0.25, 1),
               arm("step-9", "1 x step-9", std::numeric_limits<double>::quiet_NaN(), 0)};
  plan.arms[2].step = 9;
  plan.problems = {"algebra/1", "algebra/2", "a name with spaces \xC3\xA4", "p4", "p5"};
  plan.k = {1, 2, 4, 8};
  return plan;
}

/// All samples of `plan`, spread over `files` journals, in an order that depends on `files`.
inline void write_journals(const std::filesystem::path& folder, std::uint32_t files,
                           std::uint32_t samples = 8) {
  std::vector<JournalWriter> writers;
  for (std::uint32_t i = 0; i < files; ++i)
    writers.emplace_back(folder, "rank" + std::to_string(files - i), kJob);
  writers[0].note_weights(0, 0xAAAA);
  writers[files - 1].note_weights(1, 0xBBBB);
  for (std::uint32_t i = 0; i < 2 * 5 * samples; ++i) {
    const std::uint32_t mixed =
        (i * 7 + files * 13) % (2 * 5 * samples);  // 7 is prime to the number of samples
    writers[i % files].append(sample(mixed / (5 * samples), mixed / samples % 5, mixed % samples));
  }
}

}  // namespace wisk::store::test_data
