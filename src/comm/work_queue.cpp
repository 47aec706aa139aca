#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <wisk/comm/mpi.hpp>
#include <wisk/comm/work_queue.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/log.hpp>

namespace wisk::comm {
namespace {

/// What ranks and rank 0 say to each other; all ranks run the same program, so plain bytes will do.
struct Message {
  enum class Kind : std::int32_t {
    kAsk,       ///< to rank 0: a slice, of slice.arm if there is one
    kGiveBack,  ///< to rank 0: `slice` was not started
    kStop,      ///< to rank 0: this rank asks no more
    kSlice,     ///< from rank 0: compute `slice`
    kNothing    ///< from rank 0: nothing is left
  };
  Kind kind = Kind::kAsk;
  Slice slice;
};

/// Tags of one generation; MPI guarantees tags up to 32767.
struct Tags {
  explicit Tags(int generation) : to_root(1000 + 2 * (generation % 10000)), from_root(to_root + 1) {}
  int to_root, from_root;
};

void send_message(Communicator& world, const Message& message, int to, int tag) {
  world.send(std::as_bytes(std::span(&message, 1)), to, tag);
}

Message receive_message(Communicator& world, int from, int tag) {
  Message message;
  if (world.receive(std::as_writable_bytes(std::span(&message, 1)), from, tag) != sizeof message) {
    throw EnvironmentError("work queue: message of a wrong length from rank " + std::to_string(from));
  }
  return message;
}

}  // namespace

/// Owns the slices and, when there are others to serve, the answering thread. Thread-safe.
class WorkQueue::Server {
 public:
  Server(Communicator& world, const std::vector<Slice>& slices, int others, int generation)
      : world_(world), tags_(generation), others_(others) {
    for (const Slice& slice : slices) remaining_[slice.arm].push_back(slice);
    left_ = slices.size();
    if (others_ > 0) thread_ = std::thread([this] { serve(); });
  }

  ~Server() {
    if (thread_.joinable()) thread_.join();
  }

  /// The first slice of `arm`, else of the lowest arm that has one.
  std::optional<Slice> take(int arm) {
    const std::lock_guard lock(mutex_);
    if (remaining_.empty()) return std::nullopt;
    auto place = remaining_.find(arm);
    if (place == remaining_.end()) place = remaining_.begin();
    const Slice slice = place->second.front();
    place->second.pop_front();
    if (place->second.empty()) remaining_.erase(place);
    --left_;
    return slice;
  }

  /// From now on there is nothing to hand out.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    remaining_.clear();
    left_ = 0;
  }

  void give_back(const Slice& slice) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    remaining_[slice.arm].push_front(slice);
    ++left_;
  }

  [[nodiscard]] std::size_t left() const { return left_; }

  /// The thread ends without waiting for the other leaders.
  void abandon() { abandoned_ = true; }

 private:
  void serve() {
    // Between probes the thread sleeps, or it would take a core from the engine.
    constexpr auto kPause = std::chrono::microseconds(500);
    try {
      std::set<int> finished;
      while (static_cast<int>(finished.size()) < others_ && !abandoned_) {
        if (const std::optional<int> rank = world_.probe(tags_.to_root)) {
          if (answer(*rank)) finished.insert(*rank);
        } else {
          std::this_thread::sleep_for(kPause);
        }
      }
    } catch (const Error& error) {
      log_warning(std::string("work queue: ") + error.what());
      abort_all(static_cast<int>(error.status()));
    }
  }

  /// Handles one message of `rank`; true when that rank needs no more answers.
  bool answer(int rank) {
    const Message message = receive_message(world_, rank, tags_.to_root);
    if (message.kind == Message::Kind::kStop) return true;
    if (message.kind == Message::Kind::kGiveBack) {
      give_back(message.slice);
      return false;
    }
    const std::optional<Slice> slice = take(message.slice.arm);
    send_message(world_, {slice ? Message::Kind::kSlice : Message::Kind::kNothing, slice.value_or(Slice{})},
                 rank, tags_.from_root);
    return !slice;
  }

  Communicator& world_;
  const Tags tags_;
  const int others_;
  std::mutex mutex_;
  bool closed_ = false;
  std::map<int, std::deque<Slice>> remaining_;  // by arm; no empty ones
  std::atomic<std::size_t> left_ = 0;
  std::atomic<bool> abandoned_ = false;
  std::thread thread_;  // last: it uses the others
};

/// A request is always in flight until the answer is that nothing is left. Not thread-safe.
class WorkQueue::Client {
 public:
  Client(Communicator& world, int generation) : world_(world), tags_(generation) {}

  void ask(int arm) { send_message(world_, {Message::Kind::kAsk, {arm, 0, 0, 0}}, kRoot, tags_.to_root); }

  std::optional<Slice> answer() {
    const Message message = receive_message(world_, kRoot, tags_.from_root);
    return message.kind == Message::Kind::kSlice ? std::optional<Slice>(message.slice) : std::nullopt;
  }

  void give_back(const Slice& slice) {
    send_message(world_, {Message::Kind::kGiveBack, slice}, kRoot, tags_.to_root);
  }

  void stop() { send_message(world_, {Message::Kind::kStop, {}}, kRoot, tags_.to_root); }

 private:
  static constexpr int kRoot = 0;
  Communicator& world_;
  const Tags tags_;
};

WorkQueue::WorkQueue(Communicator& world, const std::vector<Slice>& slices, int leaders, int generation)
    : exceptions_at_start_(std::uncaught_exceptions()) {
  WISK_ASSERT(leaders >= 1 && leaders <= world.size() && generation >= 0);
  if (world.rank() == 0) {
    server_ = std::make_unique<Server>(world, slices, leaders - 1, generation);
  } else {
    client_ = std::make_unique<Client>(world, generation);
    client_->ask(arm_);
  }
}

WorkQueue::~WorkQueue() {
  const bool failing = std::uncaught_exceptions() > exceptions_at_start_;
  if (server_ && failing) server_->abandon();
  if (client_ && !failing) {
    try {
      stop();
    } catch (const Error& error) {
      log_warning(std::string("work queue: ") + error.what());
      abort_all(static_cast<int>(error.status()));
    }
  }
}

std::optional<Slice> WorkQueue::next() {
  if (finished_) return std::nullopt;
  const std::optional<Slice> slice = server_ ? server_->take(arm_) : client_->answer();
  if (!slice) {
    finished_ = true;
    return std::nullopt;
  }
  arm_ = slice->arm;
  if (client_) client_->ask(arm_);
  return slice;
}

void WorkQueue::stop() {
  if (finished_) return;
  finished_ = true;
  if (!client_) return;
  if (const std::optional<Slice> ahead = client_->answer()) {
    client_->give_back(*ahead);
    client_->stop();
  }
}

void WorkQueue::close() {
  if (server_) server_->close();
  stop();
}

std::size_t WorkQueue::left() const {
  return server_ ? server_->left() : 0;
}

}  // namespace wisk::comm
