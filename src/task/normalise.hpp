#pragma once
// One spelling for what models write in many: LaTeX commands, Unicode signs and digits, Markdown emphasis.

#include <string>
#include <string_view>

namespace wisk::task {

/// A space that may separate thousands: no-break and thin spaces, LaTeX's "\,".
inline constexpr char kThinSpace = '\x1f';

/// `text` with
/// - minus, plus, times, division, equality and currency signs as - + * / = $; full-width digits as digits;
/// - LaTeX spacing and wrappers (\text, \mathrm, \boxed, \left, ...) gone, their braces kept; \dfrac and its
/// kin as
///   \frac; "{,}" as ","; degrees gone; every other command as it was;
/// - Markdown's ** gone (between digits it is a power: ^), superscripts as ^2, one-character fractions as "
/// 1/2". Linear. Bytes that are not UTF-8 pass through.
std::string normalise(std::string_view text);

}  // namespace wisk::task
