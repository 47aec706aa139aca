#pragma once
// What became of a sample. Values are stored in journals and results: append only, never renumber.

#include <array>
#include <cstdint>
#include <string_view>

namespace wisk {

enum class Verdict : std::uint8_t { kWrong = 0, kCorrect = 1, kNoAnswer = 2, kTruncated = 3, kUndecided = 4 };
inline constexpr int kVerdicts = 5;

/// "wrong", "correct", "no answer", "truncated", "undecided".
constexpr std::string_view name_of(Verdict verdict) {
  constexpr std::array<std::string_view, kVerdicts> kNames = {"wrong", "correct", "no answer", "truncated",
                                                              "undecided"};
  return kNames[static_cast<std::size_t>(verdict)];
}

enum class FinishReason : std::uint8_t { kEndOfSequence = 0, kStopString = 1, kLength = 2 };

/// "eos", "stop", "length".
constexpr std::string_view name_of(FinishReason reason) {
  constexpr std::array<std::string_view, 3> kNames = {"eos", "stop", "length"};
  return kNames[static_cast<std::size_t>(reason)];
}

}  // namespace wisk
