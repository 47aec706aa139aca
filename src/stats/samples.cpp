#include <wisk/stats/samples.hpp>

#include <algorithm>
#include <map>

#include <wisk/core/assert.hpp>

namespace wisk::stats {

std::int64_t count(const Samples& samples, const Cell& cell, Verdict verdict) {
  const auto verdicts = cell.of(samples.verdict);
  return std::count(verdicts.begin(), verdicts.end(), verdict);
}

std::vector<AnswerClass> answer_classes(const Samples& samples, const Cell& cell) {
  std::map<std::int32_t, AnswerClass> classes;  // by answer
  for (std::size_t row = cell.begin(); row < cell.end(); ++row) {
    if (samples.answer[row] < 0) continue;
    AnswerClass& of_answer = classes.try_emplace(samples.answer[row], AnswerClass{0, false}).first->second;
    of_answer.votes += 1;
    of_answer.correct = of_answer.correct || samples.verdict[row] == Verdict::kCorrect;
  }
  std::vector<AnswerClass> result;
  for (const auto& [answer, of_answer] : classes) result.push_back(of_answer);
  std::stable_sort(result.begin(), result.end(),
                   [](const AnswerClass& a, const AnswerClass& b) { return a.votes > b.votes; });
  return result;
}

std::vector<std::int64_t> multiplicities(std::span<const std::uint64_t> values, bool skip_zero) {
  std::vector<std::uint64_t> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < sorted.size();) {
    const auto end = static_cast<std::size_t>(
        std::upper_bound(sorted.begin() + static_cast<std::ptrdiff_t>(i), sorted.end(), sorted[i]) -
        sorted.begin());
    if (!skip_zero || sorted[i] != 0) result.push_back(static_cast<std::int64_t>(end - i));
    i = end;
  }
  return result;
}

Samples of_problems(const Samples& samples, std::span<const std::size_t> problems) {
  Samples part = samples;  // the rows stay: cells point to them
  part.problems = problems.size();
  part.cell_begin.clear();
  part.cell_end.clear();
  for (std::size_t arm = 0; arm < samples.arms; ++arm) {
    for (const std::size_t problem : problems) {
      WISK_ASSERT(problem < samples.problems);
      const Cell cell(samples, arm, problem);
      part.cell_begin.push_back(cell.begin());
      part.cell_end.push_back(cell.end());
    }
  }
  return part;
}

}  // namespace wisk::stats
