#include "cpu/thread_pool.hpp"

#include <sched.h>

#include <numeric>
#include <stdexcept>

#include "device/device_fixture.hpp"

namespace wisk::device {
namespace {

class Pool : public ::testing::TestWithParam<int> {
 protected:
  [[nodiscard]] static std::vector<int> unpinned(int threads) {
    return std::vector<int>(static_cast<std::size_t>(threads), -1);
  }
};

// Not atomic on purpose: members write their own slots, the caller reads them after the region. A missing
// order between them is what the thread sanitizer would see.
TEST_P(Pool, ManyTinyRegions) {
  ThreadPool pool(unpinned(GetParam()));
  ASSERT_EQ(pool.size(), GetParam());
  std::vector<std::int64_t> count(static_cast<std::size_t>(pool.size()), 0);
  std::int64_t shared = 0;
  for (int region = 0; region < 5000; ++region) {
    ++shared;  // the caller's write must be seen by every member
    pool.run([&](int member) { count[static_cast<std::size_t>(member)] += shared; });
  }
  for (const std::int64_t c : count) EXPECT_EQ(c, 5000LL * 5001 / 2);
}

// Not atomic on purpose, as above: after a barrier a member reads what its neighbour wrote before it.
TEST_P(Pool, BarriersOrderWhatMembersDo) {
  ThreadPool pool(unpinned(GetParam()));
  const auto members = static_cast<std::size_t>(pool.size());
  std::vector<std::int64_t> value(members, 1), next(members, 0);
  for (int region = 0; region < 50; ++region) {
    pool.run([&](int member) {
      const auto m = static_cast<std::size_t>(member);
      for (int round = 0; round < 20; ++round) {
        next[m] = (value[m] + value[(m + 1) % members]) % 1000003;
        pool.barrier();
        value[m] = next[m];
        pool.barrier();
      }
    });
  }
  std::int64_t expected = 1;
  for (int i = 0; i < 1000; ++i) expected = 2 * expected % 1000003;
  for (const std::int64_t v : value) EXPECT_EQ(v, expected);
}

TEST_P(Pool, SplitCoversEveryUnitOnce) {
  ThreadPool pool(unpinned(GetParam()));
  for (const std::int64_t units : {0, 1, 2, 3, 4, 5, 6, 17, 1000}) {
    std::vector<int> seen(static_cast<std::size_t>(units), 0);
    pool.split(units, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    for (const int s : seen) ASSERT_EQ(s, 1) << units;
  }
}

TEST_P(Pool, MembersThatSleptWakeUp) {
  ThreadPool pool(unpinned(GetParam()));
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> ran{0};
    pool.run([&](int member) {
      if (member != 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // and the caller sleeps too
      ++ran;
    });
    EXPECT_EQ(ran, pool.size());
  }
}

TEST_P(Pool, DenormalsAreFlushedOnEveryMemberWhereAsked) {
  ThreadPool pool(unpinned(GetParam()));
  for (const bool flush : {true, false, true}) {
    std::vector<float> result(static_cast<std::size_t>(pool.size()));
    pool.run(
        [&](int member) {
          const volatile float tiny = 1e-37f, small = 1e-3f;
          result[static_cast<std::size_t>(member)] = tiny * small;
        },
        flush);
    for (const float r : result) EXPECT_EQ(r == 0, flush);
    const volatile float tiny = 1e-37f, small = 1e-3f;
    EXPECT_NE(tiny * small, 0) << "the caller's own mode comes back";
  }
}

TEST_P(Pool, ForEachRunsAllAndThrowsTheFirstException) {
  const auto device = test::device_with("portable", GetParam());
  std::vector<int> seen(1000, 0), member(1000, -1);
  device->for_each(1000, [&](std::int64_t i, int m) {
    ++seen[static_cast<std::size_t>(i)];
    member[static_cast<std::size_t>(i)] = m;
  });
  EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), 0), 1000);
  for (const int m : member) EXPECT_TRUE(m >= 0 && m < device->members());
  for (int repeat = 0; repeat < 20; ++repeat) {
    EXPECT_THROW(device->for_each(50,
                                  [&](std::int64_t i, int) {
                                    if (i % 7 == 3) throw std::runtime_error("seven");
                                  }),
                 std::runtime_error);
  }
  int after = 0;
  device->for_each(1, [&](std::int64_t, int) { ++after; });
  EXPECT_EQ(after, 1);
}

TEST_P(Pool, PoolsComeAndGo) {
  for (int i = 0; i < 30; ++i) {
    ThreadPool pool(unpinned(GetParam()));
    if (i % 3 == 0) continue;  // never used
    std::atomic<int> ran{0};
    pool.run([&](int) { ++ran; });
    EXPECT_EQ(ran, GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, Pool, ::testing::Values(1, 2, 5, 16));

// The next device of this process, and every thread that starts later, must find the cores that this one
// found.
TEST(PoolOfDevice, LeavesTheCallersCoresAsTheyWere) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "one core";
  { const auto device = make_cpu_device({.threads = 2}); }
  ASSERT_EQ(sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(PoolOfDevice, UnknownKernelsAreNamed) {
  try {
    make_cpu_device({.kernels = "avx1024"});
    FAIL();
  } catch (const EnvironmentError& error) {
    EXPECT_NE(std::string(error.what()).find("avx1024"), std::string::npos);
  }
}

}  // namespace
}  // namespace wisk::device
