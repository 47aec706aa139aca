#pragma once
// One queue of work for all replicas: two-sided messages, answered by a thread of rank 0, which computes like
// any other rank. (MPI's one-sided windows would need no thread, but they don't work between nodes with
// Debian's Open MPI.)

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>
#include <wisk/comm/communicator.hpp>

namespace wisk::comm {

/// Samples [sample_begin, sample_end) of one cell (arm, problem). The queue reads nothing but `arm`.
struct Slice {
  std::int32_t arm = 0, problem = 0, sample_begin = 0, sample_end = 0;
  friend bool operator==(const Slice&, const Slice&) = default;
};

/// Hands out every slice exactly once, in order of arm and within an arm as given. A replica stays on its arm
/// while that has slices. Lives on the leader of every replica; world rank 0 is one of them. Owns the
/// answering thread on rank 0; next and stop are called by one thread at a time; constructor and destructor
/// are not collective.
class WorkQueue {
 public:
  /// `slices`: rank 0's count, those of other ranks are ignored. `leaders`: how many ranks have a WorkQueue,
  /// rank 0 included. `generation` tells apart queues that follow one another on one communicator (the same
  /// on every rank). `world` outlives the queue.
  WorkQueue(Communicator& world, const std::vector<Slice>& slices, int leaders, int generation = 0);
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;
  /// On rank 0 waits until every leader has stopped or been told that nothing is left, unless an exception is
  /// in flight: then it returns at once, and abort_all has to end the others.
  ~WorkQueue();

  /// The next slice to compute; nullopt when there is none (from then on always). The answer was asked for
  /// when the slice before was handed out, so it is usually here already; otherwise waits for it.
  std::optional<Slice> next();

  /// This rank takes no more; a slice that was fetched ahead goes back to the queue.
  void stop();

  /// stop(), and called on rank 0: nobody gets another slice, because the run is to end soon. A resume finds
  /// what was not handed out.
  void close();

  /// Slices that nobody has taken; on rank 0 only (0 elsewhere). Thread-safe.
  [[nodiscard]] std::size_t left() const;

 private:
  class Server;  // rank 0: the slices and the thread
  class Client;  // other ranks: the request in flight
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
  int arm_ = -1;           // of the slice that was handed out last
  bool finished_ = false;  // told that nothing is left, or stopped
  int exceptions_at_start_;
};

}  // namespace wisk::comm
