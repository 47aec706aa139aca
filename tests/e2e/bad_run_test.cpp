// Jobs, problem files and run directories that are wrong, from the command line.
#include "e2e/bad_input.hpp"

namespace wisk::test {
namespace {

void expect_run_refused(const DemoJob& job, int status, const std::vector<std::string>& parts,
                        const std::vector<std::string>& sets = {}) {
  expect_refused(run_program(job.command("run", 0, sets), cpu_options()), status, parts);
  EXPECT_FALSE(std::filesystem::exists(job.path("run/results.h5")));
}

TEST(BadRun, UsageIsStatusTwo) {
  expect_refused({"run"}, 2, {"job file"});
  expect_refused({"rum"}, 2, {"rum", "did you mean \"run\""});
  expect_refused({"run", "job.yaml", "--seet", "a=1"}, 2, {"--seet", "--set"});
  expect_refused({"run", (demo_folder() / "job.yaml").string(), "--set", "seed"}, 2, {"seed"});
  expect_refused({"generate", "--prompt", "x"}, 2, {"--early"});
}

TEST(BadRun, UnknownKeysNameTheNearest) {
  const DemoJob job;
  job.folder().write("job.yaml", read_bytes(job.path("job.yaml")) + "modle: {dtype: bfloat16}\n");
  expect_run_refused(job, 3, {"job.yaml", "modle", "model"});
  const DemoJob other;
  expect_run_refused(other, 3, {"decode.temprature", "decode.temperature"}, {"decode.temprature=1"});
}

TEST(BadRun, MissingFiles) {
  const DemoJob job;
  expect_refused({"run", job.path("none.yaml").string()}, 3, {"none.yaml"});
  expect_run_refused(job, 3, {"none.yaml"}, {"task=" + job.path("none.yaml").string()});
  std::filesystem::remove(job.path("task.yaml.jsonl"));
  expect_run_refused(job, 3, {"task.yaml.jsonl"});
}

TEST(BadRun, JobThatIsNoYaml) {
  const DemoJob job;
  job.folder().write("job.yaml", "name: [1, 2\ncheckpoints: {");
  expect_run_refused(job, 3, {"job.yaml"});
}

TEST(BadRun, NoProblems) {
  const DemoJob job;
  job.write_task("task.yaml", {});
  expect_run_refused(job, 3, {"task.yaml.jsonl", "expected", "found"});
}

TEST(BadRun, DuplicateProblemIds) {
  const DemoJob job;
  std::vector<std::string> lines = job.problem_lines();
  lines.push_back(lines[3]);
  job.write_task("task.yaml", lines);
  expect_run_refused(job, 3, {"task.yaml.jsonl", "demo-4242-003", "13", "4"});
}

TEST(BadRun, GoldWithoutANumber) {
  const DemoJob job;
  std::vector<std::string> lines = job.problem_lines();
  lines[2] = R"({"id": "odd", "question": "How many?", "answer": "as many as there are"})";
  job.write_task("task.yaml", lines);
  expect_run_refused(job, 3, {"task.yaml.jsonl", "3", "as many as there are"});
}

TEST(BadRun, AProblemThatIsNoJson) {
  const DemoJob job;
  std::vector<std::string> lines = job.problem_lines();
  lines[4] = lines[4].substr(0, 30);
  job.write_task("task.yaml", lines);
  expect_run_refused(job, 3, {"task.yaml.jsonl", "5"});
}

TEST(BadRun, MoreThanThereIs) {
  const DemoJob job;
  expect_run_refused(job, 3, {"k", "16", "8"}, {"k=[1,16]"});
  expect_run_refused(job, 3, {"max_tokens", "256", "4000"}, {"decode.max_tokens=4000"});
  expect_run_refused(job, 4, {"engine.kv_cache", "KiB"}, {"engine.kv_cache=10KiB"});
  expect_run_refused(job, 3, {"model.tensor_parallel", "2", "1"}, {"model.tensor_parallel=2"});
  expect_run_refused(job, 3, {"model.tensor_parallel", "3"}, {"model.tensor_parallel=3"});
}

TEST(BadRun, AnotherJobsFolderNamesTheDifferingKeys) {
  const DemoJob job;
  const RunContents before = job.run("run", 0, {"blend.delta=0.4", "decode.samples=2", "k=1"});
  const ProgramResult result = run_program(
      job.command("run", 0,
                  {"blend.delta=0.4", "decode.samples=2", "k=1", "seed=18", "decode.temperature=0.5"}),
      cpu_options());
  expect_refused(result, 3, {job.path("run").string(), "seed", "17", "18", "decode.temperature", "0.5"});
  EXPECT_EQ(result.error.find("blend.delta"), std::string::npos) << result.error;
  EXPECT_TRUE(read_bytes(job.path("run/results.h5")) == before.results_bytes);
  // Another problem file under the same name is another job, too.
  job.write_task("task.yaml", {job.problem_lines().begin(), job.problem_lines().end() - 1});
  expect_refused(
      run_program(job.command("run", 0, {"blend.delta=0.4", "decode.samples=2", "k=1"}), cpu_options()), 3,
      {"contents of task"});
}

TEST(BadRun, AFolderThatIsNoRun) {
  const DemoJob job;
  job.folder().write("run/thesis.txt", "mine");
  expect_run_refused(job, 3, {job.path("run").string(), "other files"});
  EXPECT_EQ(read_bytes(job.path("run/thesis.txt")), "mine");
}

TEST(BadRun, ClosedOrFullStandardOutput) {
  const std::vector<std::string> command = wisk_command(
      {"generate", (demo_folder() / "checkpoints/step-0005").string(), "--prompt", "x", "--max-tokens", "3"});
  ProgramOptions closed = cpu_options();
  closed.closed_stdout = true;
  expect_refused(run_program(command, closed), 4, {"standard output"});
  std::vector<std::string> full = {"sh", "-c", "exec \"$0\" \"$@\" > /dev/full"};
  full.insert(full.end(), command.begin(), command.end());
  expect_refused(run_program(full, cpu_options()), 4, {"standard output"});
}

}  // namespace
}  // namespace wisk::test
