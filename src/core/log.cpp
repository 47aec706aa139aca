#include <wisk/core/log.hpp>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace wisk {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> logger() {
  static const std::shared_ptr<spdlog::logger> kLogger = [] {
    auto created = spdlog::stderr_logger_mt("wisk");
    created->set_pattern("wisk: %v");
    created->flush_on(spdlog::level::debug);
    return created;
  }();
  return kLogger;
}

}  // namespace

void configure_log(LogLevel level, std::string_view prefix) {
  logger()->set_level(to_spdlog(level));
  std::string escaped;
  for (const char c : prefix) escaped += c == '%' ? std::string("%%") : std::string(1, c);
  logger()->set_pattern("wisk: " + escaped + "%v");
}

void log(LogLevel level, std::string_view line) {
  logger()->log(to_spdlog(level), "{}{}", level == LogLevel::kWarning ? "warning: " : "", line);
}

}  // namespace wisk
