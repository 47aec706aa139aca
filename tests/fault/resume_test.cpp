// Interrupted by a signal, killed at random moments, or with a damaged journal: a run that is taken up again
// ends with the bytes of one that was left alone.
#include <gtest/gtest.h>

#include <signal.h>

#include <fstream>
#include <random>

#include "fault/interrupted.hpp"

namespace wisk::test {
namespace {

class Resume : public InterruptedRun {
 protected:
  static void expect_incomplete(const std::string& out) {
    const RunContents some = RunContents::read(job_->path(out));
    const auto& all = undisturbed().samples;
    EXPECT_GT(some.samples.size(), 0u);
    EXPECT_LT(some.samples.size(), all.size());
    EXPECT_EQ(some.results.missing_samples, static_cast<std::int64_t>(all.size() - some.samples.size()));
    EXPECT_TRUE(some.damage.empty());
    for (const auto& [id, sample] : some.samples) EXPECT_TRUE(sample == all.at(id));
  }
};

TEST_F(Resume, AfterASignalWithAnyNumberOfRanks) {
  int number = 0;
  std::size_t begun = 0;
  for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2, SIGINT}) {
    const std::string out = "signal-" + std::to_string(number);
    const auto program = start(out, 0, 3000);
    program->send(signal);
    EXPECT_EQ(program->wait().status, kInterrupted) << program->so_far().error;
    expect_incomplete(out);
    begun += RunContents::read(job_->path(out)).prefixes;
    expect_completes(out, number);  // 0: without mpiexec
    ++number;
  }
  // While a problem's prompt is computed no sample of it has a token: about one moment in thirty.
  EXPECT_GT(begun, 0u) << "what was begun is kept: one of four moments at least lies within a sample";
}

TEST_F(Resume, ManyTimesInARow) {
  const std::string out = "many";
  int interruptions = 0;
  for (; interruptions < 6; ++interruptions) {
    const auto program = start(out, 0, 2000);
    program->send(SIGTERM);
    ASSERT_EQ(program->wait().status, kInterrupted) << program->so_far().error;
  }
  expect_incomplete(out);
  expect_completes(out, 2);
}

TEST_F(Resume, RanksUnderMpiexecThatGetASignal) {
  const std::string out = "ranks";
  const auto program = start(out, 2, 3000);
  for (const pid_t id : ranks_of(out)) ::kill(id, SIGUSR1);
  EXPECT_EQ(program->wait().status, kInterrupted) << program->so_far().error;
  expect_incomplete(out);
  expect_completes(out, 1);
}

TEST_F(Resume, OneRankOfThreeGetsASignal) {
  const std::string out = "one-of-three";
  const auto program = start(out, 3, 3000);
  const std::vector<pid_t> ranks = ranks_of(out);
  ASSERT_EQ(ranks.size(), 3u);
  ::kill(ranks.back(), SIGTERM);
  EXPECT_EQ(program->wait().status, kInterrupted) << program->so_far().error;
  expect_incomplete(out);
  expect_completes(out, 2);
}

TEST_F(Resume, AfterKillOfASingleProcess) {
  std::mt19937 random(20261124);
  const std::string out = "killed";
  for (int attempt = 0; attempt < 4; ++attempt) {
    const auto program = start(out, 0, 500 + random() % 4000);
    program->send(SIGKILL);
    EXPECT_EQ(program->wait().status, 128 + SIGKILL);
  }
  expect_completes(out, 0);
}

TEST_F(Resume, AfterKillOfOneRank) {
  std::mt19937 random(42);
  const std::string out = "killed-rank";
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto program = start(out, 2, 500 + random() % 4000);
    const std::vector<pid_t> ranks = ranks_of(out);
    ASSERT_FALSE(ranks.empty());
    ::kill(ranks[random() % ranks.size()], SIGKILL);
    EXPECT_NE(program->wait().status, 0);
    EXPECT_FALSE(program->so_far().timed_out);
  }
  expect_completes(out, 4);
}

TEST_F(Resume, AFlippedByteIsReportedAndItsSamplesAreDrawnAgain) {
  const std::string out = "damaged";
  std::ignore = job_->run(out);
  std::filesystem::path file;
  for (const auto& entry : std::filesystem::directory_iterator(job_->path(out) / "journal"))
    file = entry.path();
  std::string bytes = read_bytes(file);
  ASSERT_GT(bytes.size(), 10000u);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));

  const ProgramResult result = run_program(job_->command(out), cpu_options());
  EXPECT_EQ(result.status, 0) << result.error;
  const std::size_t at = result.error.find(file.string() + " at byte ");
  ASSERT_NE(at, std::string::npos) << result.error;
  const auto offset = std::stoull(result.error.substr(at + file.string().size() + 9));
  EXPECT_LE(offset, bytes.size() / 2);
  EXPECT_GT(offset + 4096, bytes.size() / 2);
  const RunContents done = RunContents::read(job_->path(out));
  expect_same_results(done, *expected_, out);
  EXPECT_TRUE(done.results_bytes == expected_->results_bytes);
}

TEST_F(Resume, ACompleteRunIsLeftAsItIs) {
  const std::string out = "again";
  std::ignore = job_->run(out);
  const std::uintmax_t samples = job_->journal_bytes(out);
  const ProgramResult result = run_program(job_->command(out), cpu_options());
  EXPECT_EQ(result.status, 0) << result.error;
  const RunContents done = RunContents::read(job_->path(out));
  EXPECT_TRUE(done.results_bytes == expected_->results_bytes);
  EXPECT_LT(job_->journal_bytes(out) - samples, 200u) << "no sample was drawn again";
}

TEST_F(Resume, ResultsAreMadeAnewFromTheJournal) {
  const std::string out = "derived";
  std::ignore = job_->run(out, 0, {long_run()});
  std::filesystem::remove(job_->path(out) / "results.h5");
  expect_completes(out, 0);
}

TEST_F(Resume, AFullDiskLosesNothingThatWasJournalled) {
  const std::string out = "full";
  ProgramOptions small = cpu_options();
  small.file_size_limit = 20000;
  const ProgramResult result = run_program(job_->command(out, 0, {long_run()}), small);
  EXPECT_EQ(result.status, 4);
  const auto messages = messages_of(result.error);
  ASSERT_FALSE(messages.empty());
  EXPECT_NE(messages.back().find(".journal"), std::string::npos) << messages.back();
  EXPECT_GT(job_->journal_bytes(out), 10000u);
  expect_completes(out, 0);
}

TEST_F(Resume, TwoAtOnceAreRefused) {
  const std::string out = "locked";
  const auto first = start(out, 0, 1000);
  const ProgramResult second = run_program(job_->command(out, 0, {long_run()}), cpu_options());
  EXPECT_EQ(second.status, 4);
  EXPECT_EQ(messages_of(second.error).size(), 1u) << second.error;
  EXPECT_NE(second.error.find("another wisk works in this run directory"), std::string::npos) << second.error;
  first->send(SIGTERM);
  EXPECT_EQ(first->wait().status, kInterrupted);
}

}  // namespace
}  // namespace wisk::test
