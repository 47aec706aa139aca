#include <wisk/store/journal.hpp>

#include <gtest/gtest.h>

#include <fstream>

#include "samples.hpp"
#include "support/temp_folder.hpp"

namespace wisk::store {
namespace {

using test_data::sample;
constexpr std::uint64_t kJob = 77;

/// Two writers with attempts of their own, a sample that both have, and a prefix.
void write_some(const std::filesystem::path& folder) {
  JournalWriter first(folder, "rank-0", kJob), second(folder, "rank-1", kJob);
  first.append(sample(0, 9, 0));  // before any attempt record
  first.append(AttemptRecord{{"rank", "0"}, {"device", "cpu"}});
  second.append(AttemptRecord{{"rank", "1"}, {"device", "cuda sm_90"}});
  first.note_weights(0, 5);
  second.note_weights(0, 5);
  for (std::uint32_t p = 0; p < 6; ++p) (p % 2 == 0 ? first : second).append(sample(0, p, 0));
  second.append(sample(0, 0, 0));
  first.append(PrefixRecord{{0, 7, 0}, {1, 2}, {-1.0f, -2.0f}});
}

std::vector<SampleRecord> samples_of(const Journal& journal) {
  std::vector<SampleRecord> all;
  for (const Journal::Entry& entry : journal.samples()) all.push_back(journal.load(entry));
  return all;
}

TEST(Compaction, LeavesOneFileThatReadsTheSame) {
  const test::TempFolder folder;
  write_some(folder.path());
  const Journal before = Journal::read(folder.path(), kJob);
  const auto file = compact(folder.path(), kJob);
  const Journal after = Journal::read(folder.path(), kJob);
  EXPECT_EQ(after.files(), std::vector<std::filesystem::path>{file});
  EXPECT_EQ(samples_of(after), samples_of(before));
  EXPECT_EQ(after.weights(), before.weights());
  EXPECT_EQ(after.attempts(), before.attempts());
  for (std::size_t i = 0; i < before.samples().size(); ++i) {
    EXPECT_EQ(device_of(after.attempt_of(after.samples()[i])),
              device_of(before.attempt_of(before.samples()[i])))
        << "sample " << i;
  }
  EXPECT_TRUE(after.damage().empty());
}

/// Killed after the rename and before any removal, or after some removals.
TEST(Compaction, KilledHalfWayReadsTheSame) {
  const test::TempFolder folder, saved;
  write_some(folder.path());
  std::filesystem::copy(folder.path(), saved.path(), std::filesystem::copy_options::recursive);
  const std::vector<SampleRecord> before = samples_of(Journal::read(folder.path(), kJob));
  std::ignore = compact(folder.path(), kJob);
  for (const auto& entry : std::filesystem::directory_iterator(saved.path())) {
    std::filesystem::copy(entry.path(), folder.path() / entry.path().filename());
    const Journal half = Journal::read(folder.path(), kJob);
    EXPECT_EQ(samples_of(half), before);
    EXPECT_TRUE(half.damage().empty());
  }
  std::ignore = compact(folder.path(), kJob);  // and again
  EXPECT_EQ(samples_of(Journal::read(folder.path(), kJob)), before);
}

TEST(Attempts, BelongToTheSamplesThatFollowThem) {
  const test::TempFolder folder;
  write_some(folder.path());
  const Journal journal = Journal::read(folder.path(), kJob);
  ASSERT_EQ(journal.attempts().size(), 2u);
  for (const Journal::Entry& entry : journal.samples()) {
    const std::string expected = entry.id.problem == 9       ? "unknown"
                                 : entry.id.problem % 2 == 0 ? "cpu"
                                                             : "cuda sm_90";
    EXPECT_EQ(device_of(journal.attempt_of(entry)), expected) << entry.id.problem;
  }
}

}  // namespace
}  // namespace wisk::store
