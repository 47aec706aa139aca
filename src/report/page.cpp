#include <wisk/report/page.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include <wisk/core/hash.hpp>

#include "page_parts.hpp"

namespace wisk::report {
namespace {

/// Text as the content of an element or an attribute in double quotes.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += letter;
    }
  }
  return result;
}

/// JSON that holds nothing a parser of HTML could take for the end of its script element or for a comment,
/// and no line separator of JavaScript: outside of strings JSON has none of these characters, within them \u
/// says the same.
std::string inert(std::string_view json) {
  constexpr std::string_view kSeparators = "\xE2\x80";  // U+2028 is E2 80 A8, U+2029 is E2 80 A9
  std::string result;
  result.reserve(json.size() + json.size() / 64);
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char third = i + 2 < json.size() && json.substr(i, 2) == kSeparators ? json[i + 2] : '\0';
    if (json[i] == '<') {
      result += "\\u003c";
    } else if (third == '\xA8' || third == '\xA9') {
      result += third == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      result += json[i];
    }
  }
  return result;
}

std::uint32_t nibble(char digit) {
  return static_cast<std::uint32_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

/// 'sha256-...' of a content security policy: the hash in base64 (RFC 4648; 32 bytes end with one "=").
std::string source_hash(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string hex = Sha256().update(text).hex() + "00";  // whole groups of 6 bits, four of them 3 bytes
  std::string result;
  for (std::size_t i = 0; i < hex.size(); i += 3) {  // 3 hexadecimal digits are 2 of base64
    const std::uint32_t bits = nibble(hex[i]) << 8 | nibble(hex[i + 1]) << 4 | nibble(hex[i + 2]);
    result += {kDigits[bits >> 6], kDigits[bits & 63]};
  }
  result.back() = '=';
  return "'sha256-" + result + "'";
}

/// `text` with each @NAME@ replaced, in one pass: what is put in is not looked at again.
std::string filled(std::string_view text,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> places) {
  std::string result;
  while (!text.empty()) {
    const auto place = std::find_if(places.begin(), places.end(), [&](const auto& entry) {
      return text.substr(0, entry.first.size()) == entry.first;
    });
    if (place == places.end()) {
      const std::size_t next = std::min(text.find('@', 1), text.size());
      result += text.substr(0, next);
      text.remove_prefix(next);
    } else {
      result += place->second;
      text.remove_prefix(place->first.size());
    }
  }
  return result;
}

}  // namespace

std::string page_of(std::string_view title, std::string_view data_json) {
  const std::string policy = "default-src 'none'; script-src " + source_hash(kPageScript) + "; style-src " +
                             source_hash(kPageStyle) + "; base-uri 'none'; form-action 'none'";
  return filled(kPageMarkup, {{"@POLICY@", policy},
                              {"@TITLE@", escaped(title)},
                              {"@STYLE@", kPageStyle},
                              {"@DATA@", inert(data_json)},
                              {"@SCRIPT@", kPageScript}});
}

}  // namespace wisk::report
