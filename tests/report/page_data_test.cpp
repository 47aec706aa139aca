// The object that the page reads, against the analysis that it is made of.
#include <wisk/report/page_data.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include <wisk/store/journal.hpp>

#include "run_fixture.hpp"
#include "support/temp_folder.hpp"

namespace wisk::report {
namespace {

using nlohmann::json;

void expect_triple(const json& found, const stats::Estimate& expected, const std::string& what) {
  if (std::isnan(expected.mean)) {
    EXPECT_TRUE(found.is_null()) << what;
    return;
  }
  ASSERT_EQ(found.size(), 3u) << what;
  EXPECT_EQ(found[0], expected.mean) << what;
  if (std::isnan(expected.low)) return;
  EXPECT_EQ(found[1], expected.low) << what;
  EXPECT_EQ(found[2], expected.high) << what;
}

json run_of(const Analysis& analysis, const std::vector<ShownSample>& samples = {}) {
  const json page = json::parse(page_data("title", {{analysis, samples}}));
  EXPECT_EQ(page["title"], "title");
  EXPECT_EQ(page["level"], analysis.level);
  EXPECT_EQ(page["runs"].size(), 1u);
  return page["runs"][0];
}

TEST(PageData, TablesAreByArmThenK) {
  const Analysis analysis = test_data::analysis();
  const json run = run_of(analysis);
  ASSERT_EQ(run["metrics"].size(), analysis.tables.size());
  for (std::size_t arm = 0; arm < analysis.arms(); ++arm) {
    for (std::size_t k = 0; k < analysis.k.size(); ++k) {
      const std::size_t i = arm * analysis.k.size() + k;
      for (std::size_t t = 0; t < analysis.tables.size(); ++t)
        expect_triple(run["metrics"][t]["values"][arm][k], analysis.tables[t].values[i], "metric");
      if (std::isnan(analysis.bound[i].mean)) {
        EXPECT_TRUE(run["bound"][arm][k].is_null());
      } else {
        EXPECT_EQ(run["bound"][arm][k], analysis.bound[i].mean);
      }
      const json& difference = run["differences"]["values"][arm][k];
      if (difference.is_null()) continue;
      expect_triple(difference["d"], analysis.differences[i].difference, "difference");
      EXPECT_EQ(difference["p"], analysis.differences[i].p_value);
      EXPECT_EQ(difference["holm"], analysis.differences[i].holm);
      EXPECT_EQ(difference["best"], analysis.differences[i].best);
    }
  }
  EXPECT_TRUE(run["differences"]["values"][0][0].is_null()) << "the baseline itself";
  EXPECT_FALSE(run["differences"]["values"][1][0].is_null());
  ASSERT_EQ(run["columns"].size(), analysis.columns.size());
  for (std::size_t i = 0; i < analysis.columns.size(); ++i) {
    EXPECT_EQ(run["columns"][i]["id"], analysis.columns[i].id);
    ASSERT_EQ(run["columns"][i]["values"].size(), analysis.arms());
    for (std::size_t arm = 0; arm < analysis.arms(); ++arm)
      expect_triple(run["columns"][i]["values"][arm], analysis.columns[i].values[arm],
                    analysis.columns[i].id);
  }
}

TEST(PageData, ChoiceMixturesAndPredictionsNameTheirArms) {
  const Analysis analysis = test_data::analysis();
  const json run = run_of(analysis);
  const Mixture& mixture = analysis.mixtures[0];
  EXPECT_EQ(run["reference"], 0);
  EXPECT_EQ(run["mixtures"][0]["arms"], (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(run["mixtures"][0]["title"], "delta=1 + delta=0");
  EXPECT_EQ(run["mixtures"][0]["blends"][0]["arm"], 2);
  for (std::size_t k = 0; k < analysis.k.size(); ++k) {
    expect_triple(run["mixtures"][0]["values"][k], mixture.values[k], "mixture");
    expect_triple(run["mixtures"][0]["blends"][0]["differences"][k], mixture.blends[0].second[k], "blend");
    const stats::Choice& choice = analysis.choices[k].choice;
    EXPECT_EQ(run["choice"][k]["k"], analysis.k[k]);
    EXPECT_EQ(run["choice"][k]["chosen"], choice.chosen);
    expect_triple(run["choice"][k]["on_choose"], choice.chosen_on_choose, "on choose");
    expect_triple(run["choice"][k]["on_report"], choice.chosen_on_report, "on report");
    expect_triple(run["choice"][k]["reference_on_report"], choice.reference_on_report, "reference");
    expect_triple(run["choice"][k]["difference"], choice.difference, "difference");
    EXPECT_EQ(run["choice"][k]["optimism"], choice.optimism);
  }
  for (std::size_t i = 0; i < analysis.predictions.size(); ++i) {
    EXPECT_EQ(run["predictions"][i]["arm"], analysis.predictions[i].arm);
    expect_triple(run["predictions"][i]["values"][1], analysis.predictions[i].values[1], "prediction");
  }
}

TEST(PageData, ProblemsAndCountsAreThoseOfTheRun) {
  const json run = run_of(test_data::analysis());
  EXPECT_EQ(run["problems"][1], (json{{"id", "b"},
                                      {"question", "1+2?"},
                                      {"gold", "3"},
                                      {"split", "report"},
                                      {"fields", {{"level", "1"}}}}));
  for (std::size_t arm = 0; arm < 3; ++arm) {
    for (std::size_t problem = 0; problem < test_data::kProblems; ++problem) {
      EXPECT_EQ(run["n"][arm][problem], test_data::kSamples);
      EXPECT_EQ(run["c"][arm][problem], test_data::correct_of(arm, problem));
    }
  }
  EXPECT_EQ(run["c"][3], run["c"][0]);
  EXPECT_TRUE(run["samples"].is_null());
}

TEST(PageData, SamplesAreTheFirstOfEachCellWithTheirTexts) {
  const test::TempFolder folder;
  store::ResultsPlan plan = test_data::plan();
  store::JournalWriter writer(folder.path(), "rank0", 7);
  for (std::uint32_t i = 0; i < 3 * 6 * 8; ++i) {
    store::SampleRecord sample;
    sample.id = {i / 48, i / 8 % 6, i % 8};
    sample.verdict = i % 3 == 0 ? Verdict::kCorrect : Verdict::kWrong;
    sample.tokens.assign(1 + i % 5, 1);
    sample.logprobs.assign(1 + i % 5, -1.f);
    sample.answer = "answer " + std::to_string(i);
    sample.text = "text " + std::to_string(i) + std::string(100, '.');
    writer.append(sample);
  }
  store::write_results(folder.path() / "r.h5", plan, store::Journal::read(folder.path(), 7));
  const store::Results results = store::read_results(folder.path() / "r.h5");
  const stats::Samples samples = store::read_samples(folder.path() / "r.h5", results);
  const auto shown = shown_samples(folder.path() / "r.h5", results, samples, 2, 20);
  const json list = run_of(analyse(results, samples, {}), shown)["samples"];
  ASSERT_EQ(list.size(), 3u * 6 * 2) << "an arm that shares samples shows none again";
  for (std::size_t at = 0; at < list.size(); ++at) {
    const std::size_t arm = at / 12, problem = at / 2 % 6, number = at % 2,
                      i = arm * 48 + problem * 8 + number;
    const std::string text = "text " + std::to_string(i) + std::string(100, '.');
    EXPECT_EQ(list[at], json::array({arm, problem, number, i % 3 == 0 ? "correct" : "wrong",
                                     std::string(name_of(shown[at].finish)), "answer " + std::to_string(i),
                                     1 + i % 5, text.substr(0, 20)}))
        << at;
  }
}

}  // namespace
}  // namespace wisk::report
