// `wisk generate`: the same tokens at any batch and number of ranks; stops, limits and the alignment of
// log-probabilities.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/demo_job.hpp"

namespace wisk::test {
namespace {

using nlohmann::json;

const std::string kQuestion =
    "Lena has 58 pears, then weighs 9, receives 2 and buys 12 pears. How many now?\n";
const std::string kOther =
    "Tomas has 50 apples, then borrows 9, polishes 2 and ships 6 apples. How many now?\n";

std::vector<json> generate(const std::vector<std::string>& more, int ranks = 0) {
  std::vector<std::string> arguments = {"generate", (demo_folder() / "checkpoints/step-0040").string(),
                                        "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const ProgramResult result = run_program(wisk_command(arguments, ranks), cpu_options());
  EXPECT_EQ(result.status, 0) << result.error;
  std::vector<json> rows;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
  return rows;
}

TEST(Generate, TheSameTokensAtAnyBatchAndNumberOfRanks) {
  const std::vector<std::string> base = {"--prompt",  kQuestion, "--prompt",     kOther,
                                         "--samples", "5",       "--max-tokens", "40"};
  const auto with = [&](std::vector<std::string> more, int ranks) {
    if (more.empty() || more[0] != "--seed") more.insert(more.begin(), {"--seed", "7"});
    more.insert(more.end(), base.begin(), base.end());
    return generate(more, ranks);
  };
  const std::vector<json> expected = with({}, 0);
  ASSERT_EQ(expected.size(), 10u);
  EXPECT_NE(expected[0]["token_ids"], expected[1]["token_ids"]);
  EXPECT_EQ(with({"--max-batch", "1"}, 0), expected);
  EXPECT_EQ(with({"--threads", "1"}, 0), expected);
  EXPECT_EQ(with({}, 2), expected);
  EXPECT_EQ(with({"--tensor-parallel", "2"}, 2), expected);
  EXPECT_NE(with({"--seed", "8"}, 0), expected);
}

TEST(Generate, AStopStringCutsTheText) {
  const std::vector<std::string> base = {"--prompt", kQuestion, "--temperature", "0", "--max-tokens", "60"};
  const json whole = generate(base)[0];
  ASSERT_EQ(whole["finish_reason"], "eos") << whole;
  const auto text = whole["text"].get<std::string>();
  const std::size_t at = text.find("####");
  ASSERT_NE(at, std::string::npos) << text;
  std::vector<std::string> stopped = base;
  stopped.insert(stopped.end(), {"--stop", "####"});
  const json cut = generate(stopped)[0];
  EXPECT_EQ(cut["finish_reason"], "stop");
  EXPECT_EQ(cut["text"], text.substr(0, at));
  EXPECT_LT(cut["token_ids"].size(), whole["token_ids"].size());
  for (std::size_t i = 0; i < cut["token_ids"].size(); ++i)
    EXPECT_EQ(cut["token_ids"][i], whole["token_ids"][i]);
}

TEST(Generate, MaxTokensEndsASample) {
  const json row = generate({"--prompt", kQuestion, "--temperature", "0", "--max-tokens", "5"})[0];
  EXPECT_EQ(row["finish_reason"], "length");
  EXPECT_EQ(row["token_ids"].size(), 5u);
  EXPECT_EQ(row["logprobs"].size(), 5u);
}

TEST(Generate, EosIsTheLastTokenAndNoText) {
  const json row = generate({"--prompt", kQuestion, "--temperature", "0", "--max-tokens", "60"})[0];
  EXPECT_EQ(row["finish_reason"], "eos");
  EXPECT_EQ(row["token_ids"].back(), 454);  // eos_token_id of the demo's config.json
  EXPECT_EQ(row["text"].get<std::string>().find("<|"), std::string::npos);
}

TEST(Generate, PromptLogProbabilitiesAreAlignedWithTheirTokens) {
  const json greedy =
      generate({"--prompt", kQuestion, "--temperature", "0", "--max-tokens", "20", "--prompt-logprobs"})[0];
  const std::size_t prompt = greedy["prompt_token_ids"].size();
  ASSERT_EQ(greedy["prompt_logprobs"].size(), prompt);
  ASSERT_EQ(greedy["prompt_argmax"].size(), prompt);
  EXPECT_TRUE(greedy["prompt_logprobs"][0].is_null());
  EXPECT_TRUE(greedy["prompt_argmax"][0].is_null());
  // The completion read back as a prompt: entry i belongs to token i, and the bits are those of the decode
  // steps.
  json ids = greedy["prompt_token_ids"];
  for (const json& id : greedy["token_ids"]) ids.push_back(id);
  const TempFolder folder;
  const auto file = folder.write("prompts.jsonl", json{{"prompt_token_ids", ids}}.dump() + "\n");
  const json again = generate({"--prompts", file.string(), "--max-tokens", "0", "--prompt-logprobs"})[0];
  EXPECT_EQ(again["prompt_token_ids"], ids);
  for (std::size_t i = 1; i < prompt; ++i)
    EXPECT_EQ(again["prompt_logprobs"][i], greedy["prompt_logprobs"][i]);
  for (std::size_t i = 0; i < greedy["token_ids"].size(); ++i) {
    EXPECT_EQ(again["prompt_logprobs"][prompt + i], greedy["logprobs"][i]) << i;
    EXPECT_EQ(again["prompt_argmax"][prompt + i], greedy["token_ids"][i])
        << "greedy takes the likeliest token";
  }
}

TEST(Generate, ABlendWithDeltaZeroIsLate) {
  const std::vector<std::string> rest = {"--prompt", kQuestion, "--max-tokens", "20", "--json"};
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "generate");
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return run_program(wisk_command(arguments), cpu_options()).out;
  };
  const std::string early = (demo_folder() / "checkpoints/step-0005").string(),
                    late = (demo_folder() / "checkpoints/step-0500").string();
  const std::string alone = run({late});
  EXPECT_FALSE(alone.empty());
  EXPECT_EQ(run({"--early", early, "--late", late, "--delta", "0"}), alone);
  EXPECT_EQ(run({"--early", early, "--late", late, "--delta", "1"}), run({early}));
  EXPECT_NE(run({"--early", early, "--late", late, "--delta", "0.5"}), alone);
}

}  // namespace
}  // namespace wisk::test
