#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <thread>
#include <vector>
#include <wisk/comm/communicator.hpp>
#include <wisk/comm/mpi.hpp>
#include <wisk/core/error.hpp>

#include "mpi_communicator.hpp"

namespace wisk::comm {
namespace {

enum class Kind { kSelf, kWorld, kWorldInSmallPieces };

/// The same tests for one rank without MPI, for all ranks, and for all ranks with data cut into pieces of 24
/// bytes, as data above 1 GiB are.
class CommunicatorTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kSelf) {
      communicator_ = make_self_communicator();
    } else if (GetParam() == Kind::kWorld) {
      communicator_ = make_world_communicator();
    } else {
      MPI_Comm own = MPI_COMM_NULL;
      MPI_Comm_dup(MPI_COMM_WORLD, &own);
      communicator_ = std::make_unique<MpiCommunicator>(own, 24);
    }
    rank_ = communicator_->rank();
    size_ = communicator_->size();
  }

  std::unique_ptr<Communicator> communicator_;
  int rank_ = 0, size_ = 1;
};

std::byte byte_of(int rank, std::size_t i) {
  return static_cast<std::byte>(static_cast<std::size_t>(rank) * 37 + i * 5 + 1);
}

std::vector<std::byte> bytes_of(int rank, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = byte_of(rank, i);
  return bytes;
}

constexpr std::size_t kSizes[] = {0, 1, 7, 23, 24, 25, 48, 1001};

TEST_P(CommunicatorTest, KnowsItself) {
  int world = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  EXPECT_EQ(size_, GetParam() == Kind::kSelf ? 1 : world);
  EXPECT_GE(rank_, 0);
  EXPECT_LT(rank_, size_);
  EXPECT_FALSE(communicator_->host().empty());
  communicator_->barrier();
}

TEST_P(CommunicatorTest, BroadcastsFromEveryRoot) {
  for (int root = 0; root < size_; ++root) {
    for (const std::size_t count : kSizes) {
      std::vector<std::byte> data = bytes_of(rank_, count);
      communicator_->broadcast(data, root);
      EXPECT_EQ(data, bytes_of(root, count));
    }
    const std::string mine = rank_ == root ? "root's own text, longer than a piece" : "x";
    EXPECT_EQ(broadcast_string(*communicator_, mine, root), "root's own text, longer than a piece");
    EXPECT_EQ(broadcast_string(*communicator_, rank_ == root ? "" : "x", root), "");
  }
}

TEST_P(CommunicatorTest, GathersEqualParts) {
  for (const std::size_t count : kSizes) {
    std::vector<std::byte> all(count * static_cast<std::size_t>(size_)), expected;
    communicator_->all_gather(bytes_of(rank_, count), all);
    for (int r = 0; r < size_; ++r) {
      const auto part = bytes_of(r, count);
      expected.insert(expected.end(), part.begin(), part.end());
    }
    EXPECT_EQ(all, expected);
  }
}

TEST_P(CommunicatorTest, GathersUnequalParts) {
  for (const std::size_t count : kSizes) {
    // Rank 0 gives nothing, the others more and more.
    std::vector<std::size_t> counts;
    std::vector<std::byte> expected;
    for (int r = 0; r < size_; ++r) {
      counts.push_back(static_cast<std::size_t>(r) * count + (r % 2 == 1 ? 1 : 0));
      const auto part = bytes_of(r, counts.back());
      expected.insert(expected.end(), part.begin(), part.end());
    }
    std::vector<std::byte> all(expected.size());
    communicator_->all_gather_v(bytes_of(rank_, counts[static_cast<std::size_t>(rank_)]), all, counts);
    EXPECT_EQ(all, expected);
  }
}

TEST_P(CommunicatorTest, Reduces) {
  const auto n = static_cast<std::int64_t>(size_);
  for (const std::size_t count : {0, 1, 3, 4, 29}) {
    std::vector<std::int64_t> sums(count);
    std::vector<std::uint64_t> wrapping(count);
    std::vector<std::uint32_t> bits(count);
    std::vector<double> largest(count);
    for (std::size_t i = 0; i < count; ++i) {
      sums[i] = (std::int64_t{1} << 40) * (rank_ + 1) - static_cast<std::int64_t>(i);
      wrapping[i] = std::numeric_limits<std::uint64_t>::max() - i;
      bits[i] = std::uint32_t{1} << ((static_cast<std::size_t>(rank_) + i) % 32);
      largest[i] = i % 2 == 0 ? -1.5 - rank_ : rank_ + 0.25;
    }
    communicator_->all_reduce_sum(std::span(sums));
    communicator_->all_reduce_sum(std::span(wrapping));
    communicator_->all_reduce_or(bits);
    communicator_->all_reduce_max(largest);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(sums[i], (std::int64_t{1} << 40) * (n * (n + 1) / 2) - n * static_cast<std::int64_t>(i));
      EXPECT_EQ(wrapping[i],
                ~std::uint64_t{0} * static_cast<std::uint64_t>(n) - static_cast<std::uint64_t>(n) * i);
      std::uint32_t all_bits = 0;
      for (int r = 0; r < size_; ++r)
        all_bits |= std::uint32_t{1} << ((static_cast<std::size_t>(r) + i) % 32);
      EXPECT_EQ(bits[i], all_bits);
      EXPECT_EQ(largest[i], i % 2 == 0 ? -1.5 : size_ - 1 + 0.25);
    }
  }
}

TEST_P(CommunicatorTest, SplitsByColorInTheOrderOfKeys) {
  const auto part = communicator_->split(rank_ % 2, -rank_);
  const int members = (size_ + (rank_ % 2 == 0 ? 1 : 0)) / 2;
  EXPECT_EQ(part->size(), members);
  EXPECT_EQ(part->rank(), members - 1 - rank_ / 2);
  std::vector<std::int64_t> sum = {rank_};
  part->all_reduce_sum(std::span(sum));
  std::int64_t expected = 0;
  for (int r = rank_ % 2; r < size_; r += 2) expected += r;
  EXPECT_EQ(sum[0], expected);
}

TEST_P(CommunicatorTest, SplitsByNode) {
  const auto node = communicator_->split_by_node();
  EXPECT_EQ(node->size(), size_);  // tests run on one node
  EXPECT_EQ(node->rank(), rank_);
  node->barrier();
}

TEST_P(CommunicatorTest, SendsAroundARing) {
  constexpr int kTag = 5, kOtherTag = 6;
  const int to = (rank_ + 1) % size_, from = (rank_ + size_ - 1) % size_;
  EXPECT_EQ(communicator_->probe(kOtherTag), std::nullopt);
  communicator_->barrier();
  for (const std::size_t count : kSizes) {
    // Sent by another thread: a send may wait for its receiver.
    const std::vector<std::byte> sent = bytes_of(rank_, count), other = bytes_of(rank_ + 1, 3);
    std::thread sender([&] {
      communicator_->send(other, to, kOtherTag);
      communicator_->send(sent, to, kTag);
    });
    std::vector<std::byte> received(2000);
    received.resize(communicator_->receive(received, from, kTag));
    EXPECT_EQ(received, bytes_of(from, count));
    EXPECT_EQ(communicator_->probe(kTag), std::nullopt);
    EXPECT_EQ(communicator_->probe(kOtherTag), from);
    received.resize(3);
    EXPECT_EQ(communicator_->receive(received, from, kOtherTag), 3u);
    EXPECT_EQ(received, bytes_of(from + 1, 3));
    sender.join();
    communicator_->barrier();
  }
}

TEST_P(CommunicatorTest, AMessageLargerThanTheBufferIsAnEnvironmentError) {
  const std::vector<std::byte> sent(16);
  std::thread sender([&] { communicator_->send(sent, rank_, 9); });
  std::vector<std::byte> small(4);
  try {
    communicator_->receive(small, rank_, 9);
    ADD_FAILURE() << "received 16 bytes in 4";
  } catch (const EnvironmentError& error) {
    if (GetParam() != Kind::kSelf) {
      const std::string rank = std::to_string(rank_);
      EXPECT_EQ(std::string(error.what()), "message with tag 9 from rank " + rank + " to rank " + rank +
                                               " (host " + communicator_->host() +
                                               "): expected at most 4 bytes, found 16");
    }
  }
  sender.join();
}

TEST_P(CommunicatorTest, FailuresOfMpiNameHostAndRank) {
  if (GetParam() == Kind::kSelf) GTEST_SKIP() << "no MPI";
  std::vector<std::byte> data(1);
  try {
    communicator_->broadcast(data, size_);
    ADD_FAILURE() << "a broadcast from rank " << size_ << " of " << size_;
  } catch (const EnvironmentError& error) {
    const std::string expected = "MPI_Bcast failed on rank " + std::to_string(rank_) + " of " +
                                 std::to_string(size_) + " (host " + communicator_->host() + "): ";
    EXPECT_EQ(std::string(error.what()).substr(0, expected.size()), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(All, CommunicatorTest,
                         ::testing::Values(Kind::kSelf, Kind::kWorld, Kind::kWorldInSmallPieces),
                         [](const auto& kind) {
                           return kind.param == Kind::kSelf    ? "self"
                                  : kind.param == Kind::kWorld ? "world"
                                                               : "pieces";
                         });

}  // namespace
}  // namespace wisk::comm
