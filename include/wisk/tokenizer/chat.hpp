#pragma once
// Chat formats: a list of messages as the text that a chat model was trained on.

#include <span>
#include <string>
#include <string_view>

#include <wisk/tokenizer/tokenizer.hpp>

namespace wisk::tokenizer {

enum class ChatFormat { kPlain, kChatML, kLlama3, kGemma, kMistral };

struct Message {
  std::string role;     // "system", "user" or "assistant"
  std::string content;  // UTF-8
};

/// "plain", "chatml", "llama3", "gemma" or "mistral". Throws InputError at `where` with the nearest known
/// name.
ChatFormat parse_chat_format(std::string_view name, const std::string& where);

/// The name that parse_chat_format reads.
std::string_view name_of(ChatFormat format);

/// The format of the checkpoint's own template. Throws InputError at `where` that says what to set when the
/// checkpoint has no template or one that is none of the above.
ChatFormat recognise_chat_format(const Tokenizer& tokenizer, const std::string& where);

/// The conversation with the header of the assistant's next turn, BOS text included where the format begins
/// with it: encode it with add_special_tokens = false. Where the checkpoint's own template is of that format,
/// its variations are followed (default system message, spaces, place of the system message), so that the
/// result equals transformers' apply_chat_template(add_generation_prompt=True). A template that would insert
/// today's date gets its own fallback date, 26 Jul 2024: a prompt must not depend on the day. kPlain joins
/// the contents with blank lines. Throws InputError for conversations that the format cannot express (roles
/// that do not alternate, no message).
std::string render_chat(ChatFormat format, const Tokenizer& tokenizer, std::span<const Message> messages);

}  // namespace wisk::tokenizer
