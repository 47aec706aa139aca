#pragma once
// A question with its gold answer, and what the model is shown of it.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wisk::task {

inline constexpr std::size_t kMaxColumnBytes = 256;  ///< of a column's name, and of its value

/// The half of a split that a problem is on: the best arm is chosen on one and its number reported on the
/// other.
enum class SplitSide : std::uint8_t { kNone, kChoose, kReport };

struct Problem {
  std::string id;
  std::uint64_t key = 0;  ///< XXH3-64 of the id: the key of its random numbers
  std::string gold;       ///< the gold answer in the checker's one spelling, e.g. "1000.5"
  std::string question;   ///< as the row has it
  SplitSide side = SplitSide::kNone;
  std::map<std::string, std::string> fields;  ///< what the prompt template may name
  /// The row's other fields, for sub-tables by subject or level: texts, numbers and booleans as they are
  /// written, of at most kMaxColumnBytes and without a zero byte. Not those of id, question and gold.
  std::map<std::string, std::string> columns;
};

struct Message {
  std::string role;  ///< "system", "user", "assistant"
  std::string content;
};

/// `text` for plain prompts; `messages` for chat formats, which the tokenizer module renders.
struct Prompt {
  std::string text;
  std::vector<Message> messages;
};

}  // namespace wisk::task
