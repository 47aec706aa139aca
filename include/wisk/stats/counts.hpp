#pragma once
// What was counted: samples of each cell and verdicts of each arm.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <wisk/core/verdict.hpp>

namespace wisk::stats {

/// Counts of a run in one flat array, so that ranks add theirs with one all-reduce over values().
/// A value type; not thread-safe.
class Counts {
 public:
  Counts() = default;
  Counts(std::size_t arms, std::size_t problems)
      : arms_(arms), problems_(problems), values_(3 * arms * problems + arms * kVerdicts + arms) {}

  /// One finished sample of cell (arm, problem) with `tokens` generated tokens.
  void add(std::size_t arm, std::size_t problem, Verdict verdict, FinishReason finish, std::int64_t tokens);

  [[nodiscard]] std::size_t arms() const { return arms_; }
  [[nodiscard]] std::size_t problems() const { return problems_; }
  [[nodiscard]] std::span<const std::int64_t> n() const {
    return block(0, arms_ * problems_);
  }  // [A, P] samples
  [[nodiscard]] std::span<const std::int64_t> c() const {
    return block(1, arms_ * problems_);
  }  // [A, P] correct
  /// [A, P] samples that reached max_tokens.
  [[nodiscard]] std::span<const std::int64_t> truncated() const { return block(2, arms_ * problems_); }
  /// [A, kVerdicts] samples of each verdict.
  [[nodiscard]] std::span<const std::int64_t> verdicts() const {
    return std::span(values_).subspan(3 * arms_ * problems_, arms_ * kVerdicts);
  }
  /// [A] generated tokens of all samples.
  [[nodiscard]] std::span<const std::int64_t> tokens() const {
    return std::span(values_).subspan(3 * arms_ * problems_ + arms_ * kVerdicts, arms_);
  }
  /// Row `arm` of n() or c(): [P].
  [[nodiscard]] std::span<const std::int64_t> n_of(std::size_t arm) const { return row(n(), arm); }
  [[nodiscard]] std::span<const std::int64_t> c_of(std::size_t arm) const { return row(c(), arm); }
  /// Samples of an arm over all problems.
  [[nodiscard]] std::int64_t samples_of(std::size_t arm) const;

  /// Everything, for an all-reduce.
  [[nodiscard]] std::span<std::int64_t> values() { return values_; }
  [[nodiscard]] std::span<const std::int64_t> values() const { return values_; }
  bool operator==(const Counts&) const = default;

 private:
  [[nodiscard]] std::span<const std::int64_t> block(std::size_t index, std::size_t size) const {
    return std::span(values_).subspan(index * size, size);
  }
  [[nodiscard]] std::span<const std::int64_t> row(std::span<const std::int64_t> table,
                                                  std::size_t arm) const {
    return table.subspan(arm * problems_, problems_);
  }

  std::size_t arms_ = 0, problems_ = 0;
  std::vector<std::int64_t> values_;  // n [A, P], c [A, P], truncated [A, P], verdicts [A, V], tokens [A]
};

}  // namespace wisk::stats
