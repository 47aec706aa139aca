#pragma once
// A question with its gold answer, and what the model is shown of it.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wisk::task {

struct Problem {
  std::string id;
  std::uint64_t key = 0;  ///< XXH3-64 of the id: the key of its random numbers
  std::string gold;       ///< the gold answer in the checker's one spelling, e.g. "1000.5"
  std::map<std::string, std::string> fields;  ///< what the prompt template may name
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
