#include "heartbeat.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <exception>

#include <wisk/comm/mpi.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>
#include <wisk/run/interrupt.hpp>

namespace wisk::run {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kToRoot = 7401, kFromRoot = 7402;
constexpr auto kPeriod = std::chrono::milliseconds(100);
constexpr double kSecondsBetweenTells = 1;
/// A longer pause between two rounds means that this process did not run either.
constexpr double kLongestRound = 1;

enum Message : std::uint8_t { kAlive = 0, kStop = 1, kGoodbye = 2 };

/// Host and process of every rank. Collective.
std::vector<std::string> names_of(comm::Communicator& world) {
  constexpr std::size_t kWidth = 128;
  std::array<char, kWidth> mine{};
  const std::string name = "host " + world.host() + ", process " + std::to_string(::getpid());
  std::memcpy(mine.data(), name.data(), std::min(name.size(), kWidth - 1));
  std::vector<char> all(kWidth * static_cast<std::size_t>(world.size()));
  world.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));
  std::vector<std::string> names;
  for (std::size_t r = 0; r < all.size(); r += kWidth) names.emplace_back(all.data() + r);
  return names;
}

}  // namespace

Heartbeat::Heartbeat(comm::Communicator& world, Options options)
    : world_(world),
      options_(std::move(options)),
      names_(names_of(world)),
      silent_seconds_(names_.size(), 0.0),
      gone_(names_.size(), false),
      exceptions_at_start_(std::uncaught_exceptions()),
      thread_([this] { run(); }) {}

Heartbeat::~Heartbeat() {
  abandon_ = std::uncaught_exceptions() > exceptions_at_start_;
  ending_ = true;
  {
    const std::lock_guard hold(mutex_);
    wake_.notify_all();
  }
  thread_.join();
}

bool Heartbeat::stop_requested() const {
  return stop_ || InterruptHandler::requested();
}

void Heartbeat::run() {
  try {
    Clock::time_point last = Clock::now();
    double since_beat = 0;
    bool over = false;
    while (!over && !abandon_) {
      {
        std::unique_lock hold(mutex_);
        if (!ending_) wake_.wait_for(hold, kPeriod);
      }
      const Clock::time_point now = Clock::now();
      const double round = std::min(std::chrono::duration<double>(now - last).count(), kLongestRound);
      last = now;
      for (double& silent : silent_seconds_) silent += round;
      since_told_ += round;
      since_beat += round;
      if (InterruptHandler::requested()) stop_ = true;
      if (options_.beat && since_beat >= kSecondsBetweenTells) {
        options_.beat();
        since_beat = 0;
      }
      world_.rank() == 0 ? beat_as_root() : beat_as_other();
      over = ending_ && (world_.rank() == 0 ? others_are_gone() : static_cast<bool>(gone_[0]));
      if (ending_ && !over) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  } catch (const Error& error) {
    log_warning(error.what());
    comm::abort_all(static_cast<int>(error.status()));
  }
}

bool Heartbeat::others_are_gone() const {
  return std::all_of(gone_.begin() + 1, gone_.end(), [](bool gone) { return gone; });
}

void Heartbeat::tell(int rank) {
  const std::array<std::byte, 1> message = {static_cast<std::byte>(stop_ ? kStop : kAlive)};
  world_.send(message, rank, rank == 0 ? kToRoot : kFromRoot);
}

/// Takes every message that has come.
void Heartbeat::listen() {
  const int tag = world_.rank() == 0 ? kToRoot : kFromRoot;
  while (const auto from = world_.probe(tag)) {
    std::array<std::byte, 1> message{};
    world_.receive(message, *from, tag);
    silent_seconds_[static_cast<std::size_t>(*from)] = 0;
    if (message[0] == std::byte{kStop}) stop_ = true;
    if (message[0] == std::byte{kGoodbye}) gone_[static_cast<std::size_t>(*from)] = true;
  }
}

void Heartbeat::beat_as_root() {
  if (world_.size() == 1) return;
  listen();
  if (since_told_ >= kSecondsBetweenTells || (stop_ && !told_stop_)) {
    told_stop_ = stop_;
    since_told_ = 0;
    for (int rank = 1; rank < world_.size(); ++rank) tell(rank);  // also to those that wait for the goodbye
  }
  for (std::size_t rank = 1; rank < gone_.size(); ++rank) {
    if (!gone_[rank] && options_.limit_seconds > 0 && silent_seconds_[rank] > options_.limit_seconds)
      complain(static_cast<int>(rank), silent_seconds_[rank]);
  }
  // A rank that said goodbye waits for the answer, so that nobody leaves MPI with messages under way.
  if (ending_ && others_are_gone()) {
    const std::array<std::byte, 1> goodbye = {std::byte{kGoodbye}};
    for (int rank = 1; rank < world_.size(); ++rank) world_.send(goodbye, rank, kFromRoot);
  }
}

void Heartbeat::beat_as_other() {
  listen();
  if (gone_[0]) return;
  const auto self = static_cast<std::size_t>(world_.rank());
  if (ending_ && !gone_[self]) {
    gone_[self] = true;
    const std::array<std::byte, 1> goodbye = {std::byte{kGoodbye}};
    world_.send(goodbye, 0, kToRoot);
  } else if (!gone_[self] && (since_told_ >= kSecondsBetweenTells || (stop_ && !told_stop_))) {
    told_stop_ = stop_;
    since_told_ = 0;
    tell(0);
  }
  // Later ranks wait a little longer, so that one of them speaks for all.
  const double limit = options_.limit_seconds + std::min(0.3 * world_.rank(), 3.0);
  if (options_.limit_seconds > 0 && silent_seconds_[0] > limit) complain(0, silent_seconds_[0]);
}

void Heartbeat::complain(int rank, double seconds) const {
  throw EnvironmentError("rank " + std::to_string(rank) + " (" + names_[static_cast<std::size_t>(rank)] +
                         "): expected a sign of life every second, found none for " +
                         std::to_string(std::lround(seconds)) +
                         " s (stopped, out of memory, or its node is gone); the run ends, nothing that was "
                         "journalled is lost, the same command goes on");
}

}  // namespace wisk::run
