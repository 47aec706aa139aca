// Every number of `show` stands in its own place: each is set to one that occurs nowhere else.
#include <wisk/report/show.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include <wisk/stats/special.hpp>

#include "run_fixture.hpp"

namespace wisk::report {
namespace {

using stats::Estimate;

stats::Estimate* value_of(Analysis& analysis, const std::string& id, std::size_t arm) {
  for (Column& column : analysis.columns) {
    if (column.id == id) return &column.values[arm];
  }
  return nullptr;
}

/// Numbers of delta=1 at k = 1 (its choice, mixture and prediction as well).
Analysis marked() {
  Analysis found = test_data::analysis();
  const std::size_t at = found.k.size();
  found.tables[0].values[at] = {0.123, 0.045, 0.678};
  found.differences[at] = {{-0.031, -0.072, 0.014}, 0.111, 0.234, 0.77, false};
  found.bound[at] = {0.567, 0.546, 0.588};
  *value_of(found, "mean_tokens", 1) = {77.7, 66.6, 88.8};
  *value_of(found, "truncated_share", 1) = {0.191, 0.082, 0.273};
  found.choices[0].choice = {
      1, {0.311, 0.3, 0.32}, {0.422, 0.4, 0.43}, {0.533, 0.5, 0.54}, {-0.111, -0.2, 0.1}, 0.044};
  found.mixtures[0].values[0] = {0.644, 0.612, 0.683};
  found.mixtures[0].blends[0].second[0] = {0.055, 0.016, 0.087};
  found.predictions[1].values[1] = {0.923, 0.914, 0.935};
  return found;
}

/// The line that begins with `name` and the one below, after the first line with `heading`.
std::string row_of(const std::string& text, const std::string& heading, const std::string& name) {
  std::istringstream stream(text.substr(std::min(text.size(), text.find(heading))));
  for (std::string line, below; std::getline(stream, line);) {
    if (line.substr(0, name.size() + 1) != name + " ") continue;
    std::getline(stream, below);
    return line + "\n" + below;
  }
  return "no row " + name + " after " + heading + " in\n" + text;
}

void expect_in_order(const std::string& row, const std::vector<std::string>& parts) {
  std::size_t at = 0;
  for (const std::string& part : parts) {
    at = row.find(part, at);
    ASSERT_NE(at, std::string::npos) << part << " in\n" << row;
  }
}

TEST(ShowText, HasEveryNumberInItsRow) {
  const std::string text = show_text(marked(), 200);
  expect_in_order(row_of(text, "Pass@k in %, mean", "delta=1"), {"12.3", "4.5..67.8"});
  expect_in_order(row_of(text, "difference from delta=0", "delta=1"), {"-3.1", "-7.2..+1.4"});
  expect_in_order(row_of(text, "p-value of no difference", "delta=1"), {"p 0.234", "best 0.77"});
  expect_in_order(row_of(text, "Upper bound of Pass@k", "delta=1"), {"56.7", "54.6..58.8"});
  expect_in_order(row_of(text, "How the samples ended", "delta=1"),
                  {"77.7", "19.1", "66.6..88.8", "8.2..27.3"});
  expect_in_order(row_of(text, "The honest choice", "1"),
                  {"delta=1", "31.1", "42.2", "53.3", "-11.1", "-20.0..+10.0", "+4.4"});
  expect_in_order(row_of(text, "Mixtures at equal budget", "delta=1 + delta=0"), {"64.4", "61.2..68.3"});
  expect_in_order(row_of(text, "Mixtures at equal budget", "  delta=0.5 minus it"), {"+5.5", "+1.6..+8.7"});
  expect_in_order(row_of(text, "PREDICTION", "delta=1"), {"92.3", "91.4..93.5"});
}

TEST(ShowText, SaysHowSamplesWereDrawn) {
  Analysis found = marked();
  store::ArmColumns& arm = found.results.plan.arms[2];
  arm.temperature = 0.8;
  arm.top_k = 40;
  arm.top_p = 0.9;
  arm.min_p = 0.05;
  EXPECT_NE(show_text(found, 200).find("; temperature 0.8, top_k 40, top_p 0.9, min_p 0.05"),
            std::string::npos);
  arm.temperature = 0;
  EXPECT_NE(show_text(found, 200).find("; greedy"), std::string::npos);
}

TEST(ShowText, MarksAndWordsGoByTheLevel) {
  Analysis found = marked();
  found.level = 0.75;
  found.differences[found.k.size()].is_best = true;
  found.differences[found.k.size()].holm = 0.2;
  const std::string text = show_text(found, 200);
  EXPECT_NE(text.find("75 % interval"), std::string::npos);
  EXPECT_NE(text.find("p < 0.25"), std::string::npos);
  EXPECT_NE(text.find("-3.1*"), std::string::npos) << "0.2 is below 0.25";
  EXPECT_NE(text.find("12.3^"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '^'), 2 + 2)
      << "one arm in one table and the words on it; the bound's formula has two";
}

TEST(ShowPair, HasThePValueOfThisOneComparison) {
  const std::string text = show_pair(marked(), "delta=1", 200);
  EXPECT_NE(text.find("0.111"), std::string::npos) << text;
  EXPECT_EQ(text.find("0.234"), std::string::npos) << text;
  expect_in_order(row_of(text, "Pass@k", "1"), {"12.3", "47.9", "-3.1", "-7.2..+1.4"});
}

TEST(ShowJson, HasEveryNumberUnderItsName) {
  Analysis found = marked();
  const auto json = nlohmann::json::parse(show_json(found));
  const auto& arm = json["arms"][1];
  EXPECT_EQ(arm["pass_at_k"][0]["low"], 0.045);
  EXPECT_EQ(arm["pass_at_k"][0]["high"], 0.678);
  EXPECT_EQ(arm["difference"][0]["p"], 0.111);
  EXPECT_EQ(arm["difference"][0]["p_holm"], 0.234);
  EXPECT_EQ(arm["difference"][0]["probability_best"], 0.77);
  EXPECT_EQ(arm["mean_tokens"], 77.7);
  EXPECT_EQ(arm["mean_tokens_low"], 66.6);
  EXPECT_EQ(arm["mean_tokens_high"], 88.8);
  EXPECT_EQ(arm["pass_at_k_bound"][0]["mean"], 0.567);
  EXPECT_EQ(arm["pass_at_k_bound"][0]["high"], 0.588);
  const auto& choice = json["choices"][0];
  EXPECT_EQ(choice["arm"], "delta=1");
  EXPECT_EQ(choice["on_choose"][0], 0.311);
  EXPECT_EQ(choice["on_report"][0], 0.422);
  EXPECT_EQ(choice["baseline_on_report"], (std::vector<double>{0.533, 0.5, 0.54}));
  EXPECT_EQ(choice["optimism"], 0.044);
  EXPECT_EQ(json["mixtures"][0]["pass_at_k"][0]["mean"], 0.644);
  EXPECT_EQ(json["mixtures"][0]["blends"][0]["difference"][0]["mean"], 0.055);
  EXPECT_EQ(json["predictions"][1]["arm"], "delta=1");
  EXPECT_EQ(json["predictions"][1]["predicted_pass_at_k"][1]["k"], 32);
  EXPECT_EQ(json["predictions"][1]["predicted_pass_at_k"][1]["high"], 0.935);
}

TEST(ShowJson, StandardErrorsAreHalfWidthsOverTheQuantileOfTheirLevel) {
  Analysis found = marked();
  found.level = 0.8;
  const auto json = nlohmann::json::parse(show_json(found));
  EXPECT_EQ(json["interval_level"], 0.8);
  EXPECT_NEAR(json["results"]["sums delta=1"]["pass@1_stderr,none"].get<double>(),
              (0.678 - 0.045) / 2 / stats::normal_quantile(0.9), 1e-12);
}

TEST(ShowCsv, HasEveryNumberUnderItsHead) {
  Analysis found = marked();
  store::ArmColumns& arm = found.results.plan.arms[1];
  arm.temperature = 0.8;
  arm.top_p = 0.9;
  arm.top_k = 40;
  arm.min_p = 0.05;
  std::istringstream stream(show_csv(found));
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.emplace_back();
    std::istringstream cells(line.substr(0, line.size() - 1));
    for (std::string cell; std::getline(cells, cell, ',');) lines.back().push_back(cell);
  }
  const auto at = [&](const std::string& name) {
    const auto head = std::find(lines[0].begin(), lines[0].end(), name);
    return head == lines[0].end() ? "no " + name
                                  : lines[4][static_cast<std::size_t>(head - lines[0].begin())];
  };
  for (const auto& [name, text] :
       std::vector<std::pair<std::string, std::string>>{{"arm", "delta=1"},
                                                        {"early", "step-1"},
                                                        {"late", "step-9"},
                                                        {"temperature", "0.8"},
                                                        {"top_p", "0.9"},
                                                        {"top_k", "40"},
                                                        {"min_p", "0.05"},
                                                        {"max_tokens", "64"},
                                                        {"problems", "6"},
                                                        {"samples", "8"},
                                                        {"pass_at_k_low", "0.045"},
                                                        {"pass_at_k_high", "0.678"},
                                                        {"baseline", "delta=0"},
                                                        {"difference", "-0.031"},
                                                        {"difference_low", "-0.072"},
                                                        {"p", "0.111"},
                                                        {"difference_high", "0.014"},
                                                        {"p_holm", "0.234"},
                                                        {"bound", "0.567"},
                                                        {"bound_high", "0.588"},
                                                        {"mean_tokens_low", "66.6"},
                                                        {"probability_best", "0.77"},
                                                        {"mean_tokens", "77.7"},
                                                        {"truncated_share", "0.191"}}) {
    EXPECT_EQ(at(name), text) << name;
  }
}

}  // namespace
}  // namespace wisk::report
