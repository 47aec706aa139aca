#pragma once
// How far a run is, for the person who watches: a line on a terminal, one line an interval in a log.

#include <cstdint>
#include <string>

#include <wisk/comm/communicator.hpp>
#include <wisk/core/clock.hpp>

namespace wisk::run {

/// Leaders tell rank 0 what they have finished; rank 0 shows the sum. Not collective; one thread.
class Progress {
 public:
  /// `total`: samples of the run; `resumed`: those that earlier attempts finished.
  Progress(comm::Communicator& world, std::int64_t total, std::int64_t resumed);

  /// Called for every finished sample, and now and then in between; cheap.
  void add(std::int64_t samples, std::int64_t tokens);

  /// Tells or shows the last numbers. After a barrier rank 0 calls it again, to take what was under way.
  void finish();
  [[nodiscard]] std::int64_t done() const { return done_; }
  [[nodiscard]] double seconds() const { return watch_.seconds(); }

 private:
  void tell();
  void listen();
  void show(bool last);

  comm::Communicator& world_;
  std::int64_t total_, resumed_;
  std::int64_t done_, tokens_ = 0;                       // rank 0: of all ranks
  std::int64_t untold_samples_ = 0, untold_tokens_ = 0;  // others
  Stopwatch watch_, since_shown_;
  bool terminal_;
};

}  // namespace wisk::run
