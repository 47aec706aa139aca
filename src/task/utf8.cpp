#include "utf8.hpp"

#include <algorithm>

namespace wisk::task {

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead < 0xe0               ? 0
                             : lead < 0xf0               ? 3
                             : lead < 0xf5               ? 4
                                                         : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80u) return 0;
  }
  const unsigned char second = byte(1);
  const bool wrong = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) ||
                     (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90);
  return wrong ? 0 : length;
}

std::string valid_utf8(std::string_view text, std::size_t limit) {
  std::string valid;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text), bytes = std::max<std::size_t>(length, 1);
    if (valid.size() + bytes > limit) break;
    if (length == 0) {
      valid += '?';
    } else {
      valid += text.substr(0, length);
    }
    text.remove_prefix(bytes);
  }
  return valid;
}

std::string quoted(std::string_view text, std::size_t limit) {
  std::string marked(1, '"');
  for (const char c : valid_utf8(text, limit)) marked += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  marked += '"';
  return marked;
}

}  // namespace wisk::task
