#include "literal.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "ascii.hpp"
#include "normalise.hpp"

namespace wisk::task {
namespace {

/// Letters that may be glued to the left of an amount.
constexpr std::array kCurrencyCodes =
    std::to_array<std::string_view>({"USD", "EUR", "GBP", "JPY", "CNY", "RMB", "INR", "AUD", "CAD", "CHF",
                                     "US", "Rs", "rs", "Php", "PHP", "R", "RM"});

/// Reads pieces of a literal; every function moves `at` past what it accepts and leaves it alone otherwise.
class Reader {
 public:
  Reader(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  void set(std::size_t at) { at_ = at; }
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] std::string_view since(std::size_t begin) const { return text_.substr(begin, at_ - begin); }

  bool accept(std::string_view piece) {
    if (!text_.substr(at_).starts_with(piece)) return false;
    at_ += piece.size();
    return true;
  }

  void skip_spaces(std::size_t at_most) {
    for (std::size_t i = 0; i < at_most && is_space(peek()); ++i) ++at_;
  }

  void skip_digits() {
    while (is_digit(peek())) ++at_;
  }

  /// Digits with thousands separators, a fraction, an exponent. Empty when there is none here.
  std::string_view decimal() {
    const std::size_t begin = at_;
    skip_digits();
    if (at_ > begin) groups(begin);
    if (peek() == '.' && is_digit(peek(1))) {
      ++at_;
      skip_digits();
    }
    if (at_ > begin) exponent();
    return since(begin);
  }

  /// [-+]digits, perhaps in braces: what follows "^".
  std::string_view signed_digits() {
    const std::size_t start = at_;
    const bool braced = accept("{");
    if (braced) skip_spaces(1);
    const std::size_t begin = at_;
    if (peek() == '-' || peek() == '+') ++at_;
    const std::size_t digits = at_;
    skip_digits();
    const std::string_view read = since(begin);
    if (braced) skip_spaces(1);
    if (at_ == digits || (braced && !accept("}"))) {
      at_ = start;
      return {};
    }
    return read;
  }

  /// An argument of \frac: a signed decimal in braces, or one bare digit.
  std::string_view argument(bool& negative) {
    const std::size_t start = at_;
    skip_spaces(1);
    if (is_digit(peek())) {
      ++at_;
      return since(at_ - 1);
    }
    if (!accept("{")) return at_ = start, std::string_view{};
    skip_spaces(4);
    accept("$");
    if (accept("-")) negative = !negative;
    const std::string_view digits = decimal();
    skip_spaces(4);
    if (digits.empty() || !accept("}")) return at_ = start, std::string_view{};
    return digits;
  }

 private:
  /// Groups of exactly three digits after one to three digits that do not begin with 0: "1,234,567", not
  /// "3,4".
  void groups(std::size_t begin) {
    if (at_ - begin > 3 || text_[begin] == '0') return;
    const char separator = peek();
    if (separator != ',' && separator != kThinSpace) return;
    while (peek() == separator && is_digit(peek(1)) && is_digit(peek(2)) && is_digit(peek(3)) &&
           !is_digit(peek(4))) {
      at_ += 4;
    }
  }

  void exponent() {
    const std::size_t start = at_;
    if (peek() != 'e' && peek() != 'E') return;
    ++at_;
    if (peek() == '-' || peek() == '+') ++at_;
    const std::size_t digits = at_;
    skip_digits();
    if (at_ == digits || is_letter(peek())) at_ = start;
  }

  std::string_view text_;
  std::size_t at_;
};

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
}

bool is_zero(std::string_view decimal) {
  for (const char c : decimal) {
    if (c == 'e' || c == 'E') break;
    if (c >= '1' && c <= '9') return false;
  }
  return true;
}

/// Whether the plain digits of `a` are a smaller number than those of `b`.
bool smaller(std::string_view a, std::string_view b) {
  while (a.size() > 1 && a.front() == '0') a.remove_prefix(1);
  while (b.size() > 1 && b.front() == '0') b.remove_prefix(1);
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

/// "\frac{a}{b}" at the reader, into `literal`.
bool read_latex_fraction(Reader& reader, Literal& literal) {
  const std::size_t start = reader.at();
  bool negative = false;
  if (!reader.accept("\\frac")) return false;
  const std::string_view numerator = reader.argument(negative);
  const std::string_view denominator = numerator.empty() ? numerator : reader.argument(negative);
  if (denominator.empty()) {
    reader.set(start);
    return false;
  }
  literal.numerator = numerator;
  literal.denominator = denominator;
  literal.negative = literal.negative != negative;
  return true;
}

/// "/ 7" after a decimal.
void read_denominator(Reader& reader, Literal& literal) {
  const std::size_t start = reader.at();
  reader.skip_spaces(1);
  if (!reader.accept("/")) return reader.set(start);
  reader.skip_spaces(1);
  literal.denominator = reader.decimal();
  if (literal.denominator.empty()) reader.set(start);
}

/// The fraction of a mixed number after its whole part: " 1/2" with 1 < 2, or "\frac{1}{2}".
void read_mixed(Reader& reader, Literal& literal) {
  if (!all_digits(literal.numerator)) return;
  const std::size_t start = reader.at();
  const std::string_view whole = literal.numerator;
  Literal part;
  reader.skip_spaces(1);
  bool found = read_latex_fraction(reader, part) && !part.negative;
  if (!found && reader.at() == start + 1) {
    part.numerator = reader.decimal();
    if (all_digits(part.numerator)) read_denominator(reader, part);
    found = all_digits(part.denominator) && smaller(part.numerator, part.denominator);
  }
  if (!found) return reader.set(start);
  literal.whole = whole;
  literal.numerator = part.numerator;
  literal.denominator = part.denominator;
}

/// "*10^3" or " x 10^{-3}" after a decimal; "10^3" itself. Any other power makes the literal invalid.
void read_power(Reader& reader, Literal& literal) {
  const std::size_t start = reader.at();
  if (reader.peek() == '^') {
    reader.accept("^");
    const std::string_view exponent = reader.signed_digits();
    literal.valid = literal.numerator == "10" && !exponent.empty();
    if (!literal.valid) return;
    literal.numerator = literal.numerator.substr(0, 1);
    literal.power_of_ten = exponent;
    return;
  }
  reader.skip_spaces(1);
  if (!reader.accept("*") && !reader.accept("x")) return reader.set(start);
  reader.skip_spaces(1);
  if (!reader.accept("10^")) return reader.set(start);
  literal.power_of_ten = reader.signed_digits();
  if (literal.power_of_ten.empty()) reader.set(start);
}

/// " million" and its kin.
void read_scale_word(Reader& reader, Literal& literal, std::string_view text) {
  using Word = std::pair<std::string_view, int>;
  constexpr std::array kWords = std::to_array<Word>(
      {{"hundred", 2}, {"thousand", 3}, {"million", 6}, {"billion", 9}, {"trillion", 12}});
  const std::size_t start = reader.at();
  reader.skip_spaces(2);
  reader.accept("{");
  reader.skip_spaces(1);
  for (const auto& [word, exponent] : kWords) {
    const std::size_t end = reader.at() + word.size();
    if (!starts_with_lower(text.substr(reader.at()), word) || (end < text.size() && is_alnum(text[end])))
      continue;
    literal.word_exponent = exponent;
    return reader.set(end);
  }
  reader.set(start);
}

/// Dates, versions, times and ratios: "1.2.3", "12:30", "1/2/2024" are one thing that is no number.
void read_run_on(Reader& reader, Literal& literal) {
  const auto runs_on = [&] {
    const char c = reader.peek();
    return (c == '.' || c == ':' || (c == '/' && !literal.denominator.empty())) && is_digit(reader.peek(1));
  };
  while (runs_on()) {
    literal.valid = false;
    reader.set(reader.at() + 1);
    reader.skip_digits();
  }
}

/// Moves `begin` over a sign that belongs to the number: "-5", "-$5", "= - 5"; not "3-5", "x - 5" or a list's
/// "- 5".
void read_sign(std::string_view text, std::size_t from, Literal& literal) {
  constexpr int kFurthest = 4;  // spaces or currency signs between a sign and its number
  std::size_t at = literal.begin;
  const auto back_over = [&](auto accepted) {
    for (int i = 0; i < kFurthest && at > from && accepted(text[at - 1]); ++i) --at;
  };
  const auto before = [&](std::size_t position) { return position > 0 ? text[position - 1] : ' '; };
  back_over(is_space);
  if (before(at) == '$' || before(at) == '{') {
    back_over([](char c) { return c == '$' || c == '{'; });
  } else {
    at = literal.begin;
  }
  const std::size_t close = at;
  back_over(is_space);
  const bool apart = at != close;
  if (at == from || (before(at) != '-' && before(at) != '+')) return;
  const bool minus = before(at) == '-';
  --at;
  const std::size_t sign = at;
  if (apart) back_over(is_space);
  const char left = before(at);
  if (apart ? left != '='
            : is_alnum(left) || std::string_view(")}]%-+_.").find(left) != std::string_view::npos) {
    return;
  }
  literal.negative = literal.negative != minus;
  literal.begin = sign;
}

std::optional<Literal> literal_at(std::string_view text, std::size_t from, std::size_t at) {
  Literal literal;
  literal.begin = at;
  Reader reader(text, at);
  if (text[at] == '\\') {
    if (!read_latex_fraction(reader, literal)) return std::nullopt;
  } else {
    literal.numerator = reader.decimal();
    read_mixed(reader, literal);
    if (literal.whole.empty()) read_denominator(reader, literal);
    read_run_on(reader, literal);
    if (literal.valid && literal.denominator.empty()) read_power(reader, literal);
  }
  if (literal.valid) read_scale_word(reader, literal, text);
  if (!literal.denominator.empty() && is_zero(literal.denominator)) literal.valid = false;
  literal.end = reader.at();
  read_sign(text, from, literal);
  return literal;
}

/// Past letters, digits and underscores; a currency code ends where its amount begins.
std::size_t skip_word(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_letter(text[end])) ++end;
  if (end < text.size() && is_digit(text[end])) {
    const std::string_view word = text.substr(at, end - at);
    if (std::find(kCurrencyCodes.begin(), kCurrencyCodes.end(), word) != kCurrencyCodes.end()) return end;
  }
  while (end < text.size() && (is_alnum(text[end]) || text[end] == '_')) ++end;
  return end;
}

}  // namespace

std::optional<Literal> next_literal(std::string_view text, std::size_t from) {
  std::size_t at = from;
  while (at < text.size()) {
    const char c = text[at];
    const char before = at > 0 ? text[at - 1] : ' ';
    if (is_digit(c) || (c == '.' && at + 1 < text.size() && is_digit(text[at + 1]) && !is_alnum(before) &&
                        before != ')' && before != '.')) {
      return literal_at(text, from, at);
    }
    if (c == '\\') {
      if (auto literal = literal_at(text, from, at)) return literal;
      ++at;
      while (at < text.size() && is_letter(text[at])) ++at;
    } else if (c == '^' || c == '_') {
      Reader reader(text, at + 1);
      reader.signed_digits();
      at = reader.at();
    } else if (is_letter(c)) {
      at = skip_word(text, at);
    } else {
      ++at;
    }
  }
  return std::nullopt;
}

}  // namespace wisk::task
