#pragma once
// The samples of a run as columns, and what every table takes from them: cells, answer classes, counts.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <wisk/core/verdict.hpp>
#include <wisk/stats/majority.hpp>

namespace wisk::stats {

/// One row a sample, sorted by arm, problem, number in its cell. A value type; every column has as many rows.
/// Arms that share another's samples have cells with that arm's rows.
struct Samples {
  std::size_t arms = 0, problems = 0;
  std::vector<std::size_t> cell_begin, cell_end;  ///< [A, P] rows of each cell
  std::vector<std::int32_t> number;               ///< [R] of the sample in its cell
  std::vector<Verdict> verdict;                   ///< [R]
  std::vector<FinishReason> finish;               ///< [R]
  /// [R] answers of a problem (of any arm) that are equal have the same number; -1: the sample does not vote
  /// (no answer, truncated, undecided).
  std::vector<std::int32_t> answer;
  std::vector<std::int32_t> tokens;  ///< [R] generated
  std::vector<double> logprob;       ///< [R] sum over its tokens, natural logarithm, raw logits
  /// [R] hash of its token ids; hash of the sequence of its arithmetic results (0: none); whether it thinks
  /// between tags.
  std::vector<std::uint64_t> tokens_hash, path;
  std::vector<std::uint8_t> thinks;

  [[nodiscard]] std::size_t rows() const { return number.size(); }
};

/// The rows of one cell. A view: lives shorter than its samples.
class Cell {
 public:
  Cell(const Samples& samples, std::size_t arm, std::size_t problem)
      : begin_(samples.cell_begin[arm * samples.problems + problem]),
        end_(samples.cell_end[arm * samples.problems + problem]) {}
  [[nodiscard]] std::size_t begin() const { return begin_; }
  [[nodiscard]] std::size_t end() const { return end_; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(end_ - begin_); }
  /// The cell's part of a column.
  template <class T>
  [[nodiscard]] std::span<const T> of(const std::vector<T>& column) const {
    return std::span(column).subspan(begin_, end_ - begin_);
  }

 private:
  std::size_t begin_, end_;
};

/// Samples of a cell with one of the verdicts.
std::int64_t count(const Samples& samples, const Cell& cell, Verdict verdict);

/// The answers that vote, most votes first; a class is correct when its samples are.
std::vector<AnswerClass> answer_classes(const Samples& samples, const Cell& cell);

/// How often each value of a column occurs in a cell, in the order of the values. Zeros are left out where
/// `skip_zero`.
std::vector<std::int64_t> multiplicities(std::span<const std::uint64_t> values, bool skip_zero = false);

/// The same samples restricted to some problems, in that order. problems: indices.
Samples of_problems(const Samples& samples, std::span<const std::size_t> problems);

}  // namespace wisk::stats
