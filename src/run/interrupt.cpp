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
  for (const int signal : kSignals) ::signal(signal, SIG_DFL);
}

bool InterruptHandler::requested() { return signals_seen != 0; }

}  // namespace wisk::run
