#pragma once
// Wall-clock durations for reports. Nothing that reaches a result table depends on them.

#include <chrono>
#include <cstdint>

namespace wisk {

/// Started when made; seconds() is the monotonic time since.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  void restart() { start_ = std::chrono::steady_clock::now(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Unix time by the system's clock, which may jump: for people and file stamps, never for a duration here.
inline std::int64_t unix_milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}
inline std::int64_t unix_seconds() {
  return unix_milliseconds() / 1000;
}

}  // namespace wisk
