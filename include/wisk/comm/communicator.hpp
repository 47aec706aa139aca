#pragma once
// Ranks that act together. Implementations: one rank (self), MPI. Calls are collective unless they say
// otherwise.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace wisk::comm {

/// A group of ranks. Collective calls come from one thread at a time and in the same order on every rank;
/// send, receive, probe and host are thread-safe. Failures of the transport are EnvironmentErrors naming host
/// and rank.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  /// This rank's host name; not collective.
  [[nodiscard]] virtual std::string host() const = 0;
  virtual void barrier() = 0;
  /// `root`'s bytes to all; any size, also above 2 GiB.
  virtual void broadcast(std::span<std::byte> data, int root) = 0;
  /// all.size() == size() * mine.size(), in rank order. `mine` and `all` don't overlap.
  virtual void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;
  /// Rank r gives bytes[r] bytes (bytes [size()], the same on every rank); `all` holds them in rank order.
  virtual void all_gather_v(std::span<const std::byte> mine, std::span<std::byte> all,
                            std::span<const std::size_t> bytes) = 0;
  virtual void all_reduce_sum(std::span<std::int64_t> values) = 0;
  virtual void all_reduce_sum(std::span<std::uint64_t> values) = 0;  ///< modulo 2^64
  virtual void all_reduce_or(std::span<std::uint32_t> values) = 0;
  virtual void all_reduce_max(std::span<double> values) = 0;
  /// Ranks of one color (>= 0), ordered by key, then rank.
  virtual std::unique_ptr<Communicator> split(int color, int key) = 0;
  /// Ranks that share memory, in this communicator's order.
  virtual std::unique_ptr<Communicator> split_by_node() = 0;

  // Point to point, for the work queue; not collective.
  virtual void send(std::span<const std::byte> data, int to, int tag) = 0;
  /// Blocks; bytes received. One thread at a time for each (from, tag).
  virtual std::size_t receive(std::span<std::byte> data, int from, int tag) = 0;
  /// A rank whose message of that tag waits, without blocking.
  virtual std::optional<int> probe(int tag) = 0;
};

/// The communicator of a rank that is alone; no MPI is started.
std::unique_ptr<Communicator> make_self_communicator();

/// "rank 1 of 4 (host H)": this one.
std::string name_of(const Communicator& ranks);

/// The lowest rank that says yes; on every rank. Collective.
std::optional<int> lowest_rank(Communicator& communicator, bool yes);

/// `root`'s text on every rank. Collective.
std::string broadcast_string(Communicator& communicator, std::string text, int root);

}  // namespace wisk::comm
