#pragma once
// Wall-clock durations for reports. Nothing that reaches a result table depends on them.

#include <chrono>

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

}  // namespace wisk
