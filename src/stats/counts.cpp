#include <wisk/stats/counts.hpp>

#include <numeric>

#include <wisk/core/assert.hpp>

namespace wisk::stats {

void Counts::add(std::size_t arm, std::size_t problem, Verdict verdict, FinishReason finish,
                 std::int64_t tokens) {
  WISK_ASSERT(arm < arms_ && problem < problems_ && static_cast<int>(verdict) < kVerdicts);
  const std::size_t cells = arms_ * problems_;
  const std::size_t cell = arm * problems_ + problem;
  values_[cell] += 1;
  values_[cells + cell] += verdict == Verdict::kCorrect;
  values_[2 * cells + cell] += finish == FinishReason::kLength;
  values_[3 * cells + arm * kVerdicts + static_cast<std::size_t>(verdict)] += 1;
  values_[3 * cells + arms_ * kVerdicts + arm] += tokens;
}

std::int64_t Counts::samples_of(std::size_t arm) const {
  const auto row_of_arm = n_of(arm);
  return std::accumulate(row_of_arm.begin(), row_of_arm.end(), std::int64_t{0});
}

}  // namespace wisk::stats
