// Where Oniguruma (Ruby syntax, UTF-8) and PCRE2 (UTF, UCP) read a pattern differently. Found by comparing
// both on every code point: \s of PCRE2 has U+180E, its \w lacks marks and connectors, \h is a space instead
// of a hexadecimal digit, (?m) is another option, {n,m}+ is possessive, {,m} literal.

#include <string>
#include <vector>

#include <wisk/core/error.hpp>

#include "regex.hpp"
#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

// Superscripts and fractions of Latin-1 come on top: Oniguruma's table for the first 256 characters has them.
constexpr std::string_view kWord = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";
constexpr std::string_view kHexadecimal = "0-9a-fA-F";
constexpr std::size_t kNone = std::string::npos;

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : pattern_(pattern), where_(where) {}

  std::string run() {
    while (at_ < pattern_.size()) step();
    return std::move(out_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }

  [[noreturn]] void fail(const std::string& found) const {
    throw InputError(where_, "a regular expression that wisk can translate",
                     found + " at byte " + std::to_string(at_) + " of \"" + std::string(pattern_) + "\"");
  }

  void copy(std::size_t bytes) {
    out_ += pattern_.substr(at_, bytes);
    at_ += bytes;
  }

  void step() {
    switch (peek()) {
      case '\\':
        atom_ = out_.size();
        escape();
        break;
      case '[':
        atom_ = out_.size();
        character_class();
        break;
      case '(':
        open_group();
        break;
      case ')':
        if (groups_.empty()) fail("a closing parenthesis without its opening one");
        atom_ = groups_.back();
        groups_.pop_back();
        copy(1);
        break;
      case '|':
        atom_ = kNone;
        copy(1);
        break;
      case '{':
        interval();
        break;
      case '*':
      case '+':
      case '?':
        copy(1);
        break;
      default:
        atom_ = out_.size();
        copy(utf8_length(peek()));
    }
  }

  /// An escape outside a class.
  void escape() {
    switch (peek(1)) {
      case 's':
        replace_escape("\\p{White_Space}");
        break;
      case 'S':
        replace_escape("\\P{White_Space}");
        break;
      case 'w':
        replace_escape("[", kWord, "]");
        break;
      case 'W':
        replace_escape("[^", kWord, "]");
        break;
      case 'h':
        replace_escape("[", kHexadecimal, "]");
        break;
      case 'H':
        replace_escape("[^", kHexadecimal, "]");
        break;
      default:
        other_escape();
    }
  }

  /// An escape inside a class.
  void class_escape() {
    switch (peek(1)) {
      case 's':
        replace_escape("\\p{White_Space}");
        break;
      case 'S':
        replace_escape("\\P{White_Space}");
        break;
      case 'w':
        replace_escape(kWord);
        break;
      case 'h':
        replace_escape(kHexadecimal);
        break;
      case 'W':
      case 'H':
        fail("\\W or \\H inside a character class");
      default:
        other_escape();
    }
  }

  void replace_escape(std::string_view front, std::string_view middle = {}, std::string_view back = {}) {
    out_.append(front).append(middle).append(back);
    at_ += 2;
  }

  void other_escape() {
    if (peek(1) == 'u') {  // \uHHHH
      const std::string_view digits = pattern_.substr(std::min(at_ + 2, pattern_.size()), 4);
      if (digits.size() != 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != kNone) fail("\\u");
      out_.append("\\x{").append(digits).append("}");
      at_ += 6;
      return;
    }
    if ((peek(1) == 'p' || peek(1) == 'P') && peek(2) != '{') fail("\\p without braces");
    if (peek(1) == 'x' &&
        peek(2) != '{') {  // a byte for Oniguruma, a character for PCRE2: the same below 0x80
      const bool two = peek(3) != '\0' && std::string_view("0123456789abcdefABCDEF").find(peek(3)) != kNone;
      if (two && std::string_view("01234567").find(peek(2)) == kNone) fail("\\x of a byte above 7F");
    }
    if (at_ + 1 >= pattern_.size()) fail("a backslash at the end");
    const bool braces = (peek(1) == 'p' || peek(1) == 'P' || peek(1) == 'x') && peek(2) == '{';
    const std::size_t close = braces ? pattern_.find('}', at_) : kNone;
    if (braces && close == kNone) fail("an unclosed brace");
    copy(braces ? close + 1 - at_ : 1 + utf8_length(peek(1)));
  }

  void character_class() {
    copy(1);
    if (peek() == '^') copy(1);
    if (peek() == ']') {  // a literal when it comes first
      out_ += "\\]";
      ++at_;
    }
    while (at_ < pattern_.size() && peek() != ']') {
      if (peek() == '\\') {
        class_escape();
      } else if (peek() == '[' && peek(1) == ':') {
        const std::size_t close = pattern_.find(":]", at_ + 2);
        if (close == kNone) fail("an unclosed [: in a character class");
        copy(close + 2 - at_);
      } else if (peek() == '[') {
        fail("a class inside a character class");
      } else if (peek() == '&' && peek(1) == '&') {
        fail("an intersection (&&) of character classes");
      } else {
        copy(utf8_length(peek()));
      }
    }
    if (at_ >= pattern_.size()) fail("an unclosed character class");
    copy(1);
  }

  void open_group() {
    if (peek(1) == '*') fail("(*");  // callouts there, verbs and limits here
    groups_.push_back(out_.size());
    atom_ = kNone;
    copy(1);
    if (peek() != '?') return;
    copy(1);
    if (peek() == '~') fail("the absent operator (?~");
    // Options: m lets the dot match newlines, which PCRE2 calls s.
    std::size_t end = at_;
    while (end < pattern_.size() && std::string_view("imx-").find(pattern_[end]) != kNone) ++end;
    if (end == at_ || end >= pattern_.size() || (pattern_[end] != ':' && pattern_[end] != ')')) return;
    while (at_ < end) {
      out_ += peek() == 'm' ? 's' : peek();
      ++at_;
    }
  }

  /// {n}, {n,}, {n,m}, {,m}; anything else is a literal brace. A following + repeats instead of being
  /// possessive.
  void interval() {
    const std::size_t close = pattern_.find('}', at_);
    const std::string_view inside =
        close == kNone ? std::string_view{} : pattern_.substr(at_ + 1, close - at_ - 1);
    const bool is_interval = inside.find_first_not_of("0123456789,") == kNone && !inside.empty() &&
                             inside != "," && inside.find(',') == inside.rfind(',');
    if (!is_interval) {
      atom_ = out_.size();
      out_ += "\\{";
      ++at_;
      return;
    }
    out_.append(inside.front() == ',' ? "{0" : "{").append(inside).append("}");
    at_ = close + 1;
    if (peek() == '+') {
      if (atom_ == kNone) fail("an interval after nothing");
      out_.insert(atom_, "(?:");
      out_ += ")+";
      ++at_;
    }
  }

  std::string_view pattern_;
  const std::string& where_;
  std::string out_;
  std::size_t at_ = 0;
  std::size_t atom_ = kNone;         // where the last atom starts in out_
  std::vector<std::size_t> groups_;  // where the open groups start in out_
};

}  // namespace

std::string translate_oniguruma(std::string_view pattern, const std::string& where) {
  return Translator(pattern, where).run();
}

}  // namespace wisk::tokenizer
