#include <wisk/comm/work_queue.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <wisk/comm/mpi.hpp>

namespace wisk::comm {
namespace {

using namespace std::chrono_literals;

/// All ranks; one queue after another on the same communicator, as in a program that runs several jobs.
class WorkQueueTest : public ::testing::Test {
 protected:
  WorkQueueTest() : world_(make_world_communicator()), rank_(world_->rank()), size_(world_->size()) {}

  /// `problems` slices for each of `arms` arms, told apart by sample_begin; on rank 0 only, as in a run.
  [[nodiscard]] std::vector<Slice> slices(std::int32_t arms, std::int32_t problems) const {
    std::vector<Slice> all;
    if (rank_ != 0) return all;
    for (std::int32_t arm = 0; arm < arms; ++arm) {
      for (std::int32_t problem = 0; problem < problems; ++problem) {
        all.push_back({arm, problem, arm * problems + problem, arm * problems + problem + 1});
      }
    }
    return all;
  }

  /// Every slice of slices(arms, problems) was handed out once, over all ranks together. Collective.
  void expect_each_once(const std::vector<Slice>& taken, std::int32_t arms, std::int32_t problems) {
    std::vector<std::int64_t> times(static_cast<std::size_t>(arms * problems));
    for (const Slice& slice : taken) {
      ASSERT_EQ(slice.sample_begin, slice.arm * problems + slice.problem);
      ASSERT_EQ(slice.sample_end, slice.sample_begin + 1);
      ++times.at(static_cast<std::size_t>(slice.sample_begin));
    }
    world_->all_reduce_sum(std::span(times));
    EXPECT_EQ(times, std::vector<std::int64_t>(times.size(), 1));
  }

  static std::vector<Slice> drain(WorkQueue& queue) {
    std::vector<Slice> taken;
    while (const std::optional<Slice> slice = queue.next()) taken.push_back(*slice);
    return taken;
  }

  /// Waits, without a call of MPI, until rank 0's queue has `expected` slices left.
  static bool wait_until_left(const WorkQueue& queue, std::size_t expected) {
    for (int tries = 0; tries < 30000 && queue.left() != expected; ++tries) std::this_thread::sleep_for(1ms);
    return queue.left() == expected;
  }

  std::unique_ptr<Communicator> world_;
  int rank_, size_;
};

TEST_F(WorkQueueTest, HandsOutEverySliceOnceInOrder) {
  constexpr std::int32_t kArms = 5, kProblems = 13;
  std::vector<Slice> taken;
  {
    WorkQueue queue(*world_, slices(kArms, kProblems), size_);
    taken = drain(queue);
    EXPECT_EQ(queue.next(), std::nullopt);
    EXPECT_EQ(queue.left(), 0u);
  }
  for (std::size_t i = 1; i < taken.size(); ++i) EXPECT_LT(taken[i - 1].sample_begin, taken[i].sample_begin);
  if (size_ == 1) {
    EXPECT_EQ(taken, slices(kArms, kProblems));
  }
  expect_each_once(taken, kArms, kProblems);
}

TEST_F(WorkQueueTest, MoreRanksThanSlicesAndNoSlices) {
  for (int count = 0; count < 3; ++count) {
    std::vector<Slice> taken;
    {
      WorkQueue queue(*world_, slices(count, 1), size_, 1 + count);
      taken = drain(queue);
    }
    expect_each_once(taken, count, 1);
  }
}

TEST_F(WorkQueueTest, ArmsComeInOrderWhateverTheOrderGiven) {
  std::vector<Slice> given = {{2, 0, 0, 1}, {0, 5, 0, 1}, {1, 1, 0, 1}, {0, 4, 0, 1}};
  const auto self = make_self_communicator();
  WorkQueue queue(*self, given, 1);
  const std::vector<Slice> expected = {{0, 5, 0, 1}, {0, 4, 0, 1}, {1, 1, 0, 1}, {2, 0, 0, 1}};
  EXPECT_EQ(drain(queue), expected);
}

TEST_F(WorkQueueTest, ABusyRankZeroDelaysNobody) {
  constexpr std::int32_t kArms = 2, kProblems = 20;
  std::vector<Slice> taken;
  if (rank_ == 0) {
    WorkQueue queue(*world_, slices(kArms, kProblems), size_, 5);
    taken.push_back(queue.next().value());
    world_->barrier();
    if (size_ > 1) {
      std::this_thread::sleep_for(200ms);
      // Rank 0 is still in its first slice, calling no MPI: the others alone must get all the rest.
      EXPECT_TRUE(wait_until_left(queue, 0));
      EXPECT_EQ(queue.next(), std::nullopt);
    }
    const std::vector<Slice> rest = drain(queue);
    taken.insert(taken.end(), rest.begin(), rest.end());
  } else {
    world_->barrier();
    WorkQueue queue(*world_, {}, size_, 5);
    taken = drain(queue);
  }
  expect_each_once(taken, kArms, kProblems);
}

TEST_F(WorkQueueTest, ARankThatStopsGivesBackWhatItFetchedAhead) {
  constexpr std::int32_t kArms = 3, kProblems = 4;
  std::vector<Slice> taken;
  {
    WorkQueue queue(*world_, slices(kArms, kProblems), size_, 6);
    if (rank_ != 0) {
      taken.push_back(queue.next().value());
      queue.stop();
      EXPECT_EQ(queue.next(), std::nullopt);
      queue.stop();
    }
    world_->barrier();
    if (rank_ == 0) {
      // 12 slices, at most 3 other ranks with one each and one ahead.
      EXPECT_TRUE(wait_until_left(queue, static_cast<std::size_t>(kArms * kProblems - (size_ - 1))));
      taken = drain(queue);
      EXPECT_TRUE(std::is_sorted(taken.begin(), taken.end(),
                                 [](const Slice& a, const Slice& b) { return a.arm < b.arm; }));
      // Rank 1 had the first slice and gave back the second: that comes before the others of its arm.
      EXPECT_EQ(taken.front().sample_begin, size_ == 2 ? 1 : taken.front().sample_begin);
    }
  }
  expect_each_once(taken, kArms, kProblems);
}

TEST_F(WorkQueueTest, AQueueThatIsNeverAskedEndsToo) {
  constexpr std::int32_t kArms = 1, kProblems = 8;
  std::vector<Slice> taken;
  {
    WorkQueue queue(*world_, slices(kArms, kProblems), size_, 7);
    if (rank_ == 0) {
      // Every other leader has asked for one slice ahead and gives it back when its queue ends.
      world_->barrier();
      EXPECT_TRUE(wait_until_left(queue, kProblems));
      taken = drain(queue);
    }
  }
  if (rank_ != 0) world_->barrier();
  expect_each_once(taken, kArms, kProblems);
}

TEST_F(WorkQueueTest, OnlyLeadersAsk) {
  constexpr std::int32_t kArms = 2, kProblems = 9;
  std::vector<Slice> taken;
  if (rank_ % 2 == 0) {
    WorkQueue queue(*world_, slices(kArms, kProblems), (size_ + 1) / 2, 8);
    taken = drain(queue);
  }
  expect_each_once(taken, kArms, kProblems);
}

TEST_F(WorkQueueTest, QueuesThatFollowOneAnotherDoNotMix) {
  // Without a barrier a fast rank asks the next queue while the last one still serves a slow rank.
  constexpr std::int32_t kArms = 1, kProblems = 6;
  std::vector<std::vector<Slice>> taken(6);
  for (int round = 0; round < 6; ++round) {
    WorkQueue queue(*world_, slices(kArms, kProblems), size_, 100 + round);
    if (rank_ == round % size_) std::this_thread::sleep_for(5ms);
    taken[static_cast<std::size_t>(round)] = drain(queue);
  }
  for (const auto& round : taken) expect_each_once(round, kArms, kProblems);
}

TEST_F(WorkQueueTest, AnExceptionOnRankZeroWaitsForNobody) {
  if (rank_ == 0) {
    const auto fail = [&] {
      WorkQueue queue(*world_, slices(2, 2), size_, 200);
      throw std::runtime_error("disk full");
    };
    EXPECT_THROW(fail(),
                 std::runtime_error);  // the other ranks never ask: a queue that waits would hang here
  }
  world_->barrier();
}

}  // namespace
}  // namespace wisk::comm
