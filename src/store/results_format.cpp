#include "results_format.hpp"

#include <algorithm>

namespace wisk::store {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Bytes of the well-formed UTF-8 character at the beginning of `text` (Unicode, table 3-7), or 0.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;  // no overlong forms
  const unsigned high = first == 0xED   ? 0x9F
                        : first == 0xF4 ? 0x8F
                                        : 0xBF;  // no surrogates, nothing past U+10FFFF
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return size;
}

}  // namespace

std::vector<std::string> verdict_words() {
  std::vector<std::string> words;
  for (int verdict = 0; verdict < kVerdicts; ++verdict)
    words.emplace_back(name_of(static_cast<Verdict>(verdict)));
  return words;
}

std::string utf8_or_replaced(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t size = character_bytes(text);
    result += size > 0 ? text.substr(0, size) : kReplacement;
    text.remove_prefix(size > 0 ? size : 1);
  }
  return result;
}

std::vector<std::string> field_variables(
    const std::vector<std::pair<std::string, std::vector<std::string>>>& fields) {
  std::vector<std::string> names;
  for (const auto& [field, values] : fields) {
    std::string name = "field_";
    for (const char c : field) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      name += plain ? c : '_';
    }
    std::string unique = name;
    for (int i = 2; std::find(names.begin(), names.end(), unique) != names.end(); ++i)
      unique = name + "_" + std::to_string(i);
    names.push_back(unique);
  }
  return names;
}

}  // namespace wisk::store
