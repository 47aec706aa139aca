// A group of one: collectives copy, messages wait in a mailbox.

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <limits>
#include <list>
#include <mutex>
#include <vector>
#include <wisk/comm/communicator.hpp>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/host.hpp>

namespace wisk::comm {
namespace {

void copy_bytes(std::span<const std::byte> from, std::span<std::byte> to) {
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

/// Owns its mailbox. Thread-safe.
class SelfCommunicator final : public Communicator {
 public:
  [[nodiscard]] int rank() const override { return 0; }
  [[nodiscard]] int size() const override { return 1; }

  [[nodiscard]] std::string host() const override { return host_name(); }

  void barrier() override {}
  void broadcast(std::span<std::byte> /*data*/, int root) override { WISK_ASSERT(root == 0); }

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override {
    WISK_ASSERT(mine.size() == all.size());
    copy_bytes(mine, all);
  }

  void all_gather_v(std::span<const std::byte> mine, std::span<std::byte> all,
                    std::span<const std::size_t> bytes) override {
    WISK_ASSERT(bytes.size() == 1 && bytes[0] == mine.size() && all.size() == mine.size());
    copy_bytes(mine, all);
  }

  void all_reduce_sum(std::span<std::int64_t> /*values*/) override {}
  void all_reduce_sum(std::span<std::uint64_t> /*values*/) override {}
  void all_reduce_or(std::span<std::uint32_t> /*values*/) override {}
  void all_reduce_max(std::span<double> /*values*/) override {}

  std::unique_ptr<Communicator> split(int color, int /*key*/) override {
    WISK_ASSERT(color >= 0);
    return std::make_unique<SelfCommunicator>();
  }

  std::unique_ptr<Communicator> split_by_node() override { return std::make_unique<SelfCommunicator>(); }

  void send(std::span<const std::byte> data, int to, int tag) override {
    WISK_ASSERT(to == 0);
    {
      const std::lock_guard lock(mutex_);
      mailbox_.push_back({tag, {data.begin(), data.end()}});
    }
    arrived_.notify_all();
  }

  std::size_t receive(std::span<std::byte> data, int from, int tag) override {
    WISK_ASSERT(from == 0);
    std::unique_lock lock(mutex_);
    auto message = mailbox_.end();
    arrived_.wait(lock, [&] { return (message = find(tag)) != mailbox_.end(); });
    const std::vector<std::byte> bytes = std::move(message->bytes);
    mailbox_.erase(message);
    lock.unlock();
    if (bytes.size() > data.size()) {
      throw EnvironmentError("message of " + std::to_string(bytes.size()) + " bytes with tag " +
                             std::to_string(tag) + " for a buffer of " + std::to_string(data.size()));
    }
    copy_bytes(bytes, data);
    return bytes.size();
  }

  std::optional<int> probe(int tag) override {
    const std::lock_guard lock(mutex_);
    return find(tag) == mailbox_.end() ? std::nullopt : std::optional<int>(0);
  }

 private:
  struct Message {
    int tag;
    std::vector<std::byte> bytes;
  };

  std::list<Message>::iterator find(int tag) {
    return std::find_if(mailbox_.begin(), mailbox_.end(), [tag](const Message& m) { return m.tag == tag; });
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::list<Message> mailbox_;  // in order of arrival
};

}  // namespace

std::unique_ptr<Communicator> make_self_communicator() {
  return std::make_unique<SelfCommunicator>();
}

std::string name_of(const Communicator& ranks) {
  return "rank " + std::to_string(ranks.rank()) + " of " + std::to_string(ranks.size()) + " (host " +
         ranks.host() + ")";
}

std::optional<int> lowest_rank(Communicator& communicator, bool yes) {
  double lowest[] = {yes ? -static_cast<double>(communicator.rank())
                         : -std::numeric_limits<double>::infinity()};
  communicator.all_reduce_max(lowest);
  return std::isinf(lowest[0]) ? std::nullopt : std::optional(static_cast<int>(-lowest[0]));
}

std::string broadcast_string(Communicator& communicator, std::string text, int root) {
  std::uint64_t bytes = text.size();
  communicator.broadcast(std::as_writable_bytes(std::span(&bytes, 1)), root);
  text.resize(bytes);
  communicator.broadcast(std::as_writable_bytes(std::span(text.data(), text.size())), root);
  return text;
}

}  // namespace wisk::comm
