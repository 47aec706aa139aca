#pragma once
// Samples for the tests of the store: made of their id, so that every reader can check every field.

#include <string>

#include <wisk/store/journal.hpp>

namespace wisk::store::test_data {

inline SampleRecord sample(std::uint32_t arm, std::uint32_t problem, std::uint32_t number) {
  const std::uint32_t mix = arm * 31 + problem * 7 + number * 3;
  SampleRecord record;
  record.id = {arm, problem, number};
  record.verdict = static_cast<Verdict>(mix % kVerdicts);
  record.finish = static_cast<FinishReason>(mix % 3);
  for (std::uint32_t t = 0; t < mix % 5; ++t) {  // some have no token at all
    record.tokens.push_back(static_cast<std::int32_t>(1000 * arm + 100 * problem + 10 * number + t));
    record.logprobs.push_back(-0.125f * static_cast<float>(t + mix));
    record.logprob += record.logprobs.back();
  }
  record.answer = number % 4 == 0 ? "" : "answer " + std::to_string(mix);
  record.text = std::string("text\0of ", 8) + std::to_string(mix) + "\xff\xf0\x9f";  // NUL and broken UTF-8
  return record;
}

}  // namespace wisk::store::test_data
