#include <wisk/report/runs.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include <fmt/format.h>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>

#include "run_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk::report {
namespace {

LoadedRun run(const std::string& name) {
  LoadedRun run{"runs/" + name, "runs/" + name + "/results.h5", {}, test_data::samples()};
  run.results = test_data::results(run.samples);
  return run;
}

template <class Do>
std::string input_error(Do something) {
  try {
    something();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

/// `of` with its problems in another order.
LoadedRun reordered(const LoadedRun& of, const std::vector<std::size_t>& order) {
  LoadedRun other = of;
  store::ResultsPlan plan = of.results.plan;
  for (std::size_t i = 0; i < order.size(); ++i) {
    plan.problems[i] = of.results.plan.problems[order[i]];
    plan.about.gold[i] = of.results.plan.about.gold[order[i]];
  }
  other.samples = stats::of_problems(of.samples, order);
  other.results = test_data::results(other.samples, plan);
  return other;
}

TEST(Runs, OverTheSameProblemsAreOneRun) {
  const LoadedRun one = joined({run("a")});
  EXPECT_EQ(one.results.plan.arms[0].name, "delta=0") << "one run stays as it is";
  const LoadedRun both = joined({run("a"), reordered(run("b"), {5, 4, 3, 2, 1, 0})});
  ASSERT_EQ(both.results.plan.arms.size(), 8u);
  EXPECT_EQ(both.results.plan.arms[0].name, "a: delta=0");
  EXPECT_EQ(both.results.plan.arms[7].name, "b: step-9, \"final\"");
  EXPECT_EQ(both.results.plan.arms[7].sampled_as, 4u);
  const Analysis found = analyse(both.results, both.samples, {});
  const Analysis alone = test_data::analysis();
  for (std::size_t i = 0; i < 4 * found.k.size(); ++i) {
    EXPECT_EQ(found.tables[0].values[i].mean, alone.tables[0].values[i].mean);
    EXPECT_NEAR(found.tables[0].values[4 * found.k.size() + i].mean, alone.tables[0].values[i].mean, 1e-12);
  }
  EXPECT_NEAR(found.differences[4 * found.k.size()].difference.mean, 0, 1e-12)
      << "the same arm of the other run, problem by problem";
}

TEST(Runs, JoinedHaveTheVerdictsTokensAndGapsOfEach) {
  LoadedRun other = run("b");
  other.samples.verdict[0] = Verdict::kUndecided;
  other.samples.answer[0] = -1;
  other.samples.cell_end[7] -= 2;
  other.results = test_data::results(other.samples);
  other.results.mean_tokens = {1, 2, 3, 1};
  const store::Results both = joined({run("a"), other}).results;
  const std::ptrdiff_t half = 4 * kVerdicts;
  ASSERT_EQ(both.verdicts.size(), 2u * 4 * kVerdicts);
  EXPECT_EQ(std::vector<std::int64_t>(both.verdicts.begin() + half, both.verdicts.end()),
            other.results.verdicts);
  EXPECT_EQ(std::vector<double>(both.mean_tokens.begin() + 4, both.mean_tokens.end()),
            other.results.mean_tokens);
  EXPECT_EQ(both.missing_samples, 2);
}

TEST(Runs, WithOtherProblemsAreNotCompared) {
  LoadedRun other = run("b");
  other.results.plan.problems[2] = "g";
  const std::string error = input_error([&] { joined({run("a"), other}); });
  EXPECT_NE(error.find("runs/b: expected the problems of runs/a"), std::string::npos) << error;
  EXPECT_NE(error.find("1 problems are not there: c; 1 problems are only there: g"), std::string::npos)
      << error;
  other = run("b");
  other.results.plan.about.gold[1] = "33";
  EXPECT_NE(input_error([&] { joined({run("a"), other}); }).find("others at b"), std::string::npos);
}

TEST(Runs, WithoutACommonKAreNotCompared) {
  LoadedRun other = run("b");
  other.results.plan.k = {4};
  EXPECT_NE(input_error([&] { joined({run("a"), other}); }).find("at least one k"), std::string::npos);
}

TEST(Runs, OfOneNameAreToldApart) {
  LoadedRun other = run("a");
  other.path = "elsewhere/a";
  const LoadedRun both = joined({run("a"), other});
  EXPECT_EQ(both.results.plan.arms[0].name, "runs/a: delta=0");
  EXPECT_EQ(both.results.plan.arms[4].name, "elsewhere/a: delta=0");
  EXPECT_EQ(joined({run("a"), run("a")}).results.plan.arms[4].name, "runs/a #2: delta=0");
}

TEST(Pooled, TakesTheKThatWereAskedFor) {
  AnalysisOptions options;
  options.k = {3, 5};
  const LoadedRun one = run("a");
  const Analysis analysis = analyse(one.results, one.samples, options);
  const std::string text = pooled_text({one, one}, {analysis, analysis}, {1, 1}, 100);
  EXPECT_NE(text.find("Pass@3"), std::string::npos) << text;
  EXPECT_EQ(text.find("Pass@8"), std::string::npos) << text;
  EXPECT_NE(text.find(fmt::format("{:.1f}", 100 * analysis.tables[0].values[2].mean)), std::string::npos)
      << text;
  EXPECT_NE(text.find("Difference from each task's baseline"), std::string::npos);
}

TEST(Pooled, IsTheWeightedMeanOverTasks) {
  LoadedRun other = run("b");
  other.results.plan.problems = {"u", "v", "w", "x", "y", "z"};  // another task
  other.results.c.assign(other.results.c.size(), 0);
  for (Verdict& verdict : other.samples.verdict) verdict = Verdict::kWrong;
  std::vector<Analysis> analyses;
  for (const LoadedRun& each : {run("a"), other}) analyses.push_back(analyse(each.results, each.samples, {}));
  const std::string text = pooled_text({run("a"), other}, analyses, {3, 1}, 100);
  EXPECT_NE(text.find("35.9"), std::string::npos) << "3/4 of 47.9 %\n" << text;
  EXPECT_NE(text.find("a x 0.75 + b x 0.25"), std::string::npos) << text;
  other.results.plan.arms.resize(1);
  other.results.plan.arms[0].name = "alone";
  EXPECT_NE(input_error([&] {
              pooled_text({run("a"), other}, analyses, {1, 1}, 100);
            }).find("at least one arm name"),
            std::string::npos);
}

TEST(Pooled, FindsArmsByNameAndKByValue) {
  LoadedRun other = run("b");
  std::swap(other.results.plan.arms[0].name, other.results.plan.arms[1].name);
  LoadedRun fewer = run("a");
  fewer.results.plan.k = {2, 8};  // elsewhere than in the other run
  const std::vector<LoadedRun> runs = {fewer, other};
  std::vector<Analysis> analyses;
  for (const LoadedRun& each : runs) analyses.push_back(analyse(each.results, each.samples, {}));
  const std::string text = pooled_text(runs, analyses, {3, 1}, 100);
  // delta=0 at k = 2 is the first arm of the one run and the second of the other.
  const std::vector<stats::Estimate> parts = {analyses[0].tables[0].values[0],
                                              analyses[1].tables[0].values[3 + 1]};
  const std::vector<double> weights = {0.75, 0.25};
  const stats::Estimate pooled = stats::weighted_sum(parts, weights);
  const std::string row = text.substr(text.find("\ndelta=0 ") + 9);
  const auto shown = [](double share) { return std::to_string(std::lround(1000 * share) / 10); };
  EXPECT_EQ(row.find(shown(pooled.mean)), row.find_first_of("123456789")) << text;
  const std::size_t range = row.find_first_of("123456789", row.find('\n'));
  EXPECT_EQ(row.find(shown(pooled.low), range), range) << text;
  EXPECT_EQ(row.find(shown(pooled.high), range), row.find("..", range) + 2) << text;
}

class Scores : public ::testing::Test {
 protected:
  /// A score file of all samples but those that `skip` names.
  std::filesystem::path write(const std::string& skip, const std::string& more = "") {
    const LoadedRun all = run("a");
    std::ofstream file(path());
    for (std::size_t arm = 0; arm < 3; ++arm) {
      for (std::size_t problem = 0; problem < 6; ++problem) {
        for (int number = 0; number < 8; ++number) {
          const std::string sample = R"({"arm": ")" + all.results.plan.arms[arm].name + R"(", "problem": ")" +
                                     all.results.plan.problems[problem] + R"(", "sample": )" +
                                     std::to_string(number);
          if (sample.find(skip) == std::string::npos || skip.empty())
            file << sample << ", \"score\": " << number << "}\n";
        }
      }
    }
    // The arm that shares the first one's samples is scored under its own name too.
    file << more;
    return path();
  }
  std::filesystem::path path() const { return folder_.path() / "scores.jsonl"; }
  test::TempFolder folder_;
};

TEST_F(Scores, GoByArmProblemAndSample) {
  const LoadedRun all = run("a");
  const auto scores = read_scores(write(""), all);
  for (std::size_t row = 0; row < scores.size(); ++row) EXPECT_EQ(scores[row], all.samples.number[row]);
}

TEST_F(Scores, WithGapsAreRefusedByName) {
  const std::string gap = R"("arm": "delta=1", "problem": "c", "sample": 4)";
  EXPECT_NE(input_error([&] { read_scores(write(gap), run("a")); }).find("none for delta=1/c/4"),
            std::string::npos);
  const std::string unknown = R"({"arm": "delta=9", "problem": "c", "sample": 4, "score": 1})"
                              "\n";
  EXPECT_NE(input_error([&] { read_scores(write("", unknown), run("a")); }).find("scores.jsonl:145"),
            std::string::npos);
  const std::string twice = R"({"arm": "delta=1", "problem": "c", "sample": 4, "score": 1})"
                            "\n";
  EXPECT_NE(input_error([&] { read_scores(write("", twice), run("a")); }).find("each sample once"),
            std::string::npos);
  for (const char* line : {"{\"arm\": 1}\n", "[]\n",
                           "{\"arm\": \"delta=1\", \"problem\": \"c\", \"sample\": 4, "
                           "\"score\": \"high\"}\n",
                           "nonsense\n"}) {
    EXPECT_NE(input_error([&] { read_scores(write("", line), run("a")); }).find("\"score\": number"),
              std::string::npos)
        << line;
  }
}

}  // namespace
}  // namespace wisk::report
