// Ranks whose file system shows journals of different ages. Runs on 1, 2 and 4 ranks.
#include "journal_view.hpp"

#include <gtest/gtest.h>

#include <wisk/comm/mpi.hpp>
#include <wisk/core/error.hpp>

#include "support/temp_folder.hpp"

namespace wisk::test {
namespace {

constexpr std::uint64_t kJob = 7;

class JournalView : public ::testing::Test {
 protected:
  JournalView() {
    store::JournalWriter old(old_.path(), "rank-0", kJob), now(new_.path(), "rank-0", kJob);
    for (std::uint32_t s = 0; s < 3; ++s) {
      store::SampleRecord sample;
      sample.id = {0, 0, s};
      sample.tokens = {1, 2};
      sample.logprobs = {-1, -2};
      if (s < 2) old.append(sample);
      now.append(sample);
    }
    // Of what is finished by now.
    old.append(store::PrefixRecord{{0, 0, 2}, {1}, {-1}});
  }
  ~JournalView() override { world_->barrier(); }

  store::Journal old_view() const { return store::Journal::read(old_.path(), kJob); }
  store::Journal new_view() const { return store::Journal::read(new_.path(), kJob); }
  [[nodiscard]] int last() const { return world_->size() - 1; }

  std::unique_ptr<comm::Communicator> world_ = comm::make_world_communicator();
  TempFolder old_, new_;
};

/// Whichever rank it is, and for however long.
TEST_F(JournalView, ARankThatIsBehindReadsAgain) {
  for (const int behind : {0, last()}) {
    for (const int times : {0, 1, 3}) {
      int reads = 0;
      const store::Journal journal = run::read_journal_together(*world_, [&] {
        ++reads;
        return world_->rank() == behind && world_->size() > 1 && reads <= times ? old_view() : new_view();
      });
      EXPECT_EQ(journal.samples().size(), 3u);
      EXPECT_TRUE(journal.prefixes().empty());
      EXPECT_EQ(reads, world_->rank() == behind && world_->size() > 1 ? times + 1 : 1);
    }
  }
}

/// As many samples, other beginnings.
TEST_F(JournalView, BeginningsCountToo) {
  store::JournalWriter(new_.path(), "rank-1", kJob).append(store::PrefixRecord{{0, 0, 3}, {1}, {-1}});
  int reads = 0;
  const TempFolder third;
  std::filesystem::copy(new_.path() / "rank-0-000.journal", third.path() / "rank-0-000.journal");
  const store::Journal journal = run::read_journal_together(*world_, [&] {
    const bool early = world_->rank() == last() && world_->size() > 1 && ++reads == 1;
    return early ? store::Journal::read(third.path(), kJob) : new_view();
  });
  EXPECT_EQ(journal.prefixes().size(), 1u);
}

}  // namespace
}  // namespace wisk::test
