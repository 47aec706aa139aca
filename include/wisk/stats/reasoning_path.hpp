#pragma once
// Which way a completion took to its answer: the sequence of its arithmetic results.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wisk::stats {

/// The number after each "=" whose left side is arithmetic, in order: two numbers or more with an operator
/// between (+ - * / ^ x and their Unicode and LaTeX forms, \frac, "times", "plus", "20% of 50"), or a root.
/// Units of up to five words ("2 hours * 60 minutes"), currency and percent signs, brackets and thousands
/// separators may stand between; a letter that stands for a number ("2x + 3 = 7") may not. "3*4 =
/// <<3*4=12>>12", with a calculator mark, is one result. Canonical: no separators, no leading zeros, no zeros
/// at the end of a fraction, no sign of zero: "$1,050.50" is "1050.5". Only the first number of a result that
/// is itself an expression counts: "= 3/4" is "3". Linear time, any bytes.
std::vector<std::string> arithmetic_results(std::string_view text);

/// XXH3 of the sequence: two completions with the same took the same path. 0 when there is no arithmetic.
std::uint64_t reasoning_path(std::string_view text);

}  // namespace wisk::stats
