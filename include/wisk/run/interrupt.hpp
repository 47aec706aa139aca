#pragma once
// Being asked to stop: SIGTERM, SIGINT, SIGHUP, SIGUSR1 or SIGUSR2.

namespace wisk::run {

/// While it lives, the first signal sets requested(); another one, a second or more later, ends the process
/// at once with status 75.
/// Afterwards the signals have their default effect again, or none when one had come. May be nested: the
/// outermost counts. One thread.
class InterruptHandler {
 public:
  InterruptHandler();
  InterruptHandler(const InterruptHandler&) = delete;
  InterruptHandler& operator=(const InterruptHandler&) = delete;
  ~InterruptHandler();
  [[nodiscard]] static bool requested();
};

}  // namespace wisk::run
