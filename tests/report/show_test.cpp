#include <wisk/report/show.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include <wisk/core/error.hpp>
#include <wisk/report/table.hpp>
#include <wisk/stats/pass_at_k.hpp>

namespace wisk::report {
namespace {

/// Two arms of four problems and eight samples; the second solves one more of each problem.
store::Results results() {
  store::Results results;
  results.plan.provenance.name = "demo";
  results.plan.provenance.seed = 17;
  results.plan.problems = {"a", "b", "c", "d"};
  results.plan.k = {1, 8};
  const auto arm = [](const char* name, const char* recipe, double delta) {
    store::ArmColumns columns;
    columns.name = name;
    columns.recipe_in_words = recipe;
    columns.delta = delta;
    columns.max_tokens = 64;
    columns.samples = 8;
    return columns;
  };
  results.plan.arms = {arm("delta=0.25", "0.25 x step-1 (early) + 0.75 x step-9 (late)", 0.25),
                       arm("late, \"final\"", "1 x step-9 (late)", 0)};
  results.plan.arms[1].sampled_as = 1;
  results.n = {8, 8, 8, 8, 8, 8, 8, 8};
  results.c = {2, 3, 4, 7, 1, 2, 3, 6};
  results.truncated = {0, 0, 0, 1, 0, 0, 0, 0};
  results.verdicts = {13, 16, 2, 1, 0, 19, 12, 0, 0, 1};
  results.mean_tokens = {12.25, 20};
  for (std::size_t i = 0; i < 2; ++i) {
    for (const std::int64_t k : results.plan.k) {
      results.pass_at_k.push_back(stats::mean_with_interval(stats::pass_at_k_of_problems(
          std::span(results.n).subspan(4 * i, 4), std::span(results.c).subspan(4 * i, 4), k)));
    }
  }
  results.interval_method = stats::kIntervalMethod;
  return results;
}

TEST(Compare, TheBaselineIsTheArmWithDelta0OrTheOneNamed) {
  EXPECT_EQ(compare(results(), "").baseline, 1u);
  EXPECT_EQ(compare(results(), "delta=0.25").baseline, 0u);
  store::Results none = results();
  none.plan.arms[1].delta = 0.5;
  EXPECT_FALSE(compare(none, "").baseline.has_value());
  try {
    compare(results(), "delta=0.52");
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean \"delta=0.25\""), std::string::npos);
  }
}

TEST(Compare, DifferencesArePairedOverProblems) {
  const Comparison comparison = compare(results(), "");
  // Every problem gains exactly 1/8 at k = 1: the paired interval has no width, however the problems differ.
  EXPECT_NEAR(comparison.difference[0].mean, 0.125, 1e-15);
  EXPECT_NEAR(comparison.difference[0].low, 0.125, 1e-15);
  EXPECT_EQ(comparison.difference[1].mean, 0.0);  // k = 8: each problem is solved by both
  EXPECT_EQ(comparison.difference[2].mean, 0.0);
}

TEST(ShowText, SaysWhatTheArmsAreAndWhatTheyReach) {
  const std::string text = show_text(results(), compare(results(), ""), 100);
  for (const char* part :
       {"0.25 x step-1 (early) + 0.75 x step-9 (late); temperature 1", "demo: 2 arms, 4 problems, seed 17",
        "complete", "Pass@1", "Pass@8", "50.0", "37.5", "+12.5*", "mean tokens", "12.2", "6.2",
        "Difference from late", "Wilson", "Student's t", "(max_tokens 64)", "undecided"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(ShowText, FitsTheTerminal) {
  store::Results many = results();
  many.plan.k = {1, 2, 3, 4, 5, 6, 7, 8};
  many.pass_at_k.assign(16, {0.5, 0.25, 0.75});
  for (const std::size_t width : {60u, 80u, 120u}) {
    std::istringstream lines(show_text(many, compare(many, ""), width));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(letters(line), width) << line;
  }
}

TEST(ShowText, AnIncompleteRunShowsWhatIsMissing) {
  store::Results part = results();
  part.n[0] = 3;
  part.missing_samples = 5;
  part.pass_at_k[1] = {std::nan(""), std::nan(""), std::nan("")};
  const std::string text = show_text(part, compare(part, ""), 100);
  EXPECT_NE(text.find("incomplete: 5 of 64 samples are missing (7.8 %)"), std::string::npos) << text;
  EXPECT_NE(text.find("-\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
}

TEST(ShowText, NamesCannotOrderTheTerminalAround) {
  store::Results sly = results();
  sly.plan.arms[0].name = "\x1b]0;owned\x07";
  sly.plan.arms[0].recipe_in_words = "\x1b[31m";
  sly.plan.provenance.name = "\x1b[2J";
  EXPECT_EQ(show_text(sly, compare(sly, ""), 100).find('\x1b'), std::string::npos);
}

TEST(ShowJson, HasEveryNumberAndNullForNone) {
  store::Results part = results();
  part.pass_at_k[1].mean = std::nan("");
  part.plan.arms[0].step = std::nan("");
  const auto json = nlohmann::json::parse(show_json(part, compare(part, "")));
  EXPECT_EQ(json["baseline"], "late, \"final\"");
  EXPECT_EQ(json["arms"][0]["pass_at_k"][0]["mean"], 0.5);
  EXPECT_TRUE(json["arms"][0]["pass_at_k"][1]["mean"].is_null());
  EXPECT_TRUE(json["arms"][0]["step"].is_null());
  EXPECT_EQ(json["arms"][0]["verdicts"]["no answer"], 2);
  EXPECT_EQ(json["arms"][0]["truncated_share"], 1.0 / 32);
  EXPECT_EQ(json["arms"][1]["mean_tokens"], 20);
  EXPECT_NEAR(json["arms"][0]["difference"][0]["mean"].get<double>(), 0.125, 1e-15);
  EXPECT_EQ(json["interval_method"], stats::kIntervalMethod);
  EXPECT_EQ(json["k"], (std::vector<int>{1, 8}));
}

TEST(ShowCsv, HasOneRowAnArmAndK) {
  const std::string text = show_csv(results(), compare(results(), ""));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1 + 4);
  std::istringstream lines(text);
  std::string header, first;
  std::getline(lines, header);
  std::getline(lines, first);
  EXPECT_EQ(std::count(header.begin(), header.end(), ','), 23);
  EXPECT_EQ(first.substr(0, 52), "delta=0.25,0.25 x step-1 (early) + 0.75 x step-9 (la");
  EXPECT_NE(first.find(",1,0.5,"), std::string::npos);
  EXPECT_NE(text.find("\n\"late, \"\"final\"\"\","), std::string::npos);
  EXPECT_EQ(text.find("nan"), std::string::npos);  // the step of a blend is empty
}

}  // namespace
}  // namespace wisk::report
