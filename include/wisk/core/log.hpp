#pragma once
// Log lines for people, on stderr, prefixed "wisk: ". Results go to stdout, never through here.

#include <string_view>

namespace wisk {

enum class LogLevel { kDebug, kInfo, kWarning };

/// Lines below `level` are dropped. `prefix` ("[host:rank] ") goes before each line; "" for a single rank.
/// Called once in `main`, before other threads start.
void configure_log(LogLevel level, std::string_view prefix);

/// Thread-safe; one write call a line.
void log(LogLevel level, std::string_view line);

inline void log_debug(std::string_view line) {
  log(LogLevel::kDebug, line);
}
inline void log_info(std::string_view line) {
  log(LogLevel::kInfo, line);
}
inline void log_warning(std::string_view line) {
  log(LogLevel::kWarning, line);
}

}  // namespace wisk
