#include "normalizer.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <utf8proc.h>

#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

#include "pattern.hpp"
#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

using Step = std::function<void(NormalizedText&)>;

struct UnicodeForm {
  bool compose, compatibility;
};

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

std::vector<utf8proc_int32_t> decompose(std::string_view text, bool compatibility) {
  constexpr std::size_t kLongest = 32;  // characters of the longest decomposition (18, U+FDFA)
  std::vector<utf8proc_int32_t> characters;
  characters.reserve(text.size());
  std::array<utf8proc_int32_t, kLongest> parts{};
  const auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | (compatibility ? UTF8PROC_COMPAT : 0));
  for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
    const auto character = static_cast<utf8proc_int32_t>(character_at(text, i));
    const auto count = utf8proc_decompose_char(character, parts.data(), kLongest, options, nullptr);
    WISK_ASSERT(count >= 0 && static_cast<std::size_t>(count) <= kLongest);
    characters.insert(characters.end(), parts.begin(), parts.begin() + count);
  }
  return characters;
}

/// Canonical ordering (Unicode 3.11, D109): runs of marks sorted by combining class. utf8proc sorts by
/// exchanging neighbours, which takes minutes for a megabyte of marks; this is n log n.
void order_marks(std::vector<utf8proc_int32_t>& characters) {
  const auto combining_class = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  auto run = characters.begin();
  while (run != characters.end()) {
    run = std::find_if(run, characters.end(), [&](auto c) { return combining_class(c) != 0; });
    const auto end = std::find_if(run, characters.end(), [&](auto c) { return combining_class(c) == 0; });
    std::stable_sort(run, end, [&](auto a, auto b) { return combining_class(a) < combining_class(b); });
    run = end;
  }
}

void normalize_unicode(NormalizedText& text, UnicodeForm form) {
  if (is_ascii(text.text)) return;
  std::vector<utf8proc_int32_t> characters = decompose(text.text, form.compatibility);
  order_marks(characters);
  if (form.compose) {
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    const auto length = utf8proc_normalize_utf32(characters.data(),
                                                 static_cast<utf8proc_ssize_t>(characters.size()), options);
    characters.resize(static_cast<std::size_t>(length));
  }
  text.text.clear();
  for (const auto character : characters) append_utf8(text.text, static_cast<char32_t>(character));
}

Step unicode_form(bool compose, bool compatibility) {
  return
      [form = UnicodeForm{compose, compatibility}](NormalizedText& text) { normalize_unicode(text, form); };
}

void lowercase(NormalizedText& text) {
  constexpr char32_t kDottedI = 0x130;  // the only character whose lower case is two, whatever the context
  std::string lower;
  lower.reserve(text.text.size());
  for (std::size_t i = 0; i < text.text.size(); i += utf8_length(text.text[i])) {
    const char32_t character = character_at(text.text, i);
    if (character == kDottedI) {
      lower += "i\xCC\x87";
    } else {
      append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(character))));
    }
  }
  text.text = std::move(lower);
}

Step prepend(const Component& component) {
  return [prefix = component.string("prepend")](NormalizedText& text) {
    if (!text.text.empty()) text.text.insert(0, prefix);
  };
}

Step replace(const Component& component) {
  auto pattern = std::make_shared<const Pattern>(component, "pattern");
  return [pattern, content = component.string("content")](NormalizedText& text) {
    text.text = pattern->replace(text.text, content);
  };
}

Step strip(const Component& component) {
  return [left = component.boolean("strip_left"),
          right = component.boolean("strip_right")](NormalizedText& text) {
    std::size_t begin = 0, end = text.text.size();
    while (left && begin < end && is_white_space(character_at(text.text, begin))) {
      begin += utf8_length(text.text[begin]);
    }
    while (right && end > begin &&
           is_white_space(character_at(text.text, previous_character(text.text, end)))) {
      end = previous_character(text.text, end);
    }
    if (begin > 0) text.at_start = false;
    text.text = text.text.substr(begin, end - begin);
  };
}

const std::vector<Known<Step>>& known_steps() {
  static const std::vector<Known<Step>> table = {
      {"NFC", [](const Component&) { return unicode_form(true, false); }},
      {"NFD", [](const Component&) { return unicode_form(false, false); }},
      {"NFKC", [](const Component&) { return unicode_form(true, true); }},
      {"NFKD", [](const Component&) { return unicode_form(false, true); }},
      {"Lowercase", [](const Component&) { return Step(lowercase); }},
      {"Prepend", prepend},
      {"Replace", replace},
      {"Strip", strip},
  };
  return table;
}

}  // namespace

Normalizer::Normalizer(const Component& parent) {
  for (const Component& component : flatten(parent, "normalizer", "normalizers")) {
    steps_.push_back(make_by_type(component, known_steps()));
  }
}

void Normalizer::apply(NormalizedText& text) const {
  for (const Step& step : steps_) step(text);
}

}  // namespace wisk::tokenizer
