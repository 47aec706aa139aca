// The whole program with an emulated GPU: the tokens, samples and tables of the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/demo_job.hpp"

namespace wisk::test {
namespace {

using nlohmann::json;

/// `command` of the ordinary program, with the emulated GPU's instead.
std::vector<std::string> emulated(std::vector<std::string> command) {
  command.front() = WISK_EMULATED_PROGRAM;
  return command;
}

/// The rows that a program's `generate` writes for a blend of the demo's checkpoints.
std::vector<json> generate(const std::string& program, const std::vector<std::string>& options) {
  std::vector<std::string> command = {program,   "generate",
                                      "--early", (demo_folder() / "checkpoints/step-0040").string(),
                                      "--late",  (demo_folder() / "checkpoints/step-0500").string(),
                                      "--delta", "0.25",
                                      "--json",  "--prompt-logprobs"};
  command.insert(command.end(), options.begin(), options.end());
  const ProgramResult result = run_program(command);
  EXPECT_EQ(result.status, 0) << result.error;
  std::vector<json> rows;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
  return rows;
}

const std::string kQuestion = "Lena has 58 pears, then weighs 9 and buys 12 pears. How many now?\n";

/// Log-probabilities within the bound of docs/numerics.md for the demo's vocabulary.
void expect_near(const json& actual, const json& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 1; i < actual.size(); ++i)
    EXPECT_NEAR(actual[i].get<double>(), expected[i].get<double>(), 4e-6) << i;
}

TEST(EmulatedProgram, GeneratesTheCpusTokens) {
  std::vector<std::string> options = {"--prompt", kQuestion, "--samples", "3",        "--max-tokens",
                                      "12",       "--seed",  "5",         "--device", "cpu"};
  const auto expected = generate(WISK_PROGRAM, options);
  options.back() = "cuda";
  const auto actual = generate(WISK_EMULATED_PROGRAM, options);
  ASSERT_EQ(actual.size(), 3u);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i]["token_ids"], expected[i]["token_ids"]);
    EXPECT_EQ(actual[i]["text"], expected[i]["text"]);
    EXPECT_EQ(actual[i]["prompt_argmax"], expected[i]["prompt_argmax"]);
    EXPECT_TRUE(actual[i]["prompt_logprobs"][0].is_null());
    expect_near(actual[i]["prompt_logprobs"], expected[i]["prompt_logprobs"]);
  }
}

/// A completion read back as a prompt has the log-probabilities that it was drawn with, to the bit, also
/// where several chunks of the prompt are scored.
TEST(EmulatedProgram, ScoresWhatItDrew) {
  const json drawn = generate(WISK_EMULATED_PROGRAM, {"--device", "cuda", "--prompt", kQuestion, "--seed",
                                                      "5", "--max-tokens", "12"})[0];
  const std::size_t prompt = drawn["prompt_token_ids"].size(), length = drawn["token_ids"].size();
  json ids = drawn["prompt_token_ids"];
  for (const json& id : drawn["token_ids"]) ids.push_back(id);
  ASSERT_GT(ids.size(), 33u) << "longer than a chunk";
  const TempFolder folder;
  const auto file = folder.write("prompts.jsonl", json{{"prompt_token_ids", ids}}.dump() + "\n");
  const json again = generate(WISK_EMULATED_PROGRAM,
                              {"--device", "cuda", "--prompts", file.string(), "--max-tokens", "0"})[0];
  ASSERT_EQ(again["prompt_logprobs"].size(), prompt + length);
  for (std::size_t i = 1; i < prompt; ++i)
    EXPECT_EQ(again["prompt_logprobs"][i], drawn["prompt_logprobs"][i]) << i;
  for (std::size_t i = 0; i < length; ++i)
    EXPECT_EQ(again["prompt_logprobs"][prompt + i], drawn["logprobs"][i]) << i;
}

/// Three blends, so that ingredients are kept and blended again; then a resume, and one on other hardware.
TEST(EmulatedProgram, RunsAJobAsTheCpuDoes) {
  const DemoJob job;
  const std::vector<std::string> small = {"decode.samples=2", "decode.max_tokens=6", "k=[1, 2]",
                                          "engine.device=cpu"};
  std::vector<std::string> on_gpu = small;
  on_gpu.back() = "engine.device=cuda";
  const RunContents expected = job.run("cpu", 0, small);
  const ProgramResult result = run_program(emulated(job.command("gpu", 0, on_gpu)));
  ASSERT_EQ(result.status, 0) << result.error;
  const RunContents found = RunContents::read(job.path("gpu"));
  ASSERT_EQ(found.samples.size(), expected.samples.size());
  for (const auto& [key, sample] : expected.samples) {
    EXPECT_EQ(found.samples.at(key).tokens, sample.tokens);
    EXPECT_EQ(found.samples.at(key).text, sample.text);
    EXPECT_EQ(found.samples.at(key).verdict, sample.verdict);
  }
  EXPECT_EQ(run_program(emulated(job.command("gpu", 0, on_gpu))).status, 0);
  const ProgramResult elsewhere = run_program(job.command("gpu", 0, small));
  EXPECT_EQ(elsewhere.status, 0) << "nothing is left to sample: " << elsewhere.error;
  const RunContents same = RunContents::read(job.path("gpu"));
  EXPECT_EQ(same.results_bytes, found.results_bytes);
  EXPECT_EQ(same.results.hardware.count("cuda sm_80"), 1u);
}

/// A run of two ranks or more on the emulated GPU, without NCCL.
ProgramResult run_without_nccl(const DemoJob& job, int ranks, int tensor_parallel) {
  ProgramOptions options;
  options.environment.emplace_back("WISK_NCCL_LIBRARY", "/nowhere/libnccl.so.2");
  std::vector<std::string> command =
      job.command("run", ranks,
                  {"decode.samples=1", "decode.max_tokens=1", "k=[1]", "blend.delta=[0.5]",
                   "engine.device=cuda", "engine.share_gpu=true", "engine.max_batch=4",
                   "engine.prefill_chunk=16", "model.tensor_parallel=" + std::to_string(tensor_parallel)});
  std::replace(command.begin(), command.end(), std::string(WISK_PROGRAM), std::string(WISK_EMULATED_PROGRAM));
  return run_program(command, options);
}

TEST(EmulatedProgram, ReplicasThatCannotShareCheckpointsAreToldOnce) {
  const DemoJob job;
  const ProgramResult result = run_without_nccl(job, 2, 1);
  EXPECT_EQ(result.status, 0) << result.error;
  EXPECT_EQ(
      count_of("warning: each replica reads the checkpoints itself: NCCL: rank 0 of 2 (host ", result.error),
      1u)
      << result.error;
  EXPECT_EQ(count_of("warning: ", result.error), 1u) << result.error;
}

TEST(EmulatedProgram, AModelOfSeveralGpusWithoutNcclIsOneError) {
  const DemoJob job;
  const ProgramResult result = run_without_nccl(job, 4, 2);
  EXPECT_EQ(result.status, 4) << result.error;
  EXPECT_EQ(count_of(":0] NCCL: rank 0 of 4 (host ", result.error), 1u) << result.error;
  EXPECT_EQ(count_of("NCCL: rank ", result.error), 1u) << result.error;
  EXPECT_FALSE(std::filesystem::exists(job.path("run"))) << "nothing was begun";
}

}  // namespace
}  // namespace wisk::test
