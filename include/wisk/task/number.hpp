#pragma once
// The checker `number`: finds the final number of a completion and compares it exactly. Pure functions,
// thread-safe, linear in the text, bounded in the size of a number. No floating point.
//
// What counts as the same number (docs/task-file.md, The checker number): thousands separators, currency
// signs, a percent sign and units are dropped ("50%" is 50, never 0.5); fractions, mixed numbers, powers of
// ten and the words hundred to trillion have their value ("1/2" is 0.5, "2 million" is 2000000).

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wisk::task {

/// Limits of the checker: beyond them a sample is undecided, not wrong.
inline constexpr std::size_t kMaxNumberDigits = 10'000;  ///< digits of a number, and the size of its exponent
inline constexpr std::size_t kMaxTextBytes = 16u << 20u;  ///< bytes of a completion

/// An exact fraction in lowest terms, as decimal digits: equal numbers have equal members.
struct Rational {
  std::string numerator = "0";    ///< with "-" when negative
  std::string denominator = "1";  ///< positive
  friend bool operator==(const Rational&, const Rational&) = default;
  /// One spelling for each value: "18", "0.5", "1/3" (no finite decimal, or more than 40 places).
  [[nodiscard]] std::string text() const;
};

enum class NumberKind { kNumber, kNotANumber, kBeyondLimits };

struct NumberReading {
  NumberKind kind = NumberKind::kNotANumber;
  Rational value;  ///< only for kNumber
};

/// Reads a text that is one number and its wrapping: signs, currency, units, LaTeX, "x = 5". A text with two
/// numbers, an operator without "=", a variable or a root is not a number.
NumberReading read_number(std::string_view text);

/// read_number() as an optional: none when the text is not a number or beyond the limits.
std::optional<Rational> parse_number(std::string_view text);

/// Whether both texts are numbers and equal.
bool same_number(std::string_view a, std::string_view b);

struct ExtractedAnswer {
  std::string text;  ///< what was found, without LaTeX wrapping; read_number() decides whether it is a number
  bool by_marker = false;  ///< false: it is only the last number of the text
  bool at_end =
      false;  ///< nothing follows: a completion that was cut off may have been about to say more digits
};

/// The markers in the order in which they are tried: "####", "boxed", "answer is", "last number".
/// Any other string is looked for as it is, ignoring case; the number follows it.
const std::vector<std::string>& default_markers();

/// The final answer of a completion, by the first marker that has one; the last such place in the text
/// counts.
/// - "####": a number follows directly (a heading such as "#### 2. Add them" is none).
/// - "boxed": the last closed \boxed{} or \fbox{} that is not empty.
/// - "answer is": also "answer:", "answer =", "answer would be"; the rest of the sentence, or the next line.
/// - "last number": any number.
std::optional<ExtractedAnswer> extract_number(std::string_view text, std::span<const std::string> markers);
std::optional<ExtractedAnswer> extract_number(std::string_view text);

/// The number of a gold text: what follows the last `marker` when it is not empty, else what follows "####",
/// else the last \boxed{}, else the whole text.
NumberReading read_gold(std::string_view text, std::string_view marker = {});

}  // namespace wisk::task
