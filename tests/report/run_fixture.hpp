#pragma once
// A run of four arms (the last shares the first one's samples), six problems and eight samples, made by hand:
// its results and the samples that they count.

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include <wisk/report/analysis.hpp>
#include <wisk/stats/samples.hpp>
#include <wisk/store/results.hpp>

namespace wisk::report::test_data {

inline constexpr std::int64_t kProblems = 6, kSamples = 8;

/// Correct samples of each cell: late knows half of the problems surely, early all of them sometimes.
inline std::int64_t correct_of(std::size_t arm, std::size_t problem) {
  constexpr std::int64_t kCorrect[3][kProblems] = {
      {8, 8, 7, 0, 0, 0}, {2, 3, 2, 1, 2, 1}, {7, 6, 6, 1, 1, 0}};
  return kCorrect[arm][problem];
}

inline store::ResultsPlan plan() {
  store::ResultsPlan plan;
  plan.provenance.name = "demo";
  plan.provenance.task = "sums";
  plan.provenance.seed = 17;
  plan.provenance.input_sha256 = {{"late/model.safetensors", "ab12"}};
  const auto arm = [](const char* name, const char* recipe, double delta, std::uint32_t sampled_as) {
    store::ArmColumns columns;
    columns.name = name;
    columns.recipe_in_words = recipe;
    columns.delta = delta;
    columns.max_tokens = 64;
    columns.samples = kSamples;
    columns.sampled_as = sampled_as;
    if (!std::isnan(delta)) columns.early = "step-1", columns.late = "step-9";
    return columns;
  };
  plan.arms = {arm("delta=0", "1 x step-9 (late)", 0, 0), arm("delta=1", "1 x step-1 (early)", 1, 1),
               arm("delta=0.5", "0.5 x step-1 (early) + 0.5 x step-9 (late)", 0.5, 2),
               arm("step-9, \"final\"", "1 x step-9", std::numeric_limits<double>::quiet_NaN(), 0)};
  plan.arms[3].step = 9;
  plan.problems = {"a", "b", "c", "d", "e", "f"};
  plan.about.question = {"1+1?", "1+2?", "1+3?", "1+4?", "1+5?", "1+6?"};
  plan.about.gold = {"2", "3", "4", "5", "6", "7"};
  plan.about.split = {"choose", "report", "choose", "report", "choose", "report"};
  plan.about.fields = {{"level", {"1", "1", "1", "2", "2", "2"}}};
  plan.k = {1, 2, 8};
  return plan;
}

/// The first c samples of a cell (counted from its problem, so that arms differ in which) are correct, one of
/// the others has no answer, the rest share two wrong answers.
inline void add_cell(stats::Samples& samples, std::size_t arm, std::size_t problem) {
  samples.cell_begin.push_back(samples.rows());
  for (std::int64_t i = 0; i < kSamples; ++i) {
    const std::int64_t place = (i + static_cast<std::int64_t>(arm * 3 + problem)) % kSamples;
    const bool correct = place < correct_of(arm, problem), silent = !correct && place == kSamples - 1;
    samples.number.push_back(static_cast<std::int32_t>(i));
    samples.verdict.push_back(correct ? Verdict::kCorrect : silent ? Verdict::kNoAnswer : Verdict::kWrong);
    samples.finish.push_back(FinishReason::kEndOfSequence);
    samples.answer.push_back(silent ? -1 : correct ? 0 : 1 + static_cast<std::int32_t>(place % 2));
    samples.tokens.push_back(10 + static_cast<std::int32_t>(place));
    samples.logprob.push_back(-3.0 - static_cast<double>(place));
    samples.tokens_hash.push_back(samples.rows() * 2654435761u + 1);
    samples.path.push_back(static_cast<std::uint64_t>(place % 3));
    samples.thinks.push_back(0);
  }
  samples.cell_end.push_back(samples.rows());
}

inline stats::Samples samples() {
  stats::Samples samples;
  samples.arms = 4;
  samples.problems = kProblems;
  for (std::size_t arm = 0; arm < 3; ++arm) {
    for (std::size_t problem = 0; problem < samples.problems; ++problem) add_cell(samples, arm, problem);
  }
  for (std::size_t problem = 0; problem < samples.problems; ++problem) {
    samples.cell_begin.push_back(samples.cell_begin[problem]);
    samples.cell_end.push_back(samples.cell_end[problem]);
  }
  return samples;
}

/// What counting gives.
inline store::Results results(const stats::Samples& samples, store::ResultsPlan of = plan()) {
  store::Results results;
  results.plan = std::move(of);
  results.verdicts.assign(samples.arms * kVerdicts, 0);
  for (std::size_t arm = 0; arm < samples.arms; ++arm) {
    for (std::size_t problem = 0; problem < samples.problems; ++problem) {
      const stats::Cell cell(samples, arm, problem);
      results.n.push_back(cell.size());
      results.c.push_back(stats::count(samples, cell, Verdict::kCorrect));
      results.truncated.push_back(0);
      for (std::size_t row = cell.begin(); row < cell.end(); ++row) {
        results.truncated.back() += samples.finish[row] == FinishReason::kLength;
        results.verdicts[arm * kVerdicts + static_cast<std::size_t>(samples.verdict[row])] += 1;
      }
      if (results.plan.arms[arm].sampled_as == arm)
        results.missing_samples += results.plan.arms[arm].samples - cell.size();
    }
    results.mean_tokens.push_back(13.5);
  }
  results.interval_method = stats::kIntervalMethod;
  return results;
}

inline Analysis analysis(const AnalysisOptions& options = {}) {
  const stats::Samples all = samples();
  return analyse(results(all), all, options);
}

}  // namespace wisk::report::test_data
