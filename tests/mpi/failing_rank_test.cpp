// An error ends all ranks within seconds, with one message and its status, and leaves no process.
#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>

#include "support/demo_job.hpp"

namespace wisk::test {
namespace {

constexpr double kSoon = 60;  // seconds, on a machine that is busy; it takes one

void expect_one_message(const DemoJob& job, const ProgramResult& result, int status,
                        const std::string& text) {
  EXPECT_EQ(result.status, status) << result.error;
  EXPECT_FALSE(result.timed_out);
  EXPECT_LT(result.seconds, kSoon);
  const std::vector<std::string> messages = messages_of(result.error);
  ASSERT_EQ(messages.size(), 1u) << result.error;
  EXPECT_NE(messages[0].find(text), std::string::npos) << messages[0];
  EXPECT_TRUE(all_gone(job.folder().path().string()));
}

TEST(FailingRank, BadInputIsToldOnce) {
  const DemoJob job;
  job.folder().write("task.yaml.jsonl", "");
  expect_one_message(job, run_program(job.command("run", 4), cpu_options()), 3, "task.yaml.jsonl");
}

TEST(FailingRank, ARunDirectoryThatCannotBeMade) {
  const DemoJob job;
  job.folder().write("file", "in the way");
  expect_one_message(job, run_program(job.command("file/run", 3), cpu_options()), 4, "file/run");
}

TEST(FailingRank, RanksThatDoNotDivideIntoReplicas) {
  const DemoJob job;
  expect_one_message(job, run_program(job.command("run", 3, {"model.tensor_parallel=2"}), cpu_options()), 3,
                     "model.tensor_parallel");
}

TEST(FailingRank, AKeyValueCacheThatIsTooSmall) {
  const DemoJob job;
  expect_one_message(job, run_program(job.command("run", 2, {"engine.kv_cache=10KiB"}), cpu_options()), 4,
                     "engine.kv_cache");
}

TEST(FailingRank, ADiskThatFillsUpInTheMiddle) {
  const DemoJob job;
  ProgramOptions options = cpu_options();
  options.environment.emplace_back("OMPI_MCA_btl", "self,tcp");  // shared memory is a file, too
  std::vector<std::string> command = job.command("run", 2);
  // The ranks' files are limited, not mpiexec's: it writes some of its own and hangs when it can't.
  const auto program = std::find_if(command.begin(), command.end(), [](const std::string& word) {
    return word.find("/wisk") != std::string::npos;
  });
  command.insert(program, {"prlimit", "--fsize=20000"});
  const ProgramResult result = run_program(command, options);
  EXPECT_NE(result.status, 0) << result.error;
  EXPECT_FALSE(result.timed_out);
  EXPECT_LT(result.seconds, kSoon);
  EXPECT_TRUE(all_gone(job.folder().path().string()));
}

TEST(FailingRank, ARankThatIsKilledTakesTheOthersWithIt) {
  const DemoJob job;
  Program program(job.command("run", 3, {"engine.max_batch=1", "engine.threads=1", "decode.samples=1000"}),
                  cpu_options());
  ASSERT_TRUE(program.wait_until([&] { return job.journal_bytes("run") > 2000; })) << program.so_far().error;
  const std::vector<pid_t> ranks = processes_of("wisk", job.path("run").string());
  ASSERT_EQ(ranks.size(), 3u);
  const double before = program.so_far().seconds;
  ::kill(ranks[1], SIGKILL);
  EXPECT_NE(program.wait().status, 0);
  EXPECT_LT(program.so_far().seconds - before, kSoon);
  EXPECT_TRUE(all_gone(job.path("run").string()));
}

}  // namespace
}  // namespace wisk::test
