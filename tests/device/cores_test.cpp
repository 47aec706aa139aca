// Which cores a device's threads are pinned to, on a machine with any number of them.
#include "cpu/cores.hpp"

#include <gtest/gtest.h>

#include <wisk/core/error.hpp>

namespace wisk::device {
namespace {

using Cores = std::vector<int>;

int count() {
  return static_cast<int>(bound_cores().size());
}

TEST(Cores, AllThatAreBoundWithoutAsking) {
  EXPECT_EQ(cores_of({}), bound_cores());
  EXPECT_EQ(cores_of({.threads = count()}), bound_cores());
}

TEST(Cores, EachOfThoseWhoShareThemHasItsPart) {
  if (count() < 2) GTEST_SKIP() << "needs two cores";
  const Cores all = bound_cores();
  const int half = count() / 2;
  for (int rank = 0; rank < 2; ++rank) {
    const Cores part(all.begin() + rank * half, all.begin() + (rank + 1) * half);
    if (count() > 2) {
      EXPECT_EQ(cores_of({.share = 2, .share_rank = rank}), part);
    }
    if (2 * half == count()) {
      EXPECT_EQ(cores_of({.threads = half, .share = 2, .share_rank = rank}), part);
    }
    EXPECT_EQ(cores_of({.share = 2, .share_rank = rank, .pin = false}), Cores(part.size(), -1));
  }
}

TEST(Cores, AsManyProcessesAsCoresHaveAThreadEach) {
  EXPECT_EQ(cores_of({.share = count(), .share_rank = 0}), Cores{-1});
  EXPECT_EQ(cores_of({.share = count() + 1, .share_rank = count()}), Cores{-1});
}

/// Processes that do not know of each other would be pinned to the same cores.
TEST(Cores, FewerOrMoreThreadsThanCoresAreNotPinned) {
  for (const int threads : {1, count() - 1, count() + 1, 2 * count()}) {
    if (threads < 1 || threads == count()) continue;
    EXPECT_EQ(cores_of({.threads = threads}), Cores(static_cast<std::size_t>(threads), -1)) << threads;
  }
}

TEST(Cores, AbsurdNumbersAreRefused) {
  EXPECT_THROW(cores_of({.threads = 100000}), EnvironmentError);
  EXPECT_THROW(cores_of({.threads = -1}), EnvironmentError);
}

}  // namespace
}  // namespace wisk::device
