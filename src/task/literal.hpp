#pragma once
// Number literals in normalised text (normalise.hpp): 1,234.5  .5  1e3  1/2  1 1/2  \frac{1}{2}  2*10^3  5
// million.

#include <cstddef>
#include <optional>
#include <string_view>

#include <wisk/task/number.hpp>

namespace wisk::task {

/// A number found in a text; views into that text. No value is computed until value_of().
struct Literal {
  std::size_t begin = 0, end = 0;  ///< with its sign, without currency and units
  bool negative = false;
  bool valid = true;       ///< false: looks like a number but is none of ours (a date, a time, a power, 1/0)
  std::string_view whole;  ///< of a mixed number, else empty
  std::string_view numerator;     ///< a decimal: digits, separators, one point, an exponent
  std::string_view denominator;   ///< empty: 1
  std::string_view power_of_ten;  ///< exponent, empty: 0
  int word_exponent = 0;          ///< 6 for "million"
};

/// The first literal that begins at or after `from`. Digits inside words and names ("AZYUK2A", "x_1") and
/// exponents of units ("cm^2") are passed over. Calling it again at `end` walks the whole text in linear
/// time.
std::optional<Literal> next_literal(std::string_view text, std::size_t from);

/// Its exact value.
NumberReading value_of(const Literal& literal);

}  // namespace wisk::task
