// The whole program with an emulated GPU: the tokens, samples and tables of the CPU.
#include <gtest/gtest.h>

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

TEST(EmulatedProgram, GeneratesTheCpusTokens) {
  const std::string early = (demo_folder() / "checkpoints/step-0040").string(),
                    late = (demo_folder() / "checkpoints/step-0500").string();
  const auto generate = [&](const std::vector<std::string>& program, const std::string& device) {
    std::vector<std::string> command = program;
    command.insert(
        command.end(),
        {"generate", "--early", early, "--late", late, "--delta", "0.25", "--device", device, "--json",
         "--prompt", "Lena has 58 pears, then weighs 9 and buys 12 pears. How many now?\n", "--samples", "3",
         "--max-tokens", "12", "--seed", "5", "--prompt-logprobs"});
    const ProgramResult result = run_program(command);
    EXPECT_EQ(result.status, 0) << result.error;
    std::vector<json> rows;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
    return rows;
  };
  const auto expected = generate({WISK_PROGRAM}, "cpu"), actual = generate({WISK_EMULATED_PROGRAM}, "cuda");
  ASSERT_EQ(actual.size(), 3u);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i]["token_ids"], expected[i]["token_ids"]);
    EXPECT_EQ(actual[i]["text"], expected[i]["text"]);
    EXPECT_EQ(actual[i]["prompt_argmax"], expected[i]["prompt_argmax"]);
    EXPECT_EQ(actual[i]["prompt_logprobs"], expected[i]["prompt_logprobs"]);
  }
}

/// Three blends, so that ingredients are kept and blended again; then a resume, and one on other hardware.
TEST(EmulatedProgram, RunsAJobAsTheCpuDoes) {
  const DemoJob job;
  const std::vector<std::string> small = {"decode.samples=2", "decode.max_tokens=6", "engine.device=cpu"};
  std::vector<std::string> on_gpu = small;
  on_gpu.back() = "engine.device=cuda";
  const RunContents expected = job.run("cpu", 0, small);
  const ProgramResult result =
      run_program(emulated(job.command("gpu", 0, on_gpu)), {.limit = std::chrono::seconds(200)});
  ASSERT_EQ(result.status, 0) << result.error;
  const RunContents found = RunContents::read(job.path("gpu"));
  ASSERT_EQ(found.samples.size(), expected.samples.size());
  for (const auto& [key, sample] : expected.samples) {
    EXPECT_EQ(found.samples.at(key).tokens, sample.tokens);
    EXPECT_EQ(found.samples.at(key).text, sample.text);
    EXPECT_EQ(found.samples.at(key).verdict, sample.verdict);
  }
  EXPECT_EQ(run_program(emulated(job.command("gpu", 0, on_gpu))).status, 0);
  const ProgramResult refused = run_program(job.command("gpu", 0, small));
  EXPECT_EQ(refused.status, 3);
  EXPECT_NE(refused.error.find("cuda sm_"), std::string::npos) << refused.error;
}

}  // namespace
}  // namespace wisk::test
