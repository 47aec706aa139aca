#pragma once
// What can be read from a checkpoint's own Jinja template without running it: the format, and the points in
// which published templates of one format differ. An empty template gives each format's usual style.

#include <optional>
#include <string>
#include <string_view>

#include <wisk/tokenizer/chat.hpp>

namespace wisk::tokenizer {

struct ChatMLStyle {
  std::optional<std::string> default_system;  // inserted when the conversation does not start with one
  std::string generation_prompt = "<|im_start|>assistant\n";
  bool emits_bos = false;
};

struct Llama3Style {
  bool states_dates = false;  // Llama 3.1 and later: a system turn with knowledge and today's date
};

struct GemmaStyle {
  bool takes_system = true;  // Gemma 2 refuses system messages; Gemma 3 puts them into the first user turn
};

struct MistralStyle {
  std::string before_user = "[INST] ", after_user = "[/INST]";
  std::string before_answer = " ", after_answer;  // around the answer and its EOS
  bool trims_answer = false;
  bool takes_system = true;
  bool system_goes_last = true;  // into the last user turn, else into the first
};

/// nullopt for a template of no known format (Llama 2's, with its <<SYS>>, included).
std::optional<ChatFormat> recognise_template(std::string_view text);

ChatMLStyle chatml_style(std::string_view text);
Llama3Style llama3_style(std::string_view text);
GemmaStyle gemma_style(std::string_view text);
MistralStyle mistral_style(std::string_view text);

}  // namespace wisk::tokenizer
