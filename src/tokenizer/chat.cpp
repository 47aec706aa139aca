#include <wisk/tokenizer/chat.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <wisk/core/error.hpp>

#include "chat_template.hpp"
#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

struct NamedFormat {
  ChatFormat format;
  std::string_view name;
};
constexpr std::array<NamedFormat, 5> kFormats = {{{ChatFormat::kPlain, "plain"},
                                                  {ChatFormat::kChatML, "chatml"},
                                                  {ChatFormat::kLlama3, "llama3"},
                                                  {ChatFormat::kGemma, "gemma"},
                                                  {ChatFormat::kMistral, "mistral"}}};

constexpr std::string_view kWhere = "chat messages";

/// Python's str.strip, which the templates' filter `trim` is.
std::string_view trimmed(std::string_view text) {
  // Unlike White_Space, Python also counts the separators U+001C..U+001F.
  const auto is_space = [](char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); };
  while (!text.empty() && is_space(character_at(text, 0))) text.remove_prefix(utf8_length(text[0]));
  while (!text.empty()) {
    const std::size_t last = previous_character(text, text.size());
    if (!is_space(character_at(text, last))) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

/// The token's text: as configured, else `usual` when the vocabulary has it, else nothing.
std::string token_text(const std::optional<std::string>& configured, const Tokenizer& tokenizer,
                       std::string_view usual) {
  if (configured) return *configured;
  return tokenizer.id_of(usual) ? std::string(usual) : std::string();
}

/// Roles must be user, assistant, user, ... from `first` on, as the Gemma and Mistral templates demand.
void require_alternation(std::span<const Message> messages, std::size_t first) {
  for (std::size_t i = first; i < messages.size(); ++i) {
    const std::string expected = (i - first) % 2 == 0 ? "user" : "assistant";
    if (messages[i].role != expected) {
      throw InputError(std::string(kWhere) + "[" + std::to_string(i) + "].role",
                       "\"" + expected + "\" (this chat format alternates user and assistant)",
                       "\"" + messages[i].role + "\"");
    }
  }
}

bool starts_with_system(std::span<const Message> messages) {
  return messages.front().role == "system";
}

std::string render_plain(std::span<const Message> messages) {
  std::vector<std::string> contents;
  for (const Message& message : messages) contents.push_back(message.content);
  return join(contents, "\n\n");
}

std::string render_chatml(const ChatMLStyle& style, const Tokenizer& tokenizer,
                          std::span<const Message> messages) {
  std::string text;
  if (style.emits_bos) text += token_text(tokenizer.bos_token(), tokenizer, "<s>");
  const auto turn = [&](std::string_view role, std::string_view content) {
    text.append("<|im_start|>").append(role).append("\n").append(content).append("<|im_end|>\n");
  };
  if (style.default_system && !starts_with_system(messages)) turn("system", *style.default_system);
  for (const Message& message : messages) turn(message.role, message.content);
  text += style.generation_prompt;
  return text;
}

std::string render_llama3(const Llama3Style& style, const Tokenizer& tokenizer,
                          std::span<const Message> messages) {
  std::string text = token_text(tokenizer.bos_token(), tokenizer, "<|begin_of_text|>");
  const auto header = [&](std::string_view role) {
    text.append("<|start_header_id|>").append(role).append("<|end_header_id|>\n\n");
  };
  const auto turn = [&](std::string_view role, std::string_view content) {
    header(role);
    text.append(content).append("<|eot_id|>");
  };
  if (style.states_dates) {
    const bool has_system = starts_with_system(messages);
    std::string system = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n";
    if (has_system) system += trimmed(messages.front().content);
    turn("system", system);
    if (has_system) messages = messages.subspan(1);
  }
  for (const Message& message : messages) turn(message.role, trimmed(message.content));
  header("assistant");
  return text;
}

/// Whether a system message comes first; turns have to alternate after it. Throws InputError for one that the
/// checkpoint's template refuses.
bool system_then_turns(std::span<const Message> messages, bool takes_system) {
  const bool has_system = starts_with_system(messages);
  if (has_system && !takes_system) {
    throw InputError(std::string(kWhere) + "[0].role",
                     "no system message (the checkpoint's chat template refuses them)", "\"system\"");
  }
  require_alternation(messages, has_system ? 1 : 0);
  return has_system;
}

std::string render_gemma(const GemmaStyle& style, const Tokenizer& tokenizer,
                         std::span<const Message> messages) {
  const bool has_system = system_then_turns(messages, style.takes_system);
  std::string text = token_text(tokenizer.bos_token(), tokenizer, "<bos>");
  std::string prefix;  // the system message is part of the first user turn
  if (has_system) prefix = messages.front().content + "\n\n";
  for (const Message& message : messages.subspan(has_system ? 1 : 0)) {
    const std::string_view role = message.role == "assistant" ? "model" : std::string_view(message.role);
    text.append("<start_of_turn>").append(role).append("\n").append(prefix).append(trimmed(message.content));
    text += "<end_of_turn>\n";
    prefix.clear();
  }
  text += "<start_of_turn>model\n";
  return text;
}

std::string render_mistral(const MistralStyle& style, const Tokenizer& tokenizer,
                           std::span<const Message> messages) {
  const bool has_system = system_then_turns(messages, style.takes_system);
  std::string text = token_text(tokenizer.bos_token(), tokenizer, "<s>");
  const std::string eos = token_text(tokenizer.eos_token(), tokenizer, "</s>");
  const std::span<const Message> turns = messages.subspan(has_system ? 1 : 0);
  const std::size_t place = style.system_goes_last && !turns.empty() ? turns.size() - 1 : 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (turns[i].role == "assistant") {
      text += style.before_answer;
      text += style.trims_answer ? trimmed(turns[i].content) : std::string_view(turns[i].content);
      text += eos + style.after_answer;
      continue;
    }
    text += style.before_user;
    if (has_system && i == place) text += messages.front().content + "\n\n";
    text += turns[i].content + style.after_user;
  }
  return text;
}

}  // namespace

ChatFormat parse_chat_format(std::string_view name, const std::string& where) {
  std::vector<std::string> known;
  for (const NamedFormat& entry : kFormats) {
    if (entry.name == name) return entry.format;
    known.emplace_back(entry.name);
  }
  throw InputError(where, "one of " + join(known, ", "),
                   "\"" + std::string(name) + "\"" + did_you_mean(name, known));
}

std::string_view name_of(ChatFormat format) {
  const auto found = std::find_if(kFormats.begin(), kFormats.end(),
                                  [format](const NamedFormat& entry) { return entry.format == format; });
  return found == kFormats.end() ? std::string_view() : found->name;
}

ChatFormat recognise_chat_format(const Tokenizer& tokenizer, const std::string& where) {
  constexpr std::string_view kExpected =
      "a chat template of a known format (set `prompt.chat` in the task file to chatml, llama3, gemma, "
      "mistral or "
      "plain)";
  if (!tokenizer.chat_template())
    throw InputError(where, std::string(kExpected), "a checkpoint without a chat template");
  const auto format = recognise_template(*tokenizer.chat_template());
  if (!format) throw InputError(where, std::string(kExpected), "a template of another kind");
  return *format;
}

std::string render_chat(ChatFormat format, const Tokenizer& tokenizer, std::span<const Message> messages) {
  if (messages.empty()) throw InputError(std::string(kWhere), "at least one message", "none");
  for (std::size_t i = 0; i < messages.size(); ++i) {
    require_utf8(messages[i].content, std::string(kWhere) + "[" + std::to_string(i) + "].content");
  }
  // A template of another format than the one asked for has no say.
  std::string_view own;
  if (tokenizer.chat_template() && recognise_template(*tokenizer.chat_template()) == format) {
    own = *tokenizer.chat_template();
  }
  switch (format) {
    case ChatFormat::kChatML:
      return render_chatml(chatml_style(own), tokenizer, messages);
    case ChatFormat::kLlama3:
      return render_llama3(llama3_style(own), tokenizer, messages);
    case ChatFormat::kGemma:
      return render_gemma(gemma_style(own), tokenizer, messages);
    case ChatFormat::kMistral:
      return render_mistral(mistral_style(own), tokenizer, messages);
    case ChatFormat::kPlain:
      break;
  }
  return render_plain(messages);
}

}  // namespace wisk::tokenizer
