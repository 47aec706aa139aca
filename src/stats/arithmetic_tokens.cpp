#include "arithmetic_tokens.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace wisk::stats {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {  // bytes beyond ASCII too: words of any language
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/// Signs of several bytes.
constexpr std::array<std::pair<std::string_view, TokenKind>, 14> kSigns = {{
    {"\u00d7", TokenKind::kOperator},  // multiplication sign
    {"\u00f7", TokenKind::kOperator},  // division sign
    {"\u00b7", TokenKind::kOperator},  // middle dot
    {"\u22c5", TokenKind::kOperator},  // dot operator
    {"\u2217", TokenKind::kOperator},  // asterisk operator
    {"\u2212", TokenKind::kMinus},     // minus sign
    {"\u2013", TokenKind::kMinus},     // en dash
    {"\u221a", TokenKind::kRoot},      // square root
    {"\u20ac", TokenKind::kNone},      // euro
    {"\u00a3", TokenKind::kNone},      // pound
    {"\u00a5", TokenKind::kNone},      // yen
    {"\u20b9", TokenKind::kNone},      // rupee
    {"\u00a0", TokenKind::kNone},      // no-break space
    {"\u202f", TokenKind::kNone},      // narrow no-break space
}};

constexpr std::array<std::string_view, 6> kWordOperators = {"of", "times", "plus", "minus", "by", "over"};

/// Without zeros that say nothing; whole and fraction are digits.
std::string canonical(std::string whole, std::string_view fraction) {
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (whole.empty()) whole = "0";
  const std::size_t last = fraction.find_last_not_of('0');
  return last == std::string_view::npos ? whole : whole + "." + std::string(fraction.substr(0, last + 1));
}

}  // namespace

std::size_t ArithmeticTokens::digits_end(std::size_t from) const {
  while (is_digit(at(from))) ++from;
  return from;
}

/// Length of a thousands separator at `from` ("," or LaTeX's "{,}") that three digits and no fourth follow,
/// or 0.
std::size_t ArithmeticTokens::separator_length(std::size_t from) const {
  const std::size_t length = at(from) == ',' ? 1 : (text_.substr(from, 3) == "{,}" ? 3 : 0);
  const std::size_t digits = from + length;
  const bool three = is_digit(at(digits)) && is_digit(at(digits + 1)) && is_digit(at(digits + 2));
  return three && !is_digit(at(digits + 3)) ? length : 0;
}

/// Whether a number, a currency sign, a bracket or LaTeX is next.
bool ArithmeticTokens::number_follows() const {
  std::size_t after = place_;
  while (is_space(at(after))) ++after;
  const char next = at(after);
  return is_digit(next) || next == '(' || next == '$' || next == '.' || next == '\\';
}

Token ArithmeticTokens::number() {
  std::size_t end = digits_end(place_);
  std::string whole(text_.substr(place_, end - place_));
  if (end - place_ <= 3) {
    for (std::size_t length = separator_length(end); end > place_ && length > 0;
         length = separator_length(end)) {
      whole.append(text_.substr(end + length, 3));
      end += length + 3;
    }
  }
  std::string_view fraction;
  if (at(end) == '.' && is_digit(at(end + 1))) {
    const std::size_t fraction_end = digits_end(end + 1);
    fraction = text_.substr(end + 1, fraction_end - end - 1);
    end = fraction_end;
  }
  place_ = end;
  return {TokenKind::kNumber, canonical(std::move(whole), fraction)};
}

TokenKind ArithmeticTokens::word() {
  const std::size_t first = place_;
  bool has_digit = false;
  const bool lone_x =
      (at(first) == 'x' || at(first) == 'X') && !is_letter(at(first + 1)) && at(first + 1) != '_';
  if (lone_x) {
    ++place_;
    if (number_follows()) return TokenKind::kTimesOrX;
  }
  const auto in_word = [&](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  while (in_word(at(place_)) || (at(place_) == '\'' && is_letter(at(place_ + 1)))) {  // "she'll"
    has_digit = has_digit || is_digit(at(place_));
    ++place_;
  }
  const std::string_view word = text_.substr(first, place_ - first);
  const bool is_operator =
      std::find(kWordOperators.begin(), kWordOperators.end(), word) != kWordOperators.end();
  if (is_operator && number_follows()) return TokenKind::kOperator;  // not "2 bottles of milk"
  const bool language = (word == "a" || word == "A" || word == "I") && at(place_) == ' ' &&
                        (is_letter(at(place_ + 1)) || number_follows());
  return has_digit || (word.size() == 1 && !language) ? TokenKind::kUnknown : TokenKind::kWord;
}

/// What a backslash begins: LaTeX.
TokenKind ArithmeticTokens::command() {
  const std::size_t first = ++place_;
  while (is_letter(at(place_)) && static_cast<unsigned char>(at(place_)) < 0x80) ++place_;
  const std::string_view name = text_.substr(first, place_ - first);
  if (name.empty()) {
    if (place_ == text_.size() || at(place_) == '\n') return TokenKind::kNone;
    return text_[place_++] == '\\' ? TokenKind::kLineEnd : TokenKind::kNone;
  }
  if (name == "times" || name == "cdot" || name == "div" || name == "ast") return TokenKind::kOperator;
  if (name == "frac" || name == "dfrac" || name == "tfrac" || name == "cfrac") return TokenKind::kFraction;
  if (name == "sqrt") return TokenKind::kRoot;
  if (name == "neq" || name == "ne" || name == "leq" || name == "geq" || name == "approx")
    return TokenKind::kBreak;
  return TokenKind::kNone;
}

/// A single character that is no letter, digit, space or backslash.
TokenKind ArithmeticTokens::sign() {
  const char c = text_[place_++];
  const auto skip = [&](char same) {  // a second one, if there is
    const bool found = at(place_) == same;
    place_ += found;
    return found;
  };
  switch (c) {
    case '+':
    case '*':
    case '^':
      return TokenKind::kOperator;
    case '/':  // a unit such as "minutes/hour" holds no operator
      return is_letter(at(place_)) ? TokenKind::kNone : TokenKind::kOperator;
    case '-':  // "24-hour" holds no operator
      return is_letter(at(place_)) ? TokenKind::kNone : TokenKind::kMinus;
    case '=':
      while (skip('=')) {
      }
      return skip('>') ? TokenKind::kBreak : TokenKind::kEquals;
    case '<':
      if (skip('<')) return TokenKind::kMarkOpen;
      skip('=');
      return TokenKind::kBreak;
    case '>':
    case '!':
      skip('=');
      return TokenKind::kBreak;
    case '\n':
      return TokenKind::kLineEnd;
    case '(':
    case ')':
    case '[':
    case ']':
    case '{':
    case '}':
    case '$':
    case '%':
    case '&':
    case '~':
    case '_':
    case '`':
    case '\'':
      return TokenKind::kNone;
    default:
      return TokenKind::kBreak;
  }
}

Token ArithmeticTokens::next() {
  while (is_space(at(place_))) ++place_;
  if (place_ >= text_.size()) return {TokenKind::kEnd, {}};
  const char c = text_[place_];
  if (is_digit(c) || (c == '.' && is_digit(at(place_ + 1)))) return number();
  if (static_cast<unsigned char>(c) >= 0x80) {
    for (const auto& [sign, kind] : kSigns) {
      if (!starts_with(sign)) continue;
      place_ += sign.size();
      return {kind, {}};
    }
  }
  if (is_letter(c)) return {word(), {}};
  return {c == '\\' ? command() : sign(), {}};
}

}  // namespace wisk::stats
