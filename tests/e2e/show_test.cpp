// wisk show, report and plan on real runs, from the command line.
#include <nlohmann/json.hpp>

#include "e2e/bad_input.hpp"

namespace wisk::test {
namespace {

class Show : public DemoTest {
 protected:
  static std::string out_of(std::vector<std::string> arguments) {
    const ProgramResult result = run_program(wisk_command(arguments));
    EXPECT_EQ(result.status, 0) << result.error;
    return result.out;
  }
  static std::string run() { return job_->path("expected").string(); }
};

TEST_F(Show, EveryFormHasTheRunsNumbers) {
  const auto json = nlohmann::json::parse(out_of({"show", run(), "--json"}));
  const auto& results = expected_->results;
  ASSERT_EQ(json["arms"].size(), results.plan.arms.size());
  for (std::size_t arm = 0; arm < results.plan.arms.size(); ++arm) {
    for (std::size_t k = 0; k < results.plan.k.size(); ++k)
      EXPECT_EQ(json["arms"][arm]["pass_at_k"][k]["mean"].get<double>(), results.pass(arm, k).mean);
  }
  const std::string text = out_of({"show", run()}), csv = out_of({"show", run(), "--csv"});
  for (const auto& arm : results.plan.arms) {
    EXPECT_NE(text.find(arm.name), std::string::npos);
    EXPECT_NE(csv.find("\n" + arm.name + ","), std::string::npos);
  }
  EXPECT_NE(text.find("Mixtures at equal budget"), std::string::npos) << text;
  EXPECT_EQ(out_of({"show", (job_->path("expected") / "results.h5").string()}), text);
}

TEST_F(Show, KLevelMetricAndScoreAreHeard) {
  const auto json = nlohmann::json::parse(
      out_of({"show", run(), "--json", "--k", "2,3", "--level", "0.8", "--metric", "majority_at_k", "--score",
              "shortest", "--weighted", "--no-predictions"}));
  EXPECT_EQ(json["k"], (std::vector<int>{2, 3}));
  EXPECT_EQ(json["interval_level"], 0.8);
  EXPECT_EQ(json["compared_metric"], "majority_at_k");
  EXPECT_TRUE(json["predictions"].empty());
  EXPECT_TRUE(json["arms"][0].contains("weighted_majority_at_k"));
  const auto usual = nlohmann::json::parse(out_of({"show", run(), "--json", "--k", "2,3"}));
  const auto width = [](const nlohmann::json& of) {
    const auto& entry = of["arms"][0]["pass_at_k"][0];
    return entry["high"].get<double>() - entry["low"].get<double>();
  };
  EXPECT_LT(width(json), width(usual));
}

TEST_F(Show, RunsOfOtherProblemsAreRefusedByName) {
  DemoJob other;
  std::vector<std::string> lines = other.problem_lines();
  lines.pop_back();
  other.write_task("task.yaml", lines);
  std::ignore = other.run("fewer");
  const std::string fewer = other.path("fewer").string();
  expect_refused({"show", run(), fewer}, 3,
                 {"fewer", "the problems of", "1 problems are not there", "demo-4242-"});
  expect_refused({"report", run(), fewer, "-o", other.path("r.html").string()}, 3, {"fewer", "demo-4242-"});
  EXPECT_FALSE(std::filesystem::exists(other.path("r.html")));
  EXPECT_NE(out_of({"show", run(), run()}).find("expected #1: delta"), std::string::npos);
  EXPECT_NE(out_of({"show", run(), fewer, "--pool"}).find("pooled over tasks"), std::string::npos);
}

TEST_F(Show, OddOptionsAreRefused) {
  expect_refused({"show", run(), "--k", "9"}, 2, {"--k", "from 1 to 8"});
  expect_refused({"show", run(), "--k", "1,x"}, 2, {"--k 1,x", "\"x\""});
  expect_refused({"show", run(), run(), "--pool", "--weights", "inf,1"}, 2, {"--weights"});
  expect_refused({"show", job_->folder().path().string()}, 3, {"no run directory"});
  expect_refused({"show", run(), "--level", "1"}, 2, {"--level"});
  expect_refused({"show", run(), "--metric", "pass"}, 2, {"pass_at_k"});
  expect_refused({"show", run(), "--score", "scores.csv"}, 2, {"--score", ".jsonl"});
  expect_refused({"show", run(), "--mixture", "delta=0+delta=1"}, 2, {"--mixture"});
  expect_refused({"show", run(), "--mixture", "delta=0 + delta=9"}, 2, {"delta=9"});
  expect_refused({"show", run(), "--compare", "delta=9"}, 2, {"--compare", "delta=9"});
  expect_refused({"show", run(), "--by", "level"}, 2, {"--by level"});
  expect_refused({"show", run(), "--json", "--csv"}, 2, {"--json and --csv"});
  expect_refused({"show", run(), "--pool", "--weights", "1,2"}, 2, {"--weights"});
  expect_refused({"report", run()}, 2, {"-o FILE"});
  expect_refused({"report", run(), "-o", job_->path("none/r.html").string()}, 4, {"none/r.html"});
}

TEST_F(Show, AReportIsOneFile) {
  const auto file = job_->path("page.html");
  EXPECT_EQ(out_of({"report", run(), "-o", file.string()}), file.string() + "\n");
  const std::string page = read_bytes(file);
  EXPECT_NE(page.find("<!DOCTYPE html>"), std::string::npos);
  EXPECT_NE(page.find("Content-Security-Policy"), std::string::npos);
  EXPECT_NE(page.find("demo-4242-000"), std::string::npos);
  const auto small = job_->path("small.html");
  std::ignore = out_of({"report", run(), "-o", small.string(), "--samples", "0"});
  EXPECT_LT(read_bytes(small).size(), std::min<std::size_t>(page.size(), 1'000'000));
}

TEST_F(Show, ARunThatHasJustBegunHasItsGaps) {
  const std::string out = "begun";
  const auto program = std::make_unique<Program>(
      job_->command(out, 0, {"decode.samples=" + std::to_string(samples_for(4)), "k=[1, 2, 8]"}),
      cpu_options());
  EXPECT_TRUE(program->wait_until([&] { return job_->journal_bytes(out) > 2000; }));
  program->send(SIGTERM);
  EXPECT_EQ(program->wait().status, 75);
  const std::string text = out_of({"show", job_->path(out).string()});
  EXPECT_NE(text.find("incomplete: "), std::string::npos);
  EXPECT_EQ(text.find("nan"), std::string::npos) << text;
  std::ignore = out_of({"show", job_->path(out).string(), "--json"});
  std::ignore = out_of({"report", job_->path(out).string(), "-o", job_->path("begun.html").string()});
}

TEST_F(Show, APlanSaysWhatTheRunComesTo) {
  const std::string text = out_of({"plan", job_->path("job.yaml").string()});
  EXPECT_NE(text.find("36 cells to sample, 288 samples"), std::string::npos) << text;
  const std::string like =
      out_of({"plan", job_->path("job.yaml").string(), "--like", run(), "--problems", "400"});
  EXPECT_NE(like.find("400 problems x 8 samples"), std::string::npos) << like;
  EXPECT_NE(like.find("as delta="), std::string::npos) << like;
  expect_refused({"plan", job_->path("job.yaml").string(), "--problems", "0"}, 2, {"--problems"});
}

}  // namespace
}  // namespace wisk::test
