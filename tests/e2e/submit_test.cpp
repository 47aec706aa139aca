// wisk submit against stand-ins for Slurm's commands, which note how they were called.
#include <gtest/gtest.h>

#include <fstream>

#include "support/demo_job.hpp"

namespace wisk::test {
namespace {

class Submit : public ::testing::Test {
 protected:
  void SetUp() override {
    tool("sinfo", "echo 48; echo 32+");
    tool("squeue", "cat \"$0.answer\" 2>/dev/null");
    tool("sbatch", "for a in \"$@\"; do echo \"$a\"; done >\"$0.arguments\"; echo '4711;cluster'");
  }
  void tool(const std::string& name, const std::string& body) {
    const auto file = job_.folder().write("bin/" + name, "#!/bin/sh\n" + body + "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  ProgramResult submit(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"submit", job_.path("job.yaml").string(), "--out",
                                          job_.path("runs/a b").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    ProgramOptions options;
    options.environment = {{"PATH", job_.path("bin").string() + ":" + std::getenv("PATH")}};
    return run_program(wisk_command(arguments), options);
  }
  std::vector<std::string> submitted() {
    std::ifstream file(job_.path("bin/sbatch.arguments"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  static bool holds(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }
  DemoJob job_;
};

TEST_F(Submit, AsksForWhatTheJobNeedsAndPrintsTheId) {
  const ProgramResult result =
      submit({"--nodes", "2", "--ntasks-per-node", "4", "--set", "seed=3", "--sbatch=--qos=low"});
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(result.out, "4711\n");
  const std::vector<std::string> line = submitted();
  for (const char* expected : {"--nodes=2", "--ntasks-per-node=4", "--cpus-per-task=8", "--qos=low"})
    EXPECT_TRUE(holds(line, expected)) << expected;
  ASSERT_GE(line.size(), 6u);
  EXPECT_EQ(std::vector<std::string>(line.end() - 4, line.end()),
            (std::vector<std::string>{"--out", job_.path("runs/a b").string(), "--set", "seed=3"}));
  EXPECT_TRUE(line[line.size() - 6].ends_with("slurm/run.sbatch")) << line[line.size() - 6];
}

TEST_F(Submit, ADryRunSubmitsNothingAndPrintsALineForAShell) {
  const ProgramResult result = submit({"--dry-run", "--time", "1:00:00", "--mem", "3G"});
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_TRUE(submitted().empty());
  EXPECT_NE(result.out.find("--time=1:00:00"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("--mem=3G"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("'" + job_.path("runs/a b").string() + "'"), std::string::npos) << result.out;
}

TEST_F(Submit, AJobInTheQueueIsFoundInsteadOfSubmittedAgain) {
  job_.folder().write("bin/squeue.answer", "99 RUNNING\n");
  const ProgramResult result = submit();
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(result.out, "99\n");
  EXPECT_NE(result.error.find("99 RUNNING"), std::string::npos) << result.error;
  EXPECT_TRUE(submitted().empty());
}

TEST_F(Submit, ACompleteRunIsNotSubmitted) {
  std::ignore = job_.run("runs/a b");
  const ProgramResult result = submit();
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(submitted().empty());
}

TEST_F(Submit, WhatSbatchSaysIsToldAndWrongJobsNeverGetThere) {
  tool("sbatch", "echo 'Batch job submission failed: Invalid account' >&2; exit 1");
  const ProgramResult refused = submit();
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.error.find("Invalid account"), std::string::npos) << refused.error;
  EXPECT_EQ(submit({"--set", "nonsense=1"}).status, 3);
  EXPECT_EQ(submit({"--set", "model.tensor_parallel=2", "--ntasks-per-node", "3"}).status, 3);
  EXPECT_EQ(submit({"--nodes", "0"}).status, 2);
}

}  // namespace
}  // namespace wisk::test
