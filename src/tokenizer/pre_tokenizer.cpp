#include "pre_tokenizer.hpp"

#include <memory>

#include <wisk/core/error.hpp>

#include "pattern.hpp"
#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

using Step = PreTokenizer::Step;
using Pieces = std::vector<NormalizedText>;

/// GPT-2's cut: contractions, words, numbers, other symbols, spaces (all but the last before a word).
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

void append_parts(const NormalizedText& piece, const std::vector<ByteRange>& ranges, Pieces& parts) {
  for (const ByteRange range : ranges) {
    parts.push_back(
        {piece.text.substr(range.begin, range.end - range.begin), piece.at_start && range.begin == 0});
  }
}

Step split_by(std::shared_ptr<const Pattern> pattern, SplitBehavior behavior, bool invert) {
  return [pattern = std::move(pattern), behavior, invert](NormalizedText&& piece, Pieces& parts) {
    append_parts(piece, split(piece.text.size(), pattern->find_all(piece.text), behavior, invert), parts);
  };
}

/// Characters of a class as delimiters.
Step split_by_class(bool (*is_delimiter)(char32_t), SplitBehavior behavior) {
  return [is_delimiter, behavior](NormalizedText&& piece, Pieces& parts) {
    std::vector<ByteRange> matches;
    for (std::size_t i = 0; i < piece.text.size(); i += utf8_length(piece.text[i])) {
      if (is_delimiter(character_at(piece.text, i))) matches.push_back({i, i + utf8_length(piece.text[i])});
    }
    append_parts(piece, split(piece.text.size(), matches, behavior, false), parts);
  };
}

Step byte_level(const Component& component) {
  const bool add_prefix_space = component.boolean("add_prefix_space");
  auto pattern = component.boolean("use_regex", true)
                     ? std::make_shared<const Pattern>(kGpt2, component.where() + " (GPT-2's pattern)")
                     : nullptr;
  return [add_prefix_space, pattern](NormalizedText&& piece, Pieces& parts) {
    if (add_prefix_space && !piece.text.starts_with(' ')) piece.text.insert(0, 1, ' ');
    const std::size_t first = parts.size();
    if (pattern) {
      append_parts(piece,
                   split(piece.text.size(), pattern->find_all(piece.text), SplitBehavior::kIsolated, false),
                   parts);
    } else {
      parts.push_back(std::move(piece));
    }
    for (std::size_t i = first; i < parts.size(); ++i) parts[i].text = to_byte_level(parts[i].text);
  };
}

Step metaspace(const Component& component) {
  std::string replacement;
  append_utf8(replacement, component.character("replacement"));
  enum class Scheme { kAlways, kFirst, kNever };
  const std::string name = component.has("prepend_scheme") ? component.string("prepend_scheme") : "always";
  if (name != "always" && name != "first" && name != "never") {
    component.fail("prepend_scheme", "\"always\", \"first\" or \"never\"");
  }
  if (!component.boolean("add_prefix_space", true) && name != "never") {
    component.fail("add_prefix_space", "agreement with prepend_scheme \"" + name + "\"");
  }
  const Scheme scheme = name == "always"  ? Scheme::kAlways
                        : name == "first" ? Scheme::kFirst
                                          : Scheme::kNever;
  const bool cut = component.boolean("split", true);
  return [replacement, scheme, cut](NormalizedText&& piece, Pieces& parts) {
    std::string text;
    text.reserve(piece.text.size() + replacement.size());
    for (const char byte : piece.text) {
      if (byte == ' ') {
        text += replacement;
      } else {
        text.push_back(byte);
      }
    }
    const bool prepends = scheme == Scheme::kAlways || (scheme == Scheme::kFirst && piece.at_start);
    if (prepends && !text.starts_with(replacement)) text.insert(0, replacement);
    piece.text = std::move(text);
    if (!cut) {
      parts.push_back(std::move(piece));
      return;
    }
    std::vector<ByteRange> matches;
    for (std::size_t at = piece.text.find(replacement); at != std::string::npos;
         at = piece.text.find(replacement, at + replacement.size())) {
      matches.push_back({at, at + replacement.size()});
    }
    append_parts(piece, split(piece.text.size(), matches, SplitBehavior::kMergedWithNext, false), parts);
  };
}

Step split_component(const Component& component) {
  return split_by(std::make_shared<const Pattern>(component, "pattern"),
                  split_behavior(component, "behavior"), component.boolean("invert", false));
}

Step whitespace(const Component& component) {
  return split_by(std::make_shared<const Pattern>(R"(\w+|[^\w\s]+)", component.where()),
                  SplitBehavior::kRemoved, true);
}

const std::vector<Known<Step>>& known_steps() {
  static const std::vector<Known<Step>> table = {
      {"Split", split_component},
      {"ByteLevel", byte_level},
      {"Digits",
       [](const Component& component) {
         return split_by_class(is_numeric, component.boolean("individual_digits", false)
                                               ? SplitBehavior::kIsolated
                                               : SplitBehavior::kContiguous);
       }},
      {"Metaspace", metaspace},
      {"Whitespace", whitespace},
      {"WhitespaceSplit",
       [](const Component&) { return split_by_class(is_white_space, SplitBehavior::kRemoved); }},
      {"Punctuation",
       [](const Component& component) {
         return split_by_class(is_punctuation, component.has("behavior")
                                                   ? split_behavior(component, "behavior")
                                                   : SplitBehavior::kIsolated);
       }},
  };
  return table;
}

}  // namespace

PreTokenizer::PreTokenizer(const Component& parent) {
  for (const Component& component : flatten(parent, "pre_tokenizer", "pretokenizers")) {
    steps_.push_back(make_by_type(component, known_steps()));
  }
}

std::vector<NormalizedText> PreTokenizer::apply(NormalizedText text) const {
  Pieces pieces;
  if (!text.text.empty()) pieces.push_back(std::move(text));
  for (const Step& step : steps_) {
    Pieces parts;
    parts.reserve(pieces.size());
    for (NormalizedText& piece : pieces) step(std::move(piece), parts);
    pieces = std::move(parts);
  }
  return pieces;
}

}  // namespace wisk::tokenizer
