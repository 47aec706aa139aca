#include <wisk/run/interrupt.hpp>

#include <signal.h>
#include <unistd.h>

#include <array>

#include <wisk/core/error.hpp>

namespace wisk::run {

namespace {

constexpr std::array kSignals = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};

// A signal handler can reach nothing but a global.
volatile sig_atomic_t signals_seen = 0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void on_signal(int) {
  if (signals_seen != 0) ::_exit(static_cast<int>(ExitStatus::kInterrupted));
  signals_seen = 1;
}

}  // namespace

InterruptHandler::InterruptHandler() {
  signals_seen = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (const int signal : kSignals) ::sigaction(signal, &action, nullptr);
}

InterruptHandler::~InterruptHandler() {
  // After an interruption the process only has to end with its status: a launcher that now ends the other
  // ranks, since one has left, must not turn that status into another.
  for (const int signal : kSignals) ::signal(signal, signals_seen != 0 ? SIG_IGN : SIG_DFL);
}

bool InterruptHandler::requested() {
  return signals_seen != 0;
}

}  // namespace wisk::run
