#include <wisk/task/judge.hpp>

#include <wisk/task/number.hpp>

#include "utf8.hpp"

namespace wisk::task {

Judgement judge_number(std::string_view gold, std::string_view completion, FinishReason reason,
                       std::span<const std::string> markers) {
  if (completion.size() > kMaxTextBytes) return {Verdict::kUndecided, {}};
  const bool cut = reason == FinishReason::kLength;
  const auto found = extract_number(completion, markers);
  if (!found) return {cut ? Verdict::kTruncated : Verdict::kNoAnswer, {}};
  const NumberReading reading = read_number(found->text);
  const bool number = reading.kind == NumberKind::kNumber;
  std::string answer = number ? reading.value.text() : valid_utf8(found->text, kMaxAnswerBytes);
  if (cut && !found->by_marker) return {Verdict::kTruncated, std::move(answer)};
  if (reading.kind == NumberKind::kBeyondLimits) return {Verdict::kUndecided, std::move(answer)};
  const auto expected = parse_number(gold);
  if (number && expected && reading.value == *expected) return {Verdict::kCorrect, std::move(answer)};
  // "#### 1" at the length limit may have been about to become "#### 18".
  return {cut && found->at_end ? Verdict::kTruncated : Verdict::kWrong, std::move(answer)};
}

}  // namespace wisk::task
