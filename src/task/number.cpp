#include <wisk/task/number.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include "ascii.hpp"
#include "literal.hpp"
#include "normalise.hpp"

namespace wisk::task {
namespace {

constexpr std::size_t kMaxRegion = 512;  ///< bytes after a marker that are looked at
constexpr std::size_t kMaxAnswer = 200;  ///< bytes of an answer that is no number
constexpr int kMaxPlaces = 64;           ///< places of one marker that are looked at, from the last

bool any_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

/// Brackets, currency and the like that may stand around a number.
bool is_wrapping(char c) {
  return is_space(c) || any_of(c, "{}()[]$*~\"'`|");
}

std::size_t skip_wrapping(std::string_view text, std::size_t at) {
  while (at < text.size() && is_wrapping(text[at])) ++at;
  return at;
}

/// Whether the number that ends at `end` is only the beginning of an expression: a power, an index, a root, a
/// variable, a list.
bool goes_on(std::string_view text, std::size_t end) {
  if (end < text.size() && (text[end] == '^' || text[end] == '_' || text[end] == '!'))
    return text[end] != '!';
  if (end + 1 < text.size() && text[end] == ',' && is_digit(text[end + 1])) return true;
  std::size_t at = end;
  while (at < text.size() && (is_space(text[at]) || text[at] == '{' || text[at] == '}')) ++at;
  if (at + 1 < text.size() && text[at] == '\\' && is_letter(text[at + 1])) return true;
  const bool one_letter = at < text.size() && any_of(text[at], "xyzabinekXYZ") &&
                          (at + 1 == text.size() || !is_letter(text[at + 1]));
  // "2x", "3 n + 1"; but "2 a day" is prose.
  if (one_letter && at == end) return true;
  return one_letter && trim(text.substr(at + 1)).find_first_of("+-*/^=<>") == 0;
}

/// Whether what stands before the number at `begin` makes it a part of an expression: "x + 5", "\sqrt{5}".
bool comes_from(std::string_view text, std::size_t begin) {
  std::size_t at = begin;
  while (at > 0 && begin - at < 16 && is_wrapping(text[at - 1]) && text[at - 1] != '*') --at;
  if (at == 0) return false;
  if (any_of(text[at - 1], "+/^_<>")) return true;
  if (text[at - 1] == '*' && at > 1 && is_alnum(text[at - 2])) return true;
  if (text[at - 1] == '-') return at > 1 && any_of(text[at - 2], "0123456789xyzn)} ");
  std::size_t name = at;
  while (name > 0 && at - name < 16 && is_letter(text[name - 1])) --name;
  return name > 0 && name < at && text[name - 1] == '\\';
}

/// Whether a number that ends at `end` may go on behind the end of the text.
bool cut_at(std::string_view text, std::size_t end) {
  return end == text.size() || (end + 1 == text.size() && any_of(text[end], ".,/"));
}

/// What a literal looks like as an answer: without currency, spaces and thin spaces at its ends and in it.
std::string spelled(std::string_view text, const Literal& literal) {
  std::string answer;
  for (const char c : text.substr(literal.begin, literal.end - literal.begin)) {
    if (c != '$' && c != kThinSpace) answer += c;
  }
  return answer;
}

std::string shortened(std::string_view text) {
  std::string answer;
  for (const char c : trim(text.substr(0, kMaxAnswer))) answer += is_space(c) ? ' ' : c;
  return answer;
}

/// The one number that `text` (normalised) is, with its wrapping; none otherwise.
std::optional<Literal> only_number(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  if (equals != std::string_view::npos) {
    const std::string_view left = text.substr(0, equals);
    if (left.find(", ") != std::string_view::npos || left.find(" and ") != std::string_view::npos ||
        left.find(" or ") != std::string_view::npos) {
      return {};
    }
    text = text.substr(equals);  // with the "=": a sign that stands apart belongs to the number only after it
  }
  const std::optional<Literal> literal = next_literal(text, 0);
  if (!literal) return {};
  std::string_view before = text.substr(0, literal->begin);
  if (trim(before).starts_with('*')) before.remove_prefix(before.find('*') + 1);  // *emphasis*
  const std::string_view after = text.substr(literal->end);
  if (before.find_first_of("+-*/^_<>\\%0123456789") != std::string_view::npos) return {};
  if (goes_on(text, literal->end) || after.starts_with('!')) return {};
  const std::string_view note = after.substr(0, after.find(" ("));
  if (next_literal(note, 0)) return {};
  const std::string_view rest = note.substr(std::min(skip_wrapping(note, 0), note.size()));
  if (!rest.empty() && any_of(rest.front(), "+-*<>")) return {};
  return literal;
}

/// One step of arithmetic after a literal: the operator at or after `at`, which moves behind it; 0 when there
/// is none. `words` tells whether units stood in between.
char next_operator(std::string_view text, std::size_t& at, bool& words) {
  constexpr std::size_t kLongestUnit = 32;
  std::size_t place = at;
  words = false;
  while (place < text.size() && place - at <= kLongestUnit) {
    const char c = text[place];
    const bool times =
        c == 'x' && place + 1 < text.size() && !is_letter(text[place + 1]) && !is_letter(text[place - 1]);
    if (any_of(c, "+-*/=") || times) {
      at = place + 1;
      return times ? '*' : c;
    }
    if (is_letter(c) || c == '%') {
      words = true;
    } else if (!is_wrapping(c)) {
      // "20% of 50 = 10"
      if (!is_digit(c) || !text.substr(at, place - at).ends_with(" of ")) break;
      at = place;
      return '*';
    }
    ++place;
  }
  return 0;
}

/// Whether `first` is only the first of two answers: "3 or 4".
bool has_alternative(std::string_view text, const Literal& first) {
  const std::size_t at = skip_wrapping(text, first.end);
  const std::optional<Literal> next = next_literal(text, first.end);
  return next && starts_with_lower(text.substr(at), "or ") && skip_wrapping(text, at + 3) >= next->begin;
}

/// The answer that begins with `first`: "3 + 5 = 8" is 8; "3 + 5" is an expression; "18 eggs - 3 left" is 18.
std::string resolve(std::string_view text, const Literal& first) {
  if (!first.valid || goes_on(text, first.end) || comes_from(text, first.begin) ||
      has_alternative(text, first)) {
    return shortened(text.substr(first.begin, std::max<std::size_t>(first.end - first.begin, 24)));
  }
  Literal answer = first, last = first;
  bool pure = true, open = false;
  while (true) {
    std::size_t at = last.end;
    bool words = false;
    const char sign = next_operator(text, at, words);
    if (sign == 0) break;
    const std::optional<Literal> next = next_literal(text, at);
    if (!next || skip_wrapping(text, at) < next->begin) break;
    pure = pure && !words;
    open = sign != '=';
    if (sign == '=') answer = *next;
    last = *next;
  }
  if (open && pure) return shortened(text.substr(first.begin, last.end - first.begin));
  return spelled(text, answer);
}

/// At most kMaxRegion bytes from `at`, never ending within a number.
std::string_view window(std::string_view text, std::size_t at) {
  std::size_t end = std::min(text.size(), at + kMaxRegion);
  while (end > at && end < text.size() && is_digit(text[end - 1]) &&
         (is_digit(text[end]) || any_of(text[end], ".,")))
    ++end;
  return text.substr(at, end - at);
}

/// What follows a marker: the rest of its sentence, or the next line when there is nothing on this one.
std::string_view region_after(std::string_view text, std::size_t at) {
  const std::string_view rest = window(text, at);
  std::size_t begin = 0;
  while (begin < rest.size() && (is_wrapping(rest[begin]) || any_of(rest[begin], ":=_#>.,"))) {
    if (rest[begin] == '.' && begin + 1 < rest.size() && is_digit(rest[begin + 1])) break;
    ++begin;
  }
  if (begin > 0) --begin;  // keeps a "$" or "{" before the number
  std::size_t end = std::max(begin, std::min(begin + 1, rest.size()));
  for (; end < rest.size() && rest[end] != '\n'; ++end) {
    const bool stop = any_of(rest[end], ".!?;") && (end + 1 == rest.size() || is_space(rest[end + 1]));
    if (stop) break;
  }
  return rest.substr(0, end);
}

std::optional<ExtractedAnswer> answer_in_region(std::string_view text, std::size_t at) {
  const std::string_view region = region_after(text, at);
  const std::optional<Literal> first = next_literal(region, 0);
  if (!first) return std::nullopt;
  return ExtractedAnswer{resolve(region, *first), true, cut_at(text, at + first->end)};
}

/// "####" and a number directly after it.
std::optional<ExtractedAnswer> by_hashes(std::string_view text) {
  constexpr std::string_view kHashes = "####";
  std::size_t limit = text.size();
  for (int place = 0; place < kMaxPlaces; ++place) {
    const std::size_t found = text.substr(0, limit).rfind(kHashes);
    if (found == std::string_view::npos) return std::nullopt;
    const std::size_t at = found + kHashes.size();
    limit = found;
    std::size_t line = at;
    while (line < text.size() && line - at < 32 && (is_wrapping(text[line]) || any_of(text[line], "=:")))
      ++line;
    std::string_view region = window(text, at);
    region = region.substr(0, region.find('\n', line - at));
    const std::optional<Literal> first = next_literal(region, 0);
    if (!first) continue;
    std::size_t direct = line - at;
    if (direct < region.size() && any_of(region[direct], "-+")) direct = skip_wrapping(region, direct + 1);
    if (direct < first->begin && !starts_with_lower(region.substr(direct), "usd")) continue;
    const std::string_view after = region.substr(first->end);
    const bool heading =
        after.size() > 2 && any_of(after[0], ".):") && is_space(after[1]) && is_letter(after[2]);
    if (heading) continue;
    return ExtractedAnswer{resolve(region, *first), true, cut_at(text, at + first->end)};
  }
  return std::nullopt;
}

/// Content of the last closed \boxed{} or \fbox{} with something in it, as written.
std::optional<std::string_view> last_box(std::string_view text) {
  std::vector<std::size_t>
      boxes;  // one for each open brace: where its content begins, 0 for an ordinary brace
  std::optional<std::string_view> found;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;  // an escaped brace does not count
      continue;
    }
    if (text[i] == '{') {
      const std::string_view before = trim(text.substr(i < 16 ? 0 : i - 16, std::min<std::size_t>(i, 16)));
      boxes.push_back(before.ends_with("\\boxed") || before.ends_with("\\fbox") ? i + 1 : 0);
    } else if (text[i] == '}' && !boxes.empty()) {
      const std::size_t begin = boxes.back();
      boxes.pop_back();
      if (begin > 0 && !trim(text.substr(begin, i - begin)).empty()) found = text.substr(begin, i - begin);
    }
  }
  return found;
}

std::optional<ExtractedAnswer> by_box(std::string_view original) {
  const std::optional<std::string_view> box = last_box(original);
  if (!box) return std::nullopt;
  const std::string content = normalise(*box);
  const std::string_view whole = content;
  const std::optional<Literal> number = only_number(whole);
  if (!number) return ExtractedAnswer{shortened(whole), true, false};
  const std::size_t equals = whole.rfind('=');
  return ExtractedAnswer{spelled(whole.substr(equals == std::string_view::npos ? 0 : equals), *number), true,
                         false};
}

/// The end of "is", ":", "would be" ... after the word "answer"; 0 when it is no announcement.
std::size_t end_of_announcement(std::string_view text, std::size_t at) {
  constexpr std::array kVerbs =
      std::to_array<std::string_view>({"is", "are", "was", "equals", "would be", "will be", "should be",
                                       "must be", "comes to", "comes out to"});
  if (at < text.size() && lower(text[at]) == 's') ++at;
  while (at < text.size() && (is_space(text[at]) || any_of(text[at], "*_\"')}"))) ++at;
  if (at >= text.size()) return 0;
  if (text[at] == ':' || text[at] == '=') return at + 1;
  for (const std::string_view verb : kVerbs) {
    const std::size_t end = at + verb.size();
    if (starts_with_lower(text.substr(at), verb) && (end >= text.size() || !is_alnum(text[end]))) return end;
  }
  return 0;
}

/// After the last place where `word` (ignoring case) announces a number.
template <typename EndOf>
std::optional<ExtractedAnswer> by_words(std::string_view text, std::string_view word, EndOf end_of) {
  if (word.empty() || text.size() < word.size()) return std::nullopt;
  std::string pattern;
  for (const char c : word) pattern += lower(c);
  int places = 0;
  for (std::size_t at = text.size() - word.size() + 1; at-- > 0 && places < kMaxPlaces;) {
    if (!starts_with_lower(text.substr(at), pattern)) continue;
    const std::size_t end = end_of(at + word.size());
    if (end == 0) continue;
    ++places;
    if (auto answer = answer_in_region(text, end)) return answer;
  }
  return std::nullopt;
}

std::optional<ExtractedAnswer> by_last_number(std::string_view text) {
  std::optional<Literal> last;
  std::size_t at = 0;
  while (const std::optional<Literal> literal = next_literal(text, at)) {
    if (literal->valid) last = literal;
    at = literal->end;
  }
  if (!last) return std::nullopt;
  std::string answer = spelled(text, *last);
  if (comes_from(text, last->begin) && text[last->begin - 1] == '{')
    answer = shortened(text.substr(last->begin - 1));
  return ExtractedAnswer{std::move(answer), false, cut_at(text, last->end)};
}

std::optional<ExtractedAnswer> by_marker(const std::string& marker, std::string_view text,
                                         std::string_view original) {
  if (marker == "####") return by_hashes(text);
  if (marker == "boxed") return by_box(original);
  if (marker == "last number") return by_last_number(text);
  if (marker == "answer is") {
    return by_words(text, "answer", [&](std::size_t at) { return end_of_announcement(text, at); });
  }
  return by_words(text, normalise(marker), [](std::size_t at) { return at; });
}

}  // namespace

NumberReading read_number(std::string_view text) {
  if (text.size() > kMaxTextBytes) return {NumberKind::kBeyondLimits, {}};
  const std::string plain = normalise(text);
  const std::optional<Literal> literal = only_number(plain);
  return literal ? value_of(*literal) : NumberReading{};
}

std::optional<Rational> parse_number(std::string_view text) {
  NumberReading reading = read_number(text);
  if (reading.kind != NumberKind::kNumber) return std::nullopt;
  return std::move(reading.value);
}

bool same_number(std::string_view a, std::string_view b) {
  const std::optional<Rational> first = parse_number(a), second = parse_number(b);
  return first && second && *first == *second;
}

const std::vector<std::string>& default_markers() {
  static const std::vector<std::string> markers = {"####", "boxed", "answer is", "last number"};
  return markers;
}

std::optional<ExtractedAnswer> extract_number(std::string_view text, std::span<const std::string> markers) {
  if (text.size() > kMaxTextBytes) return std::nullopt;
  const std::string plain = normalise(text);
  for (const std::string& marker : markers) {
    if (auto answer = by_marker(marker, plain, text)) return answer;
  }
  return std::nullopt;
}

std::optional<ExtractedAnswer> extract_number(std::string_view text) {
  return extract_number(text, default_markers());
}

NumberReading read_gold(std::string_view text, std::string_view marker) {
  constexpr std::string_view kHashes = "####";
  if (marker.empty() && text.find(kHashes) != std::string_view::npos) marker = kHashes;
  if (!marker.empty()) {
    const std::size_t found = text.rfind(marker);
    if (found == std::string_view::npos) return {};
    return read_number(text.substr(found + marker.size()));
  }
  if (const auto box = last_box(text)) return read_number(*box);
  return read_number(text);
}

}  // namespace wisk::task
