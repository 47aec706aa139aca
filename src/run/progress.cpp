#include "progress.hpp"

#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include <wisk/core/log.hpp>

namespace wisk::run {

namespace {

constexpr int kProgressTag = 7301;
constexpr double kSecondsBetweenTells = 0.5, kSecondsOnTerminal = 0.2, kSecondsInLog = 10;

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(seconds));
  if (s >= 3600) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return s >= 60 ? fmt::format("{}m{:02}s", s / 60, s % 60) : fmt::format("{}s", s);
}

}  // namespace

Progress::Progress(comm::Communicator& world, std::int64_t total, std::int64_t resumed)
    : world_(world),
      total_(total),
      resumed_(resumed),
      done_(resumed),
      terminal_(::isatty(STDERR_FILENO) != 0) {}

void Progress::add(std::int64_t samples, std::int64_t tokens) {
  if (world_.rank() == 0) {
    done_ += samples;
    tokens_ += tokens;
    if (since_shown_.seconds() >= (terminal_ ? kSecondsOnTerminal : kSecondsInLog)) show(false);
  } else {
    untold_samples_ += samples;
    untold_tokens_ += tokens;
    if (since_shown_.seconds() >= kSecondsBetweenTells) tell();
  }
}

void Progress::tell() {
  const std::array<std::int64_t, 2> numbers = {untold_samples_, untold_tokens_};
  world_.send(std::as_bytes(std::span(numbers)), 0, kProgressTag);
  untold_samples_ = untold_tokens_ = 0;
  since_shown_.restart();
}

void Progress::listen() {
  while (const auto from = world_.probe(kProgressTag)) {
    std::array<std::int64_t, 2> numbers{};
    world_.receive(std::as_writable_bytes(std::span(numbers)), *from, kProgressTag);
    done_ += numbers[0];
    tokens_ += numbers[1];
  }
}

void Progress::refresh() {
  if (world_.size() > 1) listen();
}

void Progress::finish() {
  if (world_.rank() == 0) {
    show(true);
  } else if (untold_samples_ > 0) {
    tell();
  }
}

void Progress::show(bool last) {
  refresh();
  since_shown_.restart();
  const double elapsed = watch_.seconds();
  const std::int64_t here = done_ - resumed_;
  const std::string left =
      here == 0 || last
          ? ""
          : ", " + duration(elapsed * static_cast<double>(total_ - done_) / static_cast<double>(here)) +
                " left";
  const std::string line =
      fmt::format("{}/{} samples ({:.0f} %), {:.0f} tokens/s, {} elapsed{}", done_, total_,
                  total_ == 0 ? 100.0 : 100.0 * static_cast<double>(done_) / static_cast<double>(total_),
                  elapsed > 0 ? static_cast<double>(tokens_) / elapsed : 0.0, duration(elapsed), left);
  if (terminal_) {
    std::fputs(("\r\033[K" + line + (last ? "\n" : "")).c_str(), stderr);
    std::fflush(stderr);
  } else {
    log_info(line);
  }
}

}  // namespace wisk::run
