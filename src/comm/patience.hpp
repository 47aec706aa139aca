#pragma once
// Waiting for something that can only be asked about.

#include <algorithm>
#include <chrono>
#include <thread>

namespace wisk::comm {

/// Counts the time of a loop that asks: a pause of more than a second is one in which this process did not
/// run (the whole job was suspended) and counts as a second. One thread.
class Patience {
 public:
  /// `limit_seconds`: 0 is without end.
  explicit Patience(double limit_seconds) : limit_(limit_seconds), last_(Clock::now()) {}

  /// Waits a little, longer after some rounds; false when the time is over.
  bool wait() {
    constexpr int kEager = 2000;  // some milliseconds: most steps are over by then
    constexpr auto kPause = std::chrono::microseconds(50);
    ++rounds_ < kEager ? std::this_thread::yield() : std::this_thread::sleep_for(kPause);
    constexpr double kLongestRound = 1;
    const Clock::time_point now = Clock::now();
    waited_ += std::min(std::chrono::duration<double>(now - last_).count(), kLongestRound);
    last_ = now;
    return limit_ == 0 || waited_ < limit_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  double limit_, waited_ = 0;
  Clock::time_point last_;
  int rounds_ = 0;
};

}  // namespace wisk::comm
