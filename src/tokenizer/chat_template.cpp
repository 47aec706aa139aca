#include "chat_template.hpp"

#include <algorithm>
#include <array>

namespace wisk::tokenizer {

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return contains(text, part); });
}

/// The value of a string literal's text: backslash escapes resolved.
std::string unescaped(std::string_view literal) {
  std::string value;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (literal[i] != '\\' || i + 1 == literal.size()) {
      value.push_back(literal[i]);
      continue;
    }
    const char next = literal[++i];
    value.push_back(next == 'n' ? '\n' : next == 't' ? '\t' : next);
  }
  return value;
}

/// Text from `begin` to the end of the string literal that it lies in, whose opening quote stands before it.
std::string_view rest_of_literal(std::string_view text, std::size_t begin) {
  std::size_t open = begin;
  while (open > 0 && text[open - 1] != '\'' && text[open - 1] != '"') --open;
  if (open == 0) return {};
  const char quote = text[open - 1];
  std::size_t end = begin;
  while (end < text.size() && text[end] != quote) end += text[end] == '\\' ? 2 : 1;
  return text.substr(begin, std::min(end, text.size()) - begin);
}

/// A system turn that the template writes out itself: `<|im_start|>system`, a line break, fixed text,
/// `<|im_end|>`.
std::optional<std::string> written_system_turn(std::string_view text) {
  constexpr std::string_view kStart = "<|im_start|>system", kEnd = "<|im_end|>";
  for (std::size_t at = text.find(kStart); at != std::string_view::npos; at = text.find(kStart, at + 1)) {
    std::string turn = unescaped(rest_of_literal(text, at));
    if (turn.empty()) {  // not in a literal but in the template's own text
      const std::size_t end = text.find(kEnd, at);
      if (end == std::string_view::npos) continue;
      turn = text.substr(at, end + kEnd.size() - at);
    }
    const std::size_t end = turn.find(kEnd);
    if (end == std::string::npos || turn.size() <= kStart.size() || turn[kStart.size()] != '\n') continue;
    std::string content = turn.substr(kStart.size() + 1, end - kStart.size() - 1);
    if (!contains(content, "{{") && !contains(content, "{%")) return content;
  }
  return std::nullopt;
}

}  // namespace

std::optional<ChatFormat> recognise_template(std::string_view text) {
  if (contains(text, "<|start_header_id|>") && contains(text, "<|eot_id|>")) return ChatFormat::kLlama3;
  if (contains(text, "<start_of_turn>") && contains(text, "<end_of_turn>")) return ChatFormat::kGemma;
  if (contains(text, "<|im_start|>") && contains(text, "<|im_end|>")) return ChatFormat::kChatML;
  if (contains(text, "[INST]") && contains(text, "[/INST]") && !contains(text, "<<SYS>>"))
    return ChatFormat::kMistral;
  return std::nullopt;
}

ChatMLStyle chatml_style(std::string_view text) {
  ChatMLStyle style;
  style.default_system = written_system_turn(text);
  style.emits_bos = contains(text, "bos_token");
  const std::size_t condition = text.rfind("add_generation_prompt");
  const std::size_t prompt =
      condition == std::string_view::npos ? condition : text.find("<|im_start|>assistant", condition);
  if (prompt != std::string_view::npos) {
    const std::string literal = unescaped(rest_of_literal(text, prompt));
    if (literal.starts_with(style.generation_prompt)) style.generation_prompt = literal;
  }
  return style;
}

Llama3Style llama3_style(std::string_view text) {
  return {contains(text, "Cutting Knowledge Date")};
}

GemmaStyle gemma_style(std::string_view text) {
  return {!contains(text, "System role not supported")};
}

MistralStyle mistral_style(std::string_view text) {
  MistralStyle style;
  if (text.empty()) return style;
  const bool space_before = contains_any(text, {"' [INST]", "\" [INST]"}),
             space_after = contains(text, "[INST] ");
  style.before_user = std::string(space_before ? " [INST]" : "[INST]");
  if (space_after) style.before_user.push_back(' ');
  style.after_user = contains(text, " [/INST]") ? " [/INST]" : "[/INST]";
  const bool space_before_answer = contains_any(
      text, {"' ' + message['content']", "\" \" + message[\"content\"]", "' ' + message[\"content\"]",
             "\" \" + message['content']", "' ' + content", "\" \" + content"});
  style.before_answer.assign(space_before_answer ? 1 : 0, ' ');
  const bool space_after_answer = contains_any(
      text, {"eos_token + ' '", "eos_token + \" \"", "eos_token+ ' '", "eos_token+' '", "eos_token+\" \""});
  style.after_answer.assign(space_after_answer ? 1 : 0, ' ');
  style.trims_answer = contains_any(text, {"]|trim", "] | trim", "content|trim", "content | trim"});
  style.takes_system = contains(text, "system");
  style.system_goes_last = contains(text, "loop.last");
  return style;
}

}  // namespace wisk::tokenizer
