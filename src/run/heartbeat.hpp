#pragma once
// Signs of life between the ranks: who was asked to stop tells all, who falls silent is named.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <wisk/comm/communicator.hpp>

namespace wisk::run {

/// A thread of every rank, however long a step or a disk takes. Others send rank 0 a message a second, and
/// rank 0 answers; a signal that any rank got reaches all within about a second. A rank that is silent for
/// `limit` (stopped, swapped out, its node gone) ends the run: rank 0 names it, or the others name rank 0,
/// and all ranks are aborted with status 4. Time in which this process itself did not run (the whole job
/// suspended) does not count. Constructor and destructor are collective; `world` outlives it.
class Heartbeat {
 public:
  struct Options {
    double limit_seconds = 60;  ///< 0: nobody is ever declared dead
    /// Called about every second on this thread; what it throws ends the run. May be empty.
    std::function<void()> beat;
  };
  Heartbeat(comm::Communicator& world, Options options);
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;
  /// Waits for every rank's last message, unless an exception is in flight.
  ~Heartbeat();

  /// Whether any rank was asked to stop. Cheap; any thread.
  [[nodiscard]] bool stop_requested() const;

 private:
  void run();
  void beat_as_root();
  void beat_as_other();
  [[nodiscard]] bool others_are_gone() const;
  void tell(int rank);
  void listen();
  void complain(int rank, double seconds) const;

  comm::Communicator& world_;
  const Options options_;
  std::vector<std::string> names_;      // [ranks] host and process
  std::vector<double> silent_seconds_;  // [ranks] since the last message; rank 0's thread, others use [0]
  std::vector<bool> gone_;              // [ranks] said goodbye
  double since_told_ = 0;
  bool told_stop_ = false;
  std::atomic<bool> stop_ = false;     // any rank was asked to stop
  std::atomic<bool> ending_ = false;   // the destructor waits
  std::atomic<bool> abandon_ = false;  // an exception is in flight
  int exceptions_at_start_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace wisk::run
