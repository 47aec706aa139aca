#include <wisk/run/interrupt.hpp>

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include <wisk/core/error.hpp>

namespace wisk::run {

namespace {

constexpr std::array kSignals = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

/// A launcher may pass on what the rank got itself: signals so close together are one.
constexpr std::int64_t kOneSignalNanoseconds = 1'000'000'000;

// A signal handler can reach nothing but a global.
volatile sig_atomic_t signals_seen = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

volatile std::int64_t first_seen = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

std::int64_t monotonic_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // may be called in a signal handler
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int living = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void on_signal(int) {
  const std::int64_t now = monotonic_nanoseconds();
  if (signals_seen == 0) {
    first_seen = now;
    signals_seen = 1;
  } else if (now - first_seen > kOneSignalNanoseconds) {
    ::_exit(static_cast<int>(ExitStatus::kInterrupted));
  }
}

}  // namespace

InterruptHandler::InterruptHandler() {
  if (living++ > 0) return;
  signals_seen = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
}

InterruptHandler::~InterruptHandler() {
  if (--living > 0) return;
  // After an interruption the process only has to end with its status: a launcher that now ends the other
  // ranks, since one has left, must not turn that status into another.
  for (const int signal : kSignals) ::signal(signal, signals_seen != 0 ? SIG_IGN : SIG_DFL);
}

bool InterruptHandler::requested() {
  return signals_seen != 0;
}

}  // namespace wisk::run
