#include <wisk/store/journal.hpp>

#include <gtest/gtest.h>

#include <wisk/core/error.hpp>

#include "full_disk.hpp"
#include "samples.hpp"
#include "support/temp_folder.hpp"

namespace wisk::store {
namespace {

using test_data::FullDisk;
using test_data::sample;
constexpr std::uint64_t kJob = 0x1234'5678'9ABC'DEF0;

TEST(Journal, GivesBackEveryFieldOfEverySample) {
  const test::TempFolder folder;
  {
    JournalWriter first(folder.path(), "rank0", kJob), second(folder.path(), "rank1", kJob);
    for (std::uint32_t i = 0; i < 60; ++i)
      (i % 2 == 0 ? first : second).append(sample(i / 30, 9 - i / 3 % 10, i % 3));
  }
  const Journal journal = Journal::read(folder.path(), kJob);
  ASSERT_EQ(journal.samples().size(), 60u);
  EXPECT_TRUE(journal.damage().empty());
  std::size_t row = 0;
  for (std::uint32_t arm = 0; arm < 2; ++arm) {
    for (std::uint32_t problem = 0; problem < 10; ++problem) {
      for (std::uint32_t number = 0; number < 3; ++number, ++row) {
        const Journal::Entry& entry = journal.samples()[row];
        const SampleRecord expected = sample(arm, problem, number);
        EXPECT_EQ(entry.id, expected.id);
        EXPECT_EQ(entry.verdict, expected.verdict);
        EXPECT_EQ(entry.finish, expected.finish);
        EXPECT_EQ(entry.tokens, expected.tokens.size());
        EXPECT_EQ(entry.logprob, expected.logprob);
        EXPECT_EQ(journal.load(entry), expected);
        EXPECT_TRUE(journal.contains(expected.id));
      }
    }
  }
  EXPECT_FALSE(journal.contains({2, 0, 0}));
}

TEST(Journal, EveryAttemptHasAFileOfItsOwn) {
  const test::TempFolder folder;
  const JournalWriter first(folder.path(), "host-rank0", kJob);
  const JournalWriter second(folder.path(), "host-rank0", kJob);
  EXPECT_NE(first.file(), second.file());
  EXPECT_EQ(first.file().filename(), "host-rank0-000.journal");
}

TEST(Journal, AnEmptyFolderHoldsNothingAndAMissingOneIsAnError) {
  const test::TempFolder folder;
  folder.write("notes.txt", "not a journal");
  EXPECT_TRUE(Journal::read(folder.path(), kJob).samples().empty());
  EXPECT_THROW(Journal::read(folder.path() / "none", kJob), InputError);
}

TEST(Journal, AnotherJobsJournalIsRefused) {
  const test::TempFolder folder;
  JournalWriter(folder.path(), "rank0", kJob).append(sample(0, 0, 0));
  try {
    Journal::read(folder.path(), kJob + 1);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("rank0-000.journal"), std::string::npos);
    EXPECT_NE(error.found().find("123456789abcdef0"), std::string::npos);
  }
}

TEST(Journal, TheSameSampleTwiceCountsOnceAndADifferentOneIsReported) {
  const test::TempFolder folder;
  SampleRecord other = sample(0, 1, 2);
  other.answer = "something else";
  JournalWriter(folder.path(), "a", kJob).append(sample(0, 1, 2));
  JournalWriter(folder.path(), "b", kJob).append(sample(0, 1, 2));
  EXPECT_EQ(Journal::read(folder.path(), kJob).samples().size(), 1u);
  EXPECT_TRUE(Journal::read(folder.path(), kJob).damage().empty());

  JournalWriter(folder.path(), "c", kJob).append(other);
  const Journal journal = Journal::read(folder.path(), kJob);
  ASSERT_EQ(journal.samples().size(), 1u);
  EXPECT_EQ(journal.load(journal.samples()[0]), sample(0, 1, 2));
  ASSERT_EQ(journal.damage().size(), 1u);
  EXPECT_EQ(journal.damage()[0].file.filename(), "c-000.journal");
  EXPECT_NE(journal.damage()[0].what.find("arm 0, problem 1, sample 2"), std::string::npos);
}

TEST(Journal, TheLongestPrefixOfEachUnfinishedSampleIsKept) {
  const test::TempFolder folder;
  const PrefixRecord shorter{{0, 0, 1}, {5, 6}, {-0.5f, -1.f}};
  const PrefixRecord longer{{0, 0, 1}, {5, 6, 7}, {-0.5f, -1.f, -2.f}};
  const PrefixRecord finished{{0, 0, 2}, {9}, {-1.f}};
  JournalWriter first(folder.path(), "a", kJob);
  first.append(longer);
  first.append(finished);
  JournalWriter second(folder.path(), "b", kJob);
  second.append(shorter);
  second.append(sample(0, 0, 2));
  const Journal journal = Journal::read(folder.path(), kJob);
  EXPECT_EQ(journal.prefixes(), std::vector<PrefixRecord>{longer});
}

TEST(Journal, SamplesAndPrefixesAreOfAKindOfHardware) {
  const test::TempFolder folder;
  JournalWriter old(folder.path(), "a", kJob), first(folder.path(), "b", kJob),
      second(folder.path(), "c", kJob);
  old.append(sample(0, 0, 0));
  first.append(AttemptRecord{{"device", "cpu"}});
  first.append(sample(0, 0, 1));
  first.append(PrefixRecord{{0, 0, 3}, {5, 6, 7}, {-1.f, -1.f, -1.f}});
  second.append(AttemptRecord{{"device", "cuda sm_90"}});
  second.append(PrefixRecord{{0, 0, 3}, {5}, {-1.f}});
  second.append(PrefixRecord{{0, 0, 3}, {5, 9}, {-1.f, -1.f}});
  const Journal before = Journal::read(folder.path(), kJob);
  EXPECT_EQ(hardware_of(before), (HardwareCounts{{"cpu", 1}, {"unknown", 1}}));
  EXPECT_FALSE(is_mixed(hardware_of(before)));
  ASSERT_EQ(before.prefixes().size(), 2u) << "neither kind goes on with the other's";
  EXPECT_EQ(before.prefixes()[0].device, "cpu");
  EXPECT_EQ(before.prefixes()[0].tokens.size(), 3u);
  EXPECT_EQ(before.prefixes()[1].device, "cuda sm_90");
  EXPECT_EQ(before.prefixes()[1].tokens.size(), 2u);
  second.append(sample(0, 0, 3));
  const Journal after = Journal::read(folder.path(), kJob);
  EXPECT_TRUE(after.prefixes().empty());
  EXPECT_TRUE(is_mixed(hardware_of(after)));
  EXPECT_EQ(in_words(hardware_of(after)), "1 on cpu, 1 on cuda sm_90, 1 on unknown");
}

TEST(Journal, StaleWeightsCannotHide) {
  const test::TempFolder folder;
  JournalWriter first(folder.path(), "a", kJob), second(folder.path(), "b", kJob);
  first.note_weights(0, 100);
  first.note_weights(3, 300);
  second.note_weights(3, 300);
  const std::map<std::uint32_t, std::uint64_t> expected = {{0, 100}, {3, 300}};
  EXPECT_EQ(Journal::read(folder.path(), kJob).weights(), expected);
  second.note_weights(0, 101);
  try {
    (void)Journal::read(folder.path(), kJob).weights();
    FAIL();
  } catch (const InputError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("arm 0"), std::string::npos);
    EXPECT_NE(what.find("a-000.journal"), std::string::npos);
    EXPECT_NE(what.find("b-000.journal"), std::string::npos);
  }
}

TEST(Journal, AFullDiskNamesTheFileAndHarmsNoRecord) {
  const test::TempFolder folder;
  JournalWriter writer(folder.path(), "rank0", kJob);
  writer.append(sample(0, 0, 0));
  {
    const FullDisk full(std::filesystem::file_size(writer.file()) + 40);  // a part of the next record fits
    try {
      writer.append(sample(0, 0, 1));
      FAIL();
    } catch (const EnvironmentError& error) {
      EXPECT_NE(std::string(error.what()).find(writer.file().string()), std::string::npos);
    }
    EXPECT_EQ(Journal::read(folder.path(), kJob).samples().size(), 1u);
  }
  writer.append(sample(0, 0, 1));  // there is room again
  const Journal journal = Journal::read(folder.path(), kJob);
  EXPECT_EQ(journal.samples().size(), 2u);
  EXPECT_TRUE(journal.damage().empty());
}

TEST(Journal, AFolderThatCannotBeWrittenIsAnEnvironmentError) {
  EXPECT_THROW(JournalWriter("/proc/no/such/folder", "rank0", kJob), EnvironmentError);
}

}  // namespace
}  // namespace wisk::store
