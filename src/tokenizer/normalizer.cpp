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

/// The library's normalisation tables are those of Unicode 9, utf8proc's those of 15: marks, decompositions
/// and compositions of characters that came later do nothing there. Found by comparing every code point
/// (tests/golden/tokenizer/compare_with_library.py does it again).
struct CharacterRange {
  utf8proc_int32_t first, last;
};
constexpr auto kNewerThanUnicode9 = std::to_array<CharacterRange>(
    {{0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},
     {0x1DF6, 0x1DFA},   {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xA82C, 0xA82C},   {0xAB69, 0xAB69},
     {0x10781, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC},
     {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B},
     {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11930, 0x11930}, {0x11935, 0x11935}, {0x11938, 0x11938},
     {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47},
     {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
     {0x16FF0, 0x16FF1}, {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
     {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}});

bool is_inert(utf8proc_int32_t character) {
  if (character < kNewerThanUnicode9.front().first) return false;
  const auto range = std::lower_bound(kNewerThanUnicode9.begin(), kNewerThanUnicode9.end(), character,
                                      [](const CharacterRange& r, utf8proc_int32_t c) { return r.last < c; });
  return range != kNewerThanUnicode9.end() && range->first <= character;
}

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
    if (is_inert(character)) {
      characters.push_back(character);
      continue;
    }
    const auto count = utf8proc_decompose_char(character, parts.data(), kLongest, options, nullptr);
    WISK_ASSERT(count >= 0 && static_cast<std::size_t>(count) <= kLongest);
    characters.insert(characters.end(), parts.begin(), parts.begin() + count);
  }
  return characters;
}

/// Canonical ordering (Unicode 3.11, D109): runs of marks sorted by combining class. utf8proc sorts by
/// exchanging neighbours, which takes minutes for a megabyte of marks; this is n log n.
void order_marks(std::vector<utf8proc_int32_t>& characters) {
  const auto combining_class = [](utf8proc_int32_t c) {
    const auto value = utf8proc_get_property(c)->combining_class;
    return value != 0 && is_inert(c) ? decltype(value){0} : value;
  };
  auto run = characters.begin();
  while (run != characters.end()) {
    run = std::find_if(run, characters.end(), [&](auto c) { return combining_class(c) != 0; });
    const auto end = std::find_if(run, characters.end(), [&](auto c) { return combining_class(c) == 0; });
    std::stable_sort(run, end, [&](auto a, auto b) { return combining_class(a) < combining_class(b); });
    run = end;
  }
}

/// Canonical composition (Unicode 3.11, D117) of ordered text; an inert character combines with nothing, so
/// the parts between them are composed one by one.
std::vector<utf8proc_int32_t> compose(std::vector<utf8proc_int32_t> characters) {
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  std::vector<utf8proc_int32_t> composed;
  composed.reserve(characters.size());
  auto part = characters.begin();
  while (part != characters.end()) {
    const auto end = std::find_if(part, characters.end(), is_inert);
    const auto length = utf8proc_normalize_utf32(&*part, end - part, options);
    composed.insert(composed.end(), part, part + length);
    part = end;
    if (part != characters.end()) composed.push_back(*part++);
  }
  return composed;
}

void normalize_unicode(NormalizedText& text, UnicodeForm form) {
  if (is_ascii(text.text)) return;
  std::vector<utf8proc_int32_t> characters = decompose(text.text, form.compatibility);
  order_marks(characters);
  if (form.compose) characters = compose(std::move(characters));
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
