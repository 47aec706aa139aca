#include "template.hpp"

#include <algorithm>

#include "ascii.hpp"

namespace wisk::task {
namespace {

/// The name in "{NAME}" at the front of `text`, or "".
std::string_view placeholder_at(std::string_view text) {
  if (text.size() < 3 || text[0] != '{' || !(is_letter(text[1]) || text[1] == '_')) return {};
  std::size_t end = 1;
  while (end < text.size() && (is_alnum(text[end]) || text[end] == '_')) ++end;
  return end < text.size() && text[end] == '}' ? text.substr(1, end - 1) : std::string_view{};
}

}  // namespace

Template::Template(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const std::string_view escaped =
        text.starts_with("{{") ? placeholder_at(text.substr(1)) : std::string_view{};
    if (!escaped.empty() && text.substr(escaped.size() + 3).starts_with('}')) {
      plain.append("{").append(escaped).append("}");
      text.remove_prefix(escaped.size() + 4);
      continue;
    }
    const std::string_view name = placeholder_at(text);
    if (name.empty()) {
      plain += text.front();
      text.remove_prefix(1);
      continue;
    }
    pieces_.push_back({std::move(plain), false});
    plain.clear();
    pieces_.push_back({std::string(name), true});
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.emplace_back(name);
    text.remove_prefix(name.size() + 2);
  }
  pieces_.push_back({std::move(plain), false});
}

std::string Template::render(const std::function<const std::string&(const std::string&)>& value) const {
  std::string text;
  for (const Piece& piece : pieces_) text += piece.placeholder ? value(piece.text) : piece.text;
  return text;
}

}  // namespace wisk::task
