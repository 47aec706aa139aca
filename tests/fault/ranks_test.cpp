// Faults of whole ranks and of what lies around a run: signals that one rank gets, ranks that stop, locks,
// folders that vanish, other hardware.
#include <gtest/gtest.h>

#include <signal.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include <wisk/core/hash.hpp>
#include <wisk/store/run_lock.hpp>

#include "fault/interrupted.hpp"

namespace wisk::test {
namespace {

constexpr int kInput = 3, kEnvironment = 4;
constexpr double kLatency = 10;  // seconds from a signal to the end, as promised

class Ranks : public InterruptedRun {
 protected:
  static int rank_of(pid_t id) {
    const std::string all = read_proc("/proc/" + std::to_string(id) + "/environ");
    const std::string name = "OMPI_COMM_WORLD_RANK=";
    const std::size_t at = all.find(name);
    return at == std::string::npos ? 0 : std::stoi(all.substr(at + name.size()));
  }

  static nlohmann::json status_of(const std::string& out) {
    const ProgramResult result = run_program(wisk_command({"status", job_->path(out).string(), "--json"}));
    EXPECT_EQ(result.status, 0) << result.error;
    return nlohmann::json::parse(result.out, nullptr, false);
  }
};

TEST_F(Ranks, ASignalToAnyOneRankStopsAllOfThem) {
  for (const int rank : {0, 2}) {
    const std::string out = "signal-" + std::to_string(rank);
    const auto program = start(out, 3, 8000);
    for (const pid_t id : ranks_of(out)) {
      if (rank_of(id) == rank) ::kill(id, SIGUSR2);
    }
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(program->wait().status, kInterrupted) << program->so_far().error;
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), kLatency);
    const RunContents some = RunContents::read(job_->path(out));
    // The ranks without the signal would have drawn everything but the one's share.
    EXPECT_GT(some.results.missing_samples, DemoJob::kCells * long_samples() / 2);
    EXPECT_GT(some.prefixes, 0u);
    expect_completes(out, 2);
  }
}

TEST_F(Ranks, HangUpStopsContinueDoesNot) {
  const auto program = start("hup", 0, 3000);
  program->send(SIGCONT);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(program->running());
  program->send(SIGHUP);
  EXPECT_EQ(program->wait().status, kInterrupted) << program->so_far().error;
  expect_completes("hup", 0);
}

TEST_F(Ranks, SignalsInQuickSuccessionAreOne) {
  const auto program = start("twice", 0, 3000);
  program->send(SIGTERM);
  program->send(SIGUSR1);
  program->send(SIGTERM);
  EXPECT_EQ(program->wait().status, kInterrupted) << program->so_far().error;
  EXPECT_NE(program->so_far().error.find("interrupted; the same command goes on"), std::string::npos)
      << "it ended in order: " << program->so_far().error;
}

TEST_F(Ranks, AStoppedRankIsNamedAndEndsTheRun) {
  for (const int rank : {0, 1}) {
    const std::string out = "stopped-" + std::to_string(rank);
    const auto program = start(out, 2, 4000, {"engine.heartbeat_seconds=2"});
    for (const pid_t id : ranks_of(out)) {
      if (rank_of(id) == rank) ::kill(id, SIGSTOP);
    }
    const ProgramResult result = program->wait();
    EXPECT_FALSE(result.timed_out);
    EXPECT_NE(result.status, 0);
    EXPECT_NE(result.error.find("rank " + std::to_string(rank) + " (host "), std::string::npos)
        << result.error;
    EXPECT_NE(result.error.find("expected a sign of life"), std::string::npos) << result.error;
    EXPECT_TRUE(all_gone(job_->path(out).string()));
    expect_completes(out, 2);
  }
}

TEST_F(Ranks, AShortStopIsForgiven) {
  const auto program = start("paused", 2, 4000, {"engine.heartbeat_seconds=30"});
  for (const pid_t id : ranks_of("paused")) ::kill(id, SIGSTOP);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  for (const pid_t id : ranks_of("paused")) ::kill(id, SIGCONT);
  EXPECT_EQ(program->wait().status, 0) << program->so_far().error;
}

TEST_F(Ranks, PrefixesAreSavedWhileTheRunGoesOn) {
  // Long on any machine: results.h5 takes 1 % of the time, so that seconds go by before it is written again.
  // A save after each step, for a sample may last less than a millisecond.
  const std::string out = "saved";
  constexpr std::int64_t kSamples = 2000;
  const auto program =
      start(out, 0, 3000,
            {"decode.samples=" + std::to_string(kSamples), "engine.save_seconds=1e-6", "engine.max_batch=2"});
  const auto missing = [&] { return store::read_results(job_->path(out) / "results.h5").missing_samples; };
  EXPECT_EQ(missing(), DemoJob::kCells * kSamples) << "results.h5 is there from the start";
  // A moment at which no sample has begun passes.
  EXPECT_TRUE(program->wait_until([&] { return RunContents::read(job_->path(out)).prefixes > 0; }));
  EXPECT_TRUE(program->wait_until([&] { return missing() < DemoJob::kCells * kSamples; }))
      << "is brought up to date";
  program->send(SIGKILL);
  std::ignore = program->wait();
  EXPECT_GT(missing(), 0) << "and says that it is partial";
}

TEST_F(Ranks, StatusSaysHowARunIsDoing) {
  const std::string out = "watched";
  const auto program = start(out, 0, 3000);
  EXPECT_EQ(status_of(out)["state"], "running");
  EXPECT_EQ(status_of(out)["samples_total"], DemoJob::kCells * long_samples());
  const ProgramResult fsck = run_program(wisk_command({"fsck", job_->path(out).string()}));
  EXPECT_EQ(fsck.status, 0) << fsck.out << fsck.error;
  program->send(SIGKILL);
  std::ignore = program->wait();
  EXPECT_EQ(status_of(out)["state"], "killed");
  expect_completes(out, 0);
  EXPECT_EQ(status_of(out)["state"], "complete");
  EXPECT_EQ(status_of(out)["resumes"], 1);
}

TEST_F(Ranks, FsckExportsEverySampleOfACompactedRun) {
  const std::string out = "whole";
  std::ignore = job_->run(out, 2);
  const auto entries = std::filesystem::directory_iterator(job_->path(out) / "journal");
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "two ranks' files became one";
  const auto file = job_->path("samples.jsonl");
  const ProgramResult result =
      run_program(wisk_command({"fsck", job_->path(out).string(), "--export", file.string()}));
  EXPECT_EQ(result.status, 0) << result.error;
  std::ifstream lines(file);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const auto row = nlohmann::json::parse(line);
    const auto& sample = expected_->samples.at({row["arm"], row["problem"], row["sample"]});
    EXPECT_EQ(row["token_ids"].get<std::vector<std::int32_t>>(), sample.tokens);
    EXPECT_EQ(row["verdict"], name_of(sample.verdict));
    EXPECT_EQ(row["device"], "cpu");
  }
  EXPECT_EQ(count, expected_->samples.size());
}

TEST_F(Ranks, ARunDirectoryThatVanishesEndsTheRun) {
  const std::string out = "vanished";
  const auto program = start(out, 2, 3000);
  std::filesystem::remove_all(job_->path(out));
  const ProgramResult result = program->wait();
  EXPECT_EQ(result.status, kEnvironment) << result.error;
  EXPECT_NE(result.error.find(out), std::string::npos) << result.error;
  EXPECT_LT(result.seconds, 60);
}

TEST_F(Ranks, SamplesOfOtherHardwareAreMixedOnlyWhenAsked) {
  const std::string out = "mixed";
  const auto program = start(out, 0, 3000);
  program->send(SIGTERM);
  ASSERT_EQ(program->wait().status, kInterrupted);
  const auto marker = nlohmann::json::parse(read_bytes(job_->path(out) / "run.json"));
  const std::uint64_t hash = std::stoull(marker.at("job_hash").get<std::string>(), nullptr, 16);
  store::JournalWriter other(job_->path(out) / "journal", "rank-0", hash);
  other.append(store::AttemptRecord{{"rank", "0"}, {"device", "cuda sm_90"}});
  // An attempt that drew nothing is none. The last of the samples, which nobody has begun yet.
  const store::SampleId last = {DemoJob::kArms - 1, DemoJob::kProblems - 1,
                                static_cast<std::uint32_t>(long_samples() - 1)};
  other.append(store::PrefixRecord{last, {1}, {-1}});
  std::vector<std::string> command = job_->command(out, 0, {long_run()});
  const ProgramResult refused = run_program(command, cpu_options());
  EXPECT_EQ(refused.status, kInput);
  EXPECT_NE(refused.error.find("cuda sm_90"), std::string::npos) << refused.error;
  EXPECT_NE(refused.error.find("--allow-other-hardware"), std::string::npos) << refused.error;
  command.emplace_back("--allow-other-hardware");
  EXPECT_EQ(run_program(command, cpu_options()).status, 0);
}

TEST_F(Ranks, StrictDurabilityGivesTheSameSamples) {
  const RunContents strict = job_->run("strict", 2, {"durability=strict", "engine.max_batch=5"});
  expect_same_results(strict, *expected_, "strict");
  EXPECT_TRUE(strict.results_bytes == expected_->results_bytes) << "the machine's keys are not in results.h5";
}

}  // namespace
}  // namespace wisk::test
