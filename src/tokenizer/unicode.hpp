#pragma once
// UTF-8 and the character classes that the tokenizers library uses outside its regular expressions.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wisk::tokenizer {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

/// What stands at a place in text that may not be UTF-8: `valid` bytes of a character of `needed` bytes
/// (0 of 1 when no character starts there; valid == needed: a whole character).
struct Utf8Scan {
  std::size_t valid, needed;
};
Utf8Scan scan_utf8(std::string_view text, std::size_t position);

/// Offset of the first byte that is not part of valid UTF-8 (surrogates and overlong forms are invalid).
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

/// Throws InputError at "`where`, byte N" when `text` is not UTF-8.
void require_utf8(std::string_view text, const std::string& where);

/// Bytes of the character that starts with `lead`, in valid UTF-8.
constexpr std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte < 0x80) return 1;
  if (byte < 0xE0) return 2;
  return byte < 0xF0 ? 3 : 4;
}

/// The character at `position` of valid UTF-8.
char32_t character_at(std::string_view text, std::size_t position);

/// Offset of the character that ends before `position` > 0 of valid UTF-8.
std::size_t previous_character(std::string_view text, std::size_t position);

void append_utf8(std::string& text, char32_t character);

bool is_white_space(char32_t character);  // property White_Space
bool is_word(char32_t character);         // \w of Unicode TR 18
bool is_numeric(char32_t character);      // categories Nd, Nl, No
bool is_punctuation(char32_t character);  // categories P*, and ASCII symbols

/// The printable character that stands for a byte in byte-level vocabularies (GPT-2's table).
char32_t character_of_byte(unsigned char byte);
/// The inverse; -1 for characters that stand for no byte.
int byte_of_character(char32_t character);
/// `bytes` with each byte replaced by its character.
std::string to_byte_level(std::string_view bytes);

}  // namespace wisk::tokenizer
