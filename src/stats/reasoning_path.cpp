#include <wisk/stats/reasoning_path.hpp>

#include <utility>

#include <wisk/core/hash.hpp>

#include "arithmetic_tokens.hpp"

namespace wisk::stats {
namespace {

/// What stands before the place at hand, since the last "=" or break.
class LeftSide {
 public:
  void add_number() {
    ++numbers_;
    words_ = 0;
    dangling_ = false;
  }
  void add_operator() {
    if (numbers_ == 0 || dangling_) return;  // a bullet, a sign, "**"
    operator_ = dangling_ = true;
  }
  void add_fraction() { operator_ = true; }
  void add_root() { root_ = true; }
  void add_unknown() {
    unknown_ = true;
    words_ = 0;
  }
  /// A few words after a number are its unit; more are a sentence, which says nothing about what follows.
  void add_word() {
    constexpr int kUnitWords = 5;
    if (++words_ > kUnitWords) *this = LeftSide();
  }
  [[nodiscard]] bool is_arithmetic() const {
    return !unknown_ && !dangling_ && ((operator_ && numbers_ >= 2) || (root_ && numbers_ >= 1));
  }
  [[nodiscard]] bool ends_with_number() const { return numbers_ > 0 && !dangling_; }

 private:
  int numbers_ = 0, words_ = 0;
  bool operator_ = false, root_ = false, unknown_ = false;
  bool dangling_ = false;  // an operator whose right number is still to come
};

/// Reads tokens in order and keeps the results.
class Reader {
 public:
  void add(Token token) {
    if (line_ended_ && token.kind != TokenKind::kEquals && token.kind != TokenKind::kNone) left_ = LeftSide();
    if (token.kind != TokenKind::kNone) line_ended_ = false;
    if (token.kind == TokenKind::kMarkOpen) in_promised_mark_ = awaits_result_;
    if (awaits_result_) add_result(token);
    switch (token.kind) {
      case TokenKind::kNumber:
        return left_.add_number();
      case TokenKind::kOperator:
      case TokenKind::kMinus:
        return left_.add_operator();
      case TokenKind::kFraction:
        return left_.add_fraction();
      case TokenKind::kRoot:
        return left_.add_root();
      case TokenKind::kTimesOrX:
        return left_.ends_with_number() ? left_.add_operator() : left_.add_unknown();
      case TokenKind::kUnknown:
        return left_.add_unknown();
      case TokenKind::kWord:
        return left_.add_word();
      case TokenKind::kEquals:
        awaits_result_ = left_.is_arithmetic() || in_promised_mark_;
        in_promised_mark_ = false;
        negative_ = false;
        left_ = LeftSide();
        return;
      case TokenKind::kLineEnd:  // "3 + 4 \n = 7" goes on
        line_ended_ = true;
        return;
      case TokenKind::kBreak:
        in_promised_mark_ = false;
        [[fallthrough]];
      case TokenKind::kMarkOpen:
        left_ = LeftSide();
        return;
      case TokenKind::kNone:
      case TokenKind::kEnd:
        return;
    }
  }
  [[nodiscard]] std::vector<std::string> results() && { return std::move(results_); }

 private:
  /// After an "=": the number, perhaps behind a sign, brackets or bold print.
  void add_result(Token& token) {
    switch (token.kind) {
      case TokenKind::kNumber:
        if (negative_ && token.number != "0") token.number.insert(0, 1, '-');
        results_.push_back(std::move(token.number));
        awaits_result_ = false;
        return;
      case TokenKind::kMinus:
        negative_ = true;
        return;
      case TokenKind::kOperator:
      case TokenKind::kFraction:
      case TokenKind::kLineEnd:
      case TokenKind::kNone:
        return;
      default:
        awaits_result_ = false;
    }
  }

  std::vector<std::string> results_;
  LeftSide left_;
  bool awaits_result_ = false, negative_ = false, line_ended_ = false;
  bool in_promised_mark_ = false;  // "3 + 4 = <<7=7>>": the outer left side is the arithmetic
};

}  // namespace

std::vector<std::string> arithmetic_results(std::string_view text) {
  ArithmeticTokens tokens(text);
  Reader reader;
  for (Token token = tokens.next(); token.kind != TokenKind::kEnd; token = tokens.next()) {
    reader.add(std::move(token));
  }
  return std::move(reader).results();
}

std::uint64_t reasoning_path(std::string_view text) {
  std::string sequence;
  for (const std::string& result : arithmetic_results(text)) sequence += result + '\n';
  if (sequence.empty()) return 0;
  const std::uint64_t hash = xxh3(sequence);
  return hash == 0 ? 1 : hash;
}

}  // namespace wisk::stats
