#pragma once
// Which way a completion took to its answer: the sequence of its arithmetic results.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wisk::stats {

/// The number after each "=" whose left side is arithmetic, in order: at least two numbers with an operator
/// (+ - * / x ^ and their Unicode and LaTeX forms, "of", "times", ...), perhaps with units ("2 hours * 60"),
/// currency and percent signs, brackets and thousands separators between; not with unknowns ("2x + 3 = 7").
/// In calculator marks, "3*4 = <<3*4=12>>12" is one result. Canonical: no separators, no leading zeros, no
/// zeros after the decimal fraction, no sign of zero: "$1,050.50" is "1050.5". Linear time, any bytes.
std::vector<std::string> arithmetic_results(std::string_view text);

/// XXH3 of the sequence: two completions with the same took the same path. 0 when there is no arithmetic.
std::uint64_t reasoning_path(std::string_view text);

}  // namespace wisk::stats
