#pragma once
// A completion as tokens of arithmetic.

#include <cstddef>
#include <string>
#include <string_view>

namespace wisk::stats {

enum class TokenKind {
  kNumber,
  kOperator,  // between two numbers: + * / ^, "times", \cdot
  kMinus,     // an operator or a sign
  kFraction,  // \frac: an operator before its two numbers
  kRoot,      // \sqrt: an operator before its number
  kTimesOrX,  // the letter x before a number: an operator after a number, else an unknown
  kEquals,
  kUnknown,  // a letter that stands for a number
  kWord,
  kLineEnd,
  kMarkOpen,  // <<
  kBreak,     // other punctuation: arithmetic doesn't reach across
  kNone,      // brackets, spaces, currency and percent signs
  kEnd
};

struct Token {
  TokenKind kind;
  std::string number;  // for kNumber, canonical and without a sign
};

/// Reads a text of any bytes token by token, in time linear in its length. The text must outlive the reader.
class ArithmeticTokens {
 public:
  explicit ArithmeticTokens(std::string_view text) : text_(text) {}
  /// The next token; kEnd again and again at the end.
  Token next();

 private:
  [[nodiscard]] char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  [[nodiscard]] bool starts_with(std::string_view word) const {
    return text_.substr(place_, word.size()) == word;
  }
  [[nodiscard]] std::size_t digits_end(std::size_t from) const;
  [[nodiscard]] std::size_t separator_length(std::size_t from) const;
  [[nodiscard]] bool number_follows() const;
  Token number();
  TokenKind word();
  TokenKind command();
  TokenKind sign();

  std::string_view text_;
  std::size_t place_ = 0;
};

}  // namespace wisk::stats
