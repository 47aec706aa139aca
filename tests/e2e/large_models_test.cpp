// Real models against transformers in f32: log-probabilities, likeliest tokens and greedy text. The folders
// are made by hand, the references by tests/golden/models/reference_large.py into build/large/NAME.json;
// without either: skipped.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include <wisk/model/architecture.hpp>

#include "support/demo_job.hpp"

namespace wisk::test {
namespace {

using nlohmann::json;

std::filesystem::path model_folder(const std::string& name) {
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : "/") / ".cache/wisk/models" / name;
}

std::filesystem::path reference_file(const std::string& name) {
  const char* folder = std::getenv("WISK_LARGE_REFERENCES");
  return (folder != nullptr ? std::filesystem::path(folder)
                            : std::filesystem::path(WISK_BINARY_DIR).parent_path() / "large") /
         (name + ".json");
}

/// As in tests/model/golden_test.cpp, where it is derived: two f32 evaluations of 2 L + 1 sums of K products.
double bound_of(const model::Architecture& a, double magnitude) {
  const double k = static_cast<double>(std::max({a.width, a.feed_forward, a.query_width()}));
  return 4 * 2 * 0x1p-24 * std::sqrt(k) * (2 * static_cast<double>(a.layers.size()) + 1) * magnitude;
}

class LargeModel : public ::testing::TestWithParam<const char*> {};

TEST_P(LargeModel, AgreesWithTheReference) {
  const std::filesystem::path folder = model_folder(GetParam()), file = reference_file(GetParam());
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
  if (!std::filesystem::exists(file))
    GTEST_SKIP() << "no " << file << ": make it with tests/golden/models/reference_large.py";
  const json reference = json::parse(read_bytes(file)).at("prompts");
  const model::Architecture architecture =
      model::read_architecture(read_bytes(folder / "config.json"), "config.json", true);
  std::string lines;
  for (const json& record : reference) lines += json(record.at("text")).dump() + "\n";
  const TempFolder temporary;
  const auto prompts = temporary.write("prompts.jsonl", lines);
  ProgramOptions options = cpu_options();
  options.limit = std::chrono::seconds(900);
  const ProgramResult result = run_program(
      wisk_command({"generate", folder.string(), "--compute", "float32", "--prompts", prompts.string(),
                    "--prompt-logprobs", "--json", "--temperature", "0", "--max-tokens", "64"}),
      options);
  ASSERT_EQ(result.status, 0) << result.error;
  std::istringstream rows(result.out);
  double worst = 0, worst_of_bound = 0;
  for (const json& record : reference) {
    std::string line;
    ASSERT_TRUE(std::getline(rows, line));
    const json row = json::parse(line);
    ASSERT_EQ(row["prompt_token_ids"], record["ids"]);
    const double bound = bound_of(architecture, record["max_abs_logit"].get<double>());
    for (std::size_t i = 1; i < record["ids"].size(); ++i) {
      const double difference =
          std::abs(row["prompt_logprobs"][i].get<double>() - record["logprobs"][i].get<double>());
      EXPECT_LE(difference, bound) << "token " << i;
      worst = std::max(worst, difference);
      worst_of_bound = std::max(worst_of_bound, difference / bound);
      // argmax[i - 1] of the reference is what follows token i - 1: the entry of token i here.
      if (record["gap"][i - 1].get<double>() > 2 * bound) {
        EXPECT_EQ(row["prompt_argmax"][i], record["argmax"][i - 1]) << "token " << i;
      }
    }
    for (std::size_t i = 0; i < row["token_ids"].size(); ++i) {
      EXPECT_EQ(row["token_ids"][i], record["generated"][i])
          << "greedy token " << i << ", gap " << record["generated_gap"][i];
      const double difference =
          std::abs(row["logprobs"][i].get<double>() - record["generated_logprobs"][i].get<double>());
      EXPECT_LE(difference, bound) << "greedy token " << i;
      worst = std::max(worst, difference);
      worst_of_bound = std::max(worst_of_bound, difference / bound);
    }
    EXPECT_TRUE(row["token_ids"].size() == 64 || row["finish_reason"] == "eos");
  }
  std::printf("%s: worst difference %.3g, %.2g of the bound; %.1f s\n", GetParam(), worst, worst_of_bound,
              result.seconds);
}

INSTANTIATE_TEST_SUITE_P(RealModels, LargeModel,
                         ::testing::Values("smollm2-135m", "gemma3-270m", "qwen2.5-coder-0.5b"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace wisk::test
