// What `wisk show`, `report` and `plan` are asked for, and what a task's split and fields come to.
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "e2e/bad_input.hpp"

namespace wisk::test {
namespace {

using nlohmann::json;

std::string out_of(const std::vector<std::string>& arguments) {
  const ProgramResult result = run_program(wisk_command(arguments));
  EXPECT_EQ(result.status, 0) << result.error;
  return result.out;
}

class ShowOptions : public DemoTest {
 protected:
  static json shown(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"show", job_->path("expected").string(), "--json", "--no-predictions"});
    return json::parse(out_of(arguments));
  }
  /// A file of scores, one for each sample of the run "expected".
  template <class Score>
  static std::string scores(const std::string& name, Score score) {
    const std::string path = job_->path(name).string();
    std::ofstream file(path);
    for (const auto& [id, sample] : expected_->samples) {
      file << json{{"arm", std::get<0>(id)},
                   {"problem", std::get<1>(id)},
                   {"sample", std::get<2>(id)},
                   {"score", score(sample)}}
           << "\n";
    }
    return path;
  }
};

TEST_F(ShowOptions, ScoresAreThoseOfTheSamplesOrOfTheFile) {
  const auto best = [](const std::string& score) {
    return shown({"--score", score})["arms"][1]["best_at_k"];
  };
  const auto tokens = [](const store::SampleRecord& sample) {
    return static_cast<double>(sample.tokens.size());
  };
  const json shortest = best("shortest"), longest = best("longest");
  EXPECT_EQ(shortest, best(scores("short.jsonl", [&](const auto& sample) { return -tokens(sample); })));
  EXPECT_EQ(longest, best(scores("long.jsonl", tokens)));
  EXPECT_EQ(best("logprob"), best(scores("log.jsonl", [](const auto& sample) { return sample.logprob; })));
  EXPECT_NE(shortest, longest);
  const auto all = [](const std::string& score) {
    const json of = shown({"--weighted", "--score", score});
    std::vector<json> found;
    for (const json& arm : of["arms"])
      found.insert(found.end(), {arm["best_at_k"], arm["weighted_majority_at_k"]});
    return found;
  };
  EXPECT_NE(all("logprob"), all("mean-logprob"));
}

TEST_F(ShowOptions, BaselineMixtureAndComparedArmAreHeard) {
  const json found = shown({"--baseline", "delta=0.4", "--mixture", "delta=0.4 + delta=0"});
  EXPECT_EQ(found["baseline"], "delta=0.4");
  EXPECT_EQ(found["mixtures"].back()["first"], "delta=0.4");
  EXPECT_EQ(found["mixtures"].back()["second"], "delta=0");
  const std::string pair = out_of({"show", job_->path("expected").string(), "--compare", "delta=0.4"});
  EXPECT_NE(pair.find("of two arms"), std::string::npos) << pair;
  EXPECT_EQ(pair.find("Mixtures"), std::string::npos) << pair;
}

TEST_F(ShowOptions, AReportHasTheTitleLevelAndKThatWereAskedFor) {
  const std::string run = job_->path("expected").string(), page = job_->path("asked.html").string();
  std::ignore =
      out_of({"report", run, "-o", page, "--title", "Sums of spring", "--level", "0.8", "--k", "2,3"});
  const std::string text = read_bytes(page);
  for (const char* part : {"Sums of spring", "\"level\":0.8", "\"k\":[2,3]"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
}

TEST_F(ShowOptions, OtherProblemsStandSideBySideWhenTheyMay) {
  DemoJob other;
  std::vector<std::string> lines = other.problem_lines();
  lines.pop_back();
  other.write_task("task.yaml", lines);
  std::ignore = other.run("fewer");
  const std::string page = other.path("both.html").string();
  std::ignore = out_of({"report", job_->path("expected").string(), other.path("fewer").string(), "-o", page,
                        "--other-problems", "--samples", "0"});
  EXPECT_TRUE(std::filesystem::exists(page));
}

/// The demo with a split by a field, levels, a problem whose gold is no number, and late twice.
class SplitJob : public ::testing::Test {
 protected:
  SplitJob() {
    std::ofstream rows(job_.path("rows.jsonl"));
    for (std::size_t i = 0; i < 6; ++i) {
      json row = json::parse(job_.problem_lines()[i]);
      row["part"] = i % 3 == 0 ? "dev" : i == 1 ? "test" : "spare";
      row["level"] = i < 2 ? "easy" : "hard";
      if (i == 5) row["answer"] = "#### many";
      rows << row << "\n";
    }
    job_.folder().write(
        "task.yaml",
        "name: parts\ndata: rows.jsonl\nfields: {id: id, question: question, gold: answer}\n"
        "split: {field: part, choose: dev, report: test}\n"
        "prompt: {template: \"{question}\\n\"}\nanswer: {checker: number, skip_other_golds: true}\n");
    sets_ = {"blend.trajectory=[" + (demo_folder() / "checkpoints/step-0500").string() + "]",
             "decode.min_p=0.05"};
  }
  [[nodiscard]] std::string plan(const std::vector<std::string>& sets) const {
    std::vector<std::string> arguments = {"plan", job_.path("job.yaml").string()};
    for (const auto* list : {&sets_, &sets}) {
      for (const std::string& set : *list) arguments.insert(arguments.end(), {"--set", set});
    }
    return out_of(arguments);
  }
  DemoJob job_;
  std::vector<std::string> sets_;
};

TEST_F(SplitJob, ResultsSayWhatIsKnownOfProblemsAndArms) {
  const store::ResultsPlan plan = job_.run("run", 0, sets_).results.plan;
  EXPECT_EQ(plan.provenance.task, "parts");
  ASSERT_EQ(plan.problems.size(), 5u);
  EXPECT_EQ(plan.about.gold[0], "72");
  EXPECT_EQ(plan.about.question[0].substr(0, 20), "Lena has 58 pears, t");
  EXPECT_EQ(plan.about.split, (std::vector<std::string>{"choose", "report", "", "choose", ""}));
  ASSERT_EQ(plan.about.fields.size(), 2u);
  EXPECT_EQ(plan.about.fields[0].first, "level");
  EXPECT_EQ(plan.about.fields[0].second, (std::vector<std::string>{"easy", "easy", "hard", "hard", "hard"}));
  EXPECT_EQ(plan.about.fields[1].second, (std::vector<std::string>{"dev", "test", "spare", "dev", "spare"}));
  ASSERT_EQ(plan.arms.size(), 4u);
  EXPECT_EQ(plan.arms[0].step, 500);
  EXPECT_EQ(plan.arms[0].early, "");
  EXPECT_EQ(plan.arms[1].name, "delta=0");
  EXPECT_EQ(plan.arms[1].sampled_as, 0u);
  EXPECT_TRUE(std::isnan(plan.arms[2].step));
  EXPECT_EQ(plan.arms[2].early, "early");
  EXPECT_EQ(plan.arms[2].late, "late");
  EXPECT_EQ(plan.arms[2].min_p, 0.05);
  const std::string text = out_of({"show", job_.path("run").string(), "--by", "level"});
  EXPECT_NE(text.find("level = easy: 2 problems"), std::string::npos) << text;
  EXPECT_NE(text.find("level = hard: 3 problems"), std::string::npos) << text;
}

/// What a reader must know is told on stderr where a table has no place for it: of the whole run once, of a
/// part under its name, whatever that name is.
TEST_F(SplitJob, WarningsAreToldWhereTablesHaveNoPlaceForThem) {
  {
    std::ofstream rows(job_.path("rows.jsonl"));
    for (std::size_t i = 0; i < 6; ++i) {
      json row = json::parse(job_.problem_lines()[i]);
      row["part"] = i % 2 == 0 ? "dev" : "test";
      row["level"] = i < 2 ? "easy\x1b[31m\nwisk: forged" : "hard";
      rows << row << "\n";
    }
  }
  sets_.insert(sets_.end(), {"decode.max_tokens=30", "decode.samples=12"});
  std::ignore = job_.run("run", 0, sets_);
  const std::string run = job_.path("run").string(), other = job_.path("other").string();
  std::filesystem::copy(run, other, std::filesystem::copy_options::recursive);
  const auto told = [](const std::vector<std::string>& arguments) {
    const ProgramResult result = run_program(wisk_command(arguments));
    EXPECT_EQ(result.status, 0) << result.error;
    return messages_of(result.error);
  };
  const auto with = [](const std::vector<std::string>& lines, const std::string& begin) {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.starts_with("wisk: warning: " + begin);
    });
  };
  const auto all = told({"show", run, "--csv"});
  ASSERT_GT(with(all, "run: samples reached max_tokens: "), 0);
  EXPECT_EQ(with(all, "run: "), static_cast<std::ptrdiff_t>(all.size()));
  EXPECT_EQ(told({"show", run, "--compare", "delta=1"}), all);
  EXPECT_EQ(told({"show", run}), std::vector<std::string>{}) << "its notes are there";
  const auto pooled = told({"show", run, other, "--pool"});
  EXPECT_EQ(with(pooled, "run: "), with(pooled, "other: "));
  EXPECT_EQ(with(pooled, "run: "), static_cast<std::ptrdiff_t>(all.size()));
  for (const bool csv : {false, true}) {
    std::vector<std::string> arguments = {"show", run, "--by", "level"};
    if (csv) arguments.emplace_back("--csv");
    const auto parts = told(arguments);
    EXPECT_EQ(with(parts, "level = hard: samples reached max_tokens: "), 1);
    EXPECT_EQ(with(parts, "level = easy?[31m?wisk: forged: samples reached max_tokens: "), 1) << parts.back();
    EXPECT_EQ(std::set<std::string>(parts.begin(), parts.end()).size(), parts.size()) << "nothing twice";
  }
}

/// What `wisk plan` says that a job comes to.
struct Sums {
  long long cells = 0, samples = 0, tokens = 0;
  double gib = 0;
  explicit Sums(const std::string& text) {
    const char* line = text.c_str() + std::min(text.size(), text.find('\n') + 1);
    EXPECT_EQ(std::sscanf(line,
                          "%lld cells to sample, %lld samples, at most %lld tokens; %*d tokens of context a "
                          "rank needs about %lf",
                          &cells, &samples, &tokens, &gib),
              4)
        << text;
  }
};

TEST_F(SplitJob, APlanCountsWhatIsDrawn) {
  const std::string text = plan({});
  EXPECT_NE(text.find("(2 to choose by, 1 to report on), 1 left out"), std::string::npos) << text;
  EXPECT_NE(text.find("delta=0 "), std::string::npos) << text;
  EXPECT_NE(text.find("the same samples as step-0500"), std::string::npos) << text;
  const std::size_t shared = text.find("\ndelta=0 ");
  EXPECT_EQ(text.substr(shared, text.find('\n', shared + 1) - shared).find(" 8 "), std::string::npos)
      << "its samples are not its own\n"
      << text;
  const Sums few(text), many(plan({"decode.samples=16"}));
  EXPECT_EQ(few.cells, 3 * 5);
  EXPECT_EQ(few.samples, 3 * 5 * 8);
  EXPECT_EQ(many.samples, 3 * 5 * 16);
  EXPECT_EQ(many.tokens - few.tokens, 3 * 5 * 8 * 48);
  EXPECT_GT(few.tokens, 3 * 5 * (8 * 48 + 10)) << "prompts have tokens too";
  EXPECT_GT(few.gib, 1.0) << "weights, keys and values beside the program";
  const std::string large = "engine.max_batch=65536";
  const double all = Sums(plan({large})).gib;
  EXPECT_GT(all, few.gib + 1);
  EXPECT_EQ(Sums(plan({large, "engine.kv_cache=64TiB"})).gib, all) << "no more than is needed";
  EXPECT_LT(Sums(plan({large, "engine.kv_cache=1MiB"})).gib, few.gib + 0.1) << "no more than there may be";
}

}  // namespace
}  // namespace wisk::test
