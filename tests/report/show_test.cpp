#include <wisk/report/show.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include <wisk/core/error.hpp>
#include <wisk/report/table.hpp>

#include "run_fixture.hpp"

namespace wisk::report {
namespace {

using test_data::analysis;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// Cells of a CSV line (RFC 4180).
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells = {""};
  bool quoted = false;
  for (const char letter : line) {
    if (letter == '"') {
      quoted = !quoted;
    } else if (letter == ',' && !quoted) {
      cells.emplace_back();
    } else if (letter != '\r') {
      cells.back() += letter;
    }
  }
  return cells;
}

TEST(ShowText, SaysWhatTheArmsAreAndWhatTheyReach) {
  const std::string text = show_text(analysis(), 100);
  for (const char* part :
       {"0.5 x step-1 (early) + 0.5 x step-9 (late); temperature 1",
        "demo: 4 arms, 6 problems, seed 17, complete", "the same samples as delta=0", "Pass@1", "Pass@8",
        "Majority@2", "Best@8", "Distinct@8", "47.9", "difference from delta=0 in percentage points",
        "p-value", "The honest choice", "Mixtures at equal budget", "delta=1 + delta=0", "variance of Pass@1",
        "equal pairs by chance", "PREDICTION, not a measurement", "Pass@32 (predicted)",
        "Intervals of means: "}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
}

TEST(ShowText, FitsTheTerminal) {
  AnalysisOptions options;
  options.k = {1, 2, 3, 4, 5, 6, 7, 8};
  const Analysis many = analysis(options);
  for (const std::size_t width : {60u, 80u, 120u}) {
    for (const std::string& line : lines_of(show_text(many, width))) EXPECT_LE(letters(line), width) << line;
  }
}

TEST(ShowText, TheBestArmIsMarkedOnlyWhereItIsSurely) {
  Analysis found = analysis();
  EXPECT_EQ(show_text(found, 100).find("(^ "), std::string::npos);
  found.differences[found.k.size()].is_best = true;  // delta=1 at k = 1
  const std::string text = show_text(found, 100);
  EXPECT_NE(text.find("22.9^"), std::string::npos) << text;
  EXPECT_NE(text.find("(^ better than every other arm"), std::string::npos);
}

TEST(ShowText, OnlyWhatSurvivesHolmIsStarred) {
  Analysis found = analysis();
  for (Difference& each : found.differences) each.p_value = 0.01, each.holm = 0.2;
  EXPECT_EQ(show_text(found, 100).find("* "), show_text(found, 100).find("* p <")) << "only in the heading";
  found.differences[found.k.size()].holm = 0.02;
  EXPECT_NE(show_text(found, 100).find("-25.0*"), std::string::npos) << show_text(found, 100);
}

TEST(ShowText, AnIncompleteRunShowsWhatIsMissing) {
  stats::Samples samples = test_data::samples();
  samples.cell_end[0] -= 5;
  const std::string text = show_text(analyse(test_data::results(samples), samples, {}), 100);
  EXPECT_NE(text.find("incomplete: 5 of 144 samples are missing (3.5 %)"), std::string::npos) << text;
  EXPECT_NE(text.find("-\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
}

TEST(ShowText, NamesCannotOrderTheTerminalAround) {
  const stats::Samples samples = test_data::samples();
  store::ResultsPlan sly = test_data::plan();
  sly.arms[0].name = "\x1b]0;owned\x07";
  sly.arms[1].recipe_in_words = "\x1b[31m";
  sly.provenance.name = "\x1b[2J";
  EXPECT_EQ(show_text(analyse(test_data::results(samples, sly), samples, {}), 100).find('\x1b'),
            std::string::npos);
}

TEST(ShowPair, HasTheNumbersOfBothArmsAndTheirDifference) {
  const auto lines = lines_of(show_pair(analysis(), "delta=1", 100));
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_NE(lines[2].find("22.9"), std::string::npos) << lines[2];
  EXPECT_NE(lines[2].find("47.9"), std::string::npos) << lines[2];
  EXPECT_NE(lines[2].find("-25.0"), std::string::npos) << lines[2];
  EXPECT_NE(lines[4].find("0.250"), std::string::npos) << lines[4];
}

TEST(ShowPair, NeedsTwoArms) {
  EXPECT_THROW(show_pair(analysis(), "delta=2", 100), UsageError);
  EXPECT_THROW(show_pair(analysis(), "delta=0", 100), UsageError);
  EXPECT_THROW(show_pair(analysis(), "step-9, \"final\"", 100), UsageError) << "the same samples";
  const stats::Samples samples = test_data::samples();
  store::ResultsPlan plan = test_data::plan();
  plan.arms[0].delta = 0.25;
  plan.arms[3].recipe_in_words = "1 x another";
  plan.arms[3].step = std::nan("");
  EXPECT_THROW(show_pair(analyse(test_data::results(samples, plan), samples, {}), "delta=1", 100),
               UsageError);
}

TEST(ShowJson, HasEveryNumberAndNullForNone) {
  const Analysis found = analysis();
  const auto json = nlohmann::json::parse(show_json(found));
  EXPECT_EQ(json["baseline"], "delta=0");
  EXPECT_NEAR(json["arms"][1]["pass_at_k"][0]["mean"].get<double>(), 11.0 / 48, 1e-12);
  EXPECT_TRUE(json["arms"][0]["step"].is_null());
  EXPECT_TRUE(json["arms"][3]["delta"].is_null());
  EXPECT_EQ(json["arms"][1]["verdicts"]["no answer"], 6);
  EXPECT_EQ(json["arms"][0]["truncated_share"], 0);
  EXPECT_NEAR(json["arms"][1]["difference"][0]["mean"].get<double>(), -0.25, 1e-12);
  EXPECT_NEAR(json["arms"][1]["difference"][2]["p"].get<double>(), 0.25, 1e-12);
  EXPECT_TRUE(json["arms"][0]["pass_at_k_bound"][0]["mean"].is_null()) << "not below k = 2";
  EXPECT_EQ(json["choices"].size(), 3u);
  EXPECT_EQ(json["mixtures"][0]["first"], "delta=1");
  EXPECT_EQ(json["interval_method"], stats::kIntervalMethod);
  EXPECT_EQ(json["k"], (std::vector<int>{1, 2, 8}));
}

TEST(ShowJson, HasTheResultsOfLmEvaluationHarness) {
  const auto json = nlohmann::json::parse(show_json(analysis()));
  ASSERT_EQ(json["results"].size(), 4u);
  const auto& entry = json["results"]["sums delta=1"];
  EXPECT_EQ(entry["alias"], "sums delta=1");
  EXPECT_NEAR(entry["pass@1,none"].get<double>(), 11.0 / 48, 1e-12);
  EXPECT_GT(entry["pass@1_stderr,none"].get<double>(), 0);
  EXPECT_TRUE(entry.contains("majority@8,none"));
  EXPECT_EQ(json["n-samples"]["sums delta=1"]["effective"], 6);
}

TEST(ShowParts, AreInEveryForm) {
  const stats::Samples samples = test_data::samples();
  const auto parts = analyse_by(test_data::results(samples), samples, {}, "level");
  const auto lines = lines_of(show_csv("level", parts));
  ASSERT_EQ(lines.size(), 1u + 2 * 4 * 3);
  EXPECT_EQ(lines[0].substr(0, 10), "level,arm,");
  EXPECT_EQ(lines[1].substr(0, 10), "1,delta=0,");
  EXPECT_EQ(lines[13].substr(0, 10), "2,delta=0,");
  const auto json = nlohmann::json::parse(show_json("level", parts));
  EXPECT_EQ(json["by"], "level");
  EXPECT_EQ(json["parts"]["2"]["problems"], 3);
}

TEST(ShowCsv, HasOneRowAnArmAndK) {
  const Analysis found = analysis();
  const std::string text = show_csv(found);
  const auto lines = lines_of(text);
  ASSERT_EQ(lines.size(), 1u + 4 * 3);
  const auto header = cells_of(lines[0]);
  for (const std::string& line : lines) EXPECT_EQ(cells_of(line).size(), header.size()) << line;
  const auto at = [&](std::size_t line, const std::string& name) {
    const auto place = std::find(header.begin(), header.end(), name);
    EXPECT_NE(place, header.end()) << name;
    return cells_of(lines[line])[static_cast<std::size_t>(place - header.begin())];
  };
  EXPECT_EQ(at(4, "arm"), "delta=1");
  EXPECT_EQ(at(4, "k"), "1");
  EXPECT_NEAR(std::stod(at(4, "pass_at_k")), 11.0 / 48, 1e-12);
  EXPECT_NEAR(std::stod(at(6, "p")), 0.25, 1e-12);
  EXPECT_EQ(at(1, "p"), "") << "the baseline has none";
  EXPECT_EQ(at(1, "step"), "");
  EXPECT_EQ(at(12, "arm"), "step-9, final");
  EXPECT_NE(text.find("\n\"step-9, \"\"final\"\"\","), std::string::npos);
  EXPECT_EQ(text.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace wisk::report
