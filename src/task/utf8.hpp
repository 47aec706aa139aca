#pragma once
// Text that goes into result files must be UTF-8, whatever a model wrote.

#include <cstddef>
#include <string>
#include <string_view>

namespace wisk::task {

inline constexpr std::size_t kMaxAnswerBytes = 200;  ///< of an answer that is kept as it was written

/// Bytes of the UTF-8 character (RFC 3629: no surrogates, no overlong forms) at the front of `text`; 0 if it
/// is none.
std::size_t utf8_length(std::string_view text);

/// The first characters of `text`, at most `limit` bytes; each byte that is not UTF-8 becomes "?".
std::string valid_utf8(std::string_view text, std::size_t limit);

/// The same between double quotes, for messages.
std::string quoted(std::string_view text, std::size_t limit = 80);

}  // namespace wisk::task
