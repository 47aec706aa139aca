// The page in a real Chromium: it draws all of its data, answers to mouse and keyboard, and sends nothing.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <thread>
#include <wisk/report/page.hpp>

#include "report/page/chromium.hpp"
#include "report/page/synthetic.hpp"
#include "support/temp_folder.hpp"

namespace wisk::test {
namespace {

using nlohmann::json;
constexpr int kArrowRight = 39, kArrowDown = 40, kEnter = 13;

json report_of(std::vector<json> runs) {
  return {{"title", "tiny"}, {"version", "0"}, {"level", 0.95}, {"runs", runs}};
}

/// One browser for all tests: it takes a second to start.
class Page : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (chromium_program().empty()) return;
    folder_ = std::make_unique<TempFolder>();
    browser_ = std::make_unique<Chromium>(folder_->path() / "profile");
  }
  static void TearDownTestSuite() {
    browser_.reset();
    folder_.reset();
  }
  void SetUp() override {
    if (chromium_program().empty())
      GTEST_SKIP() << "no chromium on PATH; cmake/install-dependencies.sh installs it";
  }
  /// Whatever a test did, the page has not complained and has asked for nothing.
  void TearDown() override {
    if (!browser_) return;
    browser().value("new Promise((done) => setTimeout(done, 50))");
    for (const std::string& complaint : browser().complaints()) ADD_FAILURE() << complaint;
    for (const std::string& address : browser().requests()) ADD_FAILURE() << "asked for " << address;
  }

  static Chromium& browser() { return *browser_; }
  static const std::filesystem::path& folder() { return folder_->path(); }

  void show(const json& data, int width = 1280, bool dark = false) {
    const auto file =
        folder_->write("report.html", report::page_of(data["title"].get<std::string>(), data.dump()));
    browser().open(file, width, 900, dark);
  }
  std::size_t count(const std::string& selector) {
    return browser()
        .value("document.querySelectorAll(" + json(selector).dump() + ").length")
        .get<std::size_t>();
  }
  std::string text(const std::string& selector) {
    return browser()
        .value("document.querySelector(" + json(selector).dump() + ")?.textContent ?? '(nothing)'")
        .get<std::string>();
  }
  bool drawn(const std::string& id) {
    return browser().value("!document.getElementById('" + id + "').hidden").get<bool>();
  }
  void choose(const std::string& label, const std::string& option) {
    browser().value(
        "(() => { const name = [...document.querySelectorAll('label')].find((l) => l.textContent === '" +
        label +
        "'); const select = document.getElementById(name.htmlFor); select.selectedIndex = "
        "[...select.options].findIndex((o) => o.text === '" +
        option + "'); select.dispatchEvent(new Event('change')); })()");
  }
  /// What the file of a figure's "Download CSV" holds.
  std::string downloaded(const std::string& id) {
    const std::filesystem::path into = folder() / "downloads", file = into / ("wisk-" + id + ".csv");
    std::filesystem::create_directories(into);
    browser().download_into(into);
    browser().click("#" + id + " .csv");
    for (int tries = 0; tries < 500 && !std::filesystem::exists(file); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::ostringstream content;
    content << std::ifstream(file, std::ios::binary).rdbuf();
    return content.str();
  }

 private:
  static std::unique_ptr<TempFolder> folder_;
  static std::unique_ptr<Chromium> browser_;
};

std::unique_ptr<TempFolder> Page::folder_;
std::unique_ptr<Chromium> Page::browser_;

SyntheticOptions one_run() {
  SyntheticOptions options;
  options.runs = 1;
  return options;
}

// The numbers of marks are counted from the data: 14 arms (2 earlies x 5 deltas with a common delta 0, 3 at
// another temperature, 2 more checkpoints), 4 k, 60 problems.
TEST_F(Page, EveryPictureHasAMarkForEachOfItsValues) {
  show(synthetic_report(one_run()));
  for (const char* id : {"arms", "over-delta", "over-k", "trajectory", "frontier", "plane", "map", "forest",
                         "votes", "diversity", "heat", "health", "choice", "provenance"})
    EXPECT_TRUE(drawn(id)) << id;
  EXPECT_EQ(count("#arms .mark"), 14U * 4U);
  EXPECT_NE(text(".glance").find("reported on the other: at k\u00a0=\u00a064 step-5 d=0.5 with 68.0 %"),
            std::string::npos)
      << text(".glance");
  EXPECT_EQ(count("#over-delta path.mark:not(.mixture)"), 2U * 5U * 4U);
  EXPECT_EQ(count("#over-delta path.mixture"), 3U);  // none at k = 1
  EXPECT_EQ(count("#over-delta .band"), 2U * 4U);
  EXPECT_EQ(count("#trajectory path.mark"), 5U * 4U);  // steps 5, 50, 100, 250, 500
  EXPECT_EQ(count("#frontier path.mark"), 14U);
  EXPECT_EQ(count("#plane path.mark"), 14U);
  EXPECT_GE(count("#plane .level"), 2U);
  EXPECT_EQ(count("#map rect.mark"), 5U + 3U);
  EXPECT_EQ(count("#forest path.mark"), 13U);
  EXPECT_EQ(count("#votes path.mark"), 4U * 4U);
  EXPECT_EQ(count("#heat .heat .cell"), 14U * 60U);
  EXPECT_EQ(count("#health .mark"), 14U * 3U);
  EXPECT_EQ(count("#health .flag"), 1U);
  EXPECT_EQ(count("#choice .mark"), 4U * 6U);
  const std::size_t lit =
      browser()
          .value("Number(document.querySelector('.chooser summary').textContent.match(/: (\\d+)/)[1])")
          .get<std::size_t>();
  EXPECT_GE(lit, 2U);
  EXPECT_EQ(count("#over-k path.mark:not(.predicted)"), lit * 4U);
  EXPECT_EQ(count("#over-k path.predicted"), 2U);  // of the reference
  EXPECT_EQ(count("#diversity path.mark"), lit * 4U + 14U);
}

TEST_F(Page, MarksStandWhereTheirValuesAre) {
  json data = report_of({tiny_run(2, {1, 2})});
  data["runs"][0]["metrics"][0]["values"] = {{{0.2, 0.1, 0.3}, {0.4, 0.3, 0.5}},
                                             {{0.2, 0.1, 0.3}, {0.6, 0.5, 0.7}}};
  show(data);
  const json heights = browser().value(
      "(() => { const y = [...document.querySelectorAll('#over-k path.mark')].map((m) => "
      "Number(m.getAttribute('transform').split(',')[1].replace(')', '')));"
      " return (y[0] - y[1]) / (y[2] - y[3]); })()");
  EXPECT_NEAR(heights.get<double>(), 0.5, 1e-3);
}

TEST_F(Page, AClickOnACellShowsItsSamples) {
  const json data = synthetic_report(one_run());
  show(data);
  browser().click("#heat g[role=row]:nth-of-type(63) .cell:nth-child(8)");  // 60 bars stand before the rows
  const std::string cell =
      browser().value("document.querySelector('#heat .detail').dataset.cell ?? ''").get<std::string>();
  ASSERT_NE(cell, "");
  const std::size_t arm = std::stoul(cell), problem = std::stoul(cell.substr(cell.find(',') + 1));
  EXPECT_EQ(arm, 2U);
  const json& run = data["runs"][0];
  const std::string shown = text("#heat .detail");
  EXPECT_NE(shown.find(run["problems"][problem]["question"].get<std::string>()), std::string::npos) << shown;
  EXPECT_NE(shown.find(std::to_string(run["c"][arm][problem].get<int>()) + " of 64 samples correct"),
            std::string::npos)
      << shown;
  EXPECT_EQ(count("#heat .detail .sample"), 2U);
  for (const json& sample : run["samples"]) {
    if (sample[0] != arm || sample[1] != problem) continue;
    EXPECT_NE(shown.find(sample[3].get<std::string>()), std::string::npos);
    EXPECT_NE(shown.find(sample[7].get<std::string>()), std::string::npos);
  }
  EXPECT_NE(shown.find("gold answer"), std::string::npos);
}

TEST_F(Page, ArrowKeysAndEnterShowACell) {
  show(synthetic_report(one_run()));
  browser().value("document.querySelector('#heat .cell[tabindex=\"0\"]').focus()");
  browser().press("ArrowRight", kArrowRight);
  browser().press("ArrowDown", kArrowDown);
  browser().press("ArrowDown", kArrowDown);
  EXPECT_EQ(browser().value("document.activeElement.place.join()"), "2,1");
  EXPECT_NE(browser()
                .value("document.activeElement.getAttribute('aria-label')")
                .get<std::string>()
                .find(" of 64 correct"),
            std::string::npos);
  browser().press("Enter", kEnter);
  EXPECT_EQ(browser().value("document.querySelector('#heat .detail').dataset.cell.split(',')[0]"), "2");
  EXPECT_EQ(count("#heat .cell[tabindex=\"0\"]"), 1U);
}

TEST_F(Page, ArrowKeysReadTheMarksOfAPicture) {
  show(report_of({tiny_run(2, {1, 2})}));
  browser().value("document.querySelector('#over-k svg.chart').focus()");
  browser().press("ArrowRight", kArrowRight);
  EXPECT_EQ(text("#over-k .readout").rfind("arm 0, k = 1: 50.0 % (", 0), 0U) << text("#over-k .readout");
  browser().press("ArrowRight", kArrowRight);
  EXPECT_EQ(text("#over-k .readout").rfind("arm 0, k = 2: ", 0), 0U) << text("#over-k .readout");
}

TEST_F(Page, TheFileAndTheTableHoldTheNumbers) {
  json data = report_of({tiny_run(1, {1, 2})});
  data["runs"][0]["arms"][0]["name"] = "=a \"b\", c";
  data["runs"][0]["metrics"] = {data["runs"][0]["metrics"][0]};
  data["runs"][0]["metrics"][0]["values"] = {{{0.125, 0.1, 0.25}, nullptr}};
  show(data);
  EXPECT_EQ(downloaded("over-k"),
            "run,arm,k,kind,pass_at_k,pass_at_k_low,pass_at_k_high\r\n"
            "tiny,\"'=a \"\"b\"\", c\",1,measured,0.125,0.1,0.25\r\n"
            "tiny,\"'=a \"\"b\"\", c\",2,measured,,,\r\n");
  browser().click("#over-k .numbers summary");
  browser().value("new Promise((done) => setTimeout(done, 50))");
  EXPECT_EQ(text("#over-k .numbers tbody tr"), "tiny=a \"b\", c1measured12.510.025.0");
}

TEST_F(Page, ChoicesRedraw) {
  show(synthetic_report());
  EXPECT_EQ(count("#over-k .panel"), 2U);
  EXPECT_EQ(count("#heat .heat"), 2U);
  const std::string before = text("#forest path.mark title");
  choose("k", "4");
  EXPECT_NE(text("#forest path.mark title"), before);
  EXPECT_NE(text("#forest .axis-title").find("Pass@4,"), std::string::npos);
  choose("Metric", "Majority@k");
  EXPECT_EQ(text("#over-k h2 span + span"), "Majority@k over k");
  EXPECT_EQ(count("#over-delta path.mixture"), 0U);  // a mixture is of Pass@k
  choose("Runs", "in one picture");
  EXPECT_EQ(count("#over-k .panel"), 1U);
  EXPECT_GT(count("#over-k path.mark.hollow"), 0U);  // the second run
  browser().click("#controls .toggle");
  EXPECT_EQ(count("#heat .heat"), 1U);
  choose("Decoding", "T 1.4");
  EXPECT_EQ(count("#over-delta path.mark"), 3U * 4U);
}

TEST_F(Page, TextOfARunIsOnlyText) {
  const std::string evil =
      "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> \xF0\x9F\xA6\x94 "
      "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D \x1b[31m \xE2\x80\xAE \xE2\x80\xA8 @STYLE@ \"'&amp;";
  json run = tiny_run(2, {1, 2});
  for (const char* key : {"name"}) run[key] = evil;
  run["warnings"] = {evil};
  for (json& arm : run["arms"]) arm["name"] = arm["name"].get<std::string>() + evil, arm["recipe"] = evil;
  for (json& problem : run["problems"])
    problem["id"] = problem["id"].get<std::string>() + evil, problem["question"] = evil,
    problem["gold"] = evil, problem["fields"] = {{evil, evil}};
  run["provenance"]["job"] = evil;
  run["provenance"]["inputs"] = json::array({json::array({evil, evil})});
  run["samples"] = {{0, 1, 0, "wrong", evil, evil, 3, evil}, {0, 1, 1, evil, evil, evil, 3, evil}};
  json data = report_of({run, run});
  data["title"] = evil;
  show(data);
  browser().click(
      "#heat g[role=row]:nth-of-type(4) .cell:nth-child(1)");  // 3 bars before; the easiest is problem 1
  browser().value(
      "document.querySelectorAll('details').forEach((d) => { d.open = true; }); new Promise((done) => "
      "setTimeout(done, 100))");
  const std::string pre = text("#heat .detail pre");
  EXPECT_EQ(
      pre.rfind("</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> \xF0\x9F\xA6\x94", 0),
      0U)
      << pre;
  EXPECT_NE(pre.find("\xE2\x90\x9B[31m"), std::string::npos) << pre;                // escape made visible
  EXPECT_NE(pre.find("\xE2\x9F\xA8U+202E\xE2\x9F\xA9"), std::string::npos) << pre;  // so is the override
  EXPECT_EQ(count("script"), 2U);
  EXPECT_EQ(count("img"), 0U);
  EXPECT_EQ(count("style"), 1U);
  EXPECT_NE(browser().value("document.title").get<std::string>().find("<script>alert(1)"), std::string::npos);
}

TEST_F(Page, ThePolicyStopsAScriptThatIsNotItsOwnAndEveryAddress) {
  show(report_of({tiny_run(1, {1})}));
  const json ran = browser().value(
      "(async () => { const s = document.createElement('script'); s.textContent = 'window.evil = 1'; "
      "document.body.append(s);"
      " const image = new Image(); const failed = new Promise((done) => { image.onerror = () => done(true); "
      "image.onload = () => done(false); });"
      " image.src = 'http://127.0.0.1:9/x.png'; const fetched = await fetch('http://127.0.0.1:9/').then(() "
      "=> true, () => false);"
      " return [window.evil === 1, fetched, await failed]; })()");
  EXPECT_EQ(ran, json({false, false, true}));
  std::set<std::string> blocked;
  for (const std::string& complaint : browser().complaints())
    if (complaint.find("Content Security Policy") != std::string::npos) blocked.insert(complaint);
  EXPECT_GE(blocked.size(), 3U);
  show(report_of({tiny_run(1, {1})}));  // its complaints are not this test's
}

TEST_F(Page, WhatIsNotThereIsLeftOutAndSaidSo) {
  json small = tiny_run(1, {1});
  small["reference"] = nullptr;
  small["differences"] = nullptr;
  small["columns"] = json::array();
  small["bound"] = nullptr;
  show(report_of({small}));
  for (const char* id :
       {"over-delta", "trajectory", "frontier", "plane", "map", "forest", "votes", "health", "choice"})
    EXPECT_FALSE(drawn(id)) << id;
  EXPECT_TRUE(drawn("arms"));
  EXPECT_TRUE(drawn("heat"));
  EXPECT_NE(text(".contents").find("Along finetuning: no trajectory"), std::string::npos);
  EXPECT_EQ(count(".absent"),
            browser().value("document.querySelectorAll('section.figure[hidden]').length").get<std::size_t>());
  browser().value(
      "window.dispatchEvent(new Event('beforeprint')); window.dispatchEvent(new Event('afterprint'))");
  browser().click("#heat .heat .cell");
  EXPECT_NE(text("#heat .detail").find("without the texts of samples"), std::string::npos);
}

TEST_F(Page, AnIncompleteRunHasGaps) {
  json run = tiny_run(2, {1, 4});
  run["complete"] = false;
  run["n"][1] = {0, 4, 4};
  run["c"][1] = {0, 4, 2};
  for (json& metric : run["metrics"]) metric["values"][1] = {nullptr, nullptr};
  for (json& column : run["columns"]) column["values"][1] = nullptr;
  run["differences"]["values"][1] = {nullptr, nullptr};
  show(report_of({run}));
  EXPECT_EQ(text(".badge"), "incomplete");
  EXPECT_EQ(count("#heat .heat .cell.none"), 1U);
  EXPECT_EQ(count("#over-k path.mark"), 2U);
  EXPECT_FALSE(drawn("forest"));
  show(report_of({}));  // no run at all
  EXPECT_EQ(count("section.figure:not([hidden])"), 0U);
}

TEST_F(Page, APhoneScrollsNothingSideways) {
  json data = synthetic_report();
  data["runs"][0]["arms"][0]["name"] = std::string(300, 'x');
  data["title"] = std::string(200, 'y');
  show(data, 390);
  EXPECT_EQ(browser().value("document.documentElement.scrollWidth"), 390);
  browser().value(
      "document.querySelectorAll('details').forEach((d) => { d.open = true; }); new Promise((done) => "
      "setTimeout(done, 300))");
  EXPECT_EQ(browser().value("document.documentElement.scrollWidth"), 390);
  EXPECT_GT(browser()
                .value("(() => { const box = document.querySelector('.heat-scroll'); return box.scrollWidth "
                       "- box.clientWidth; })()")
                .get<int>(),
            0);
}

TEST_F(Page, PrintingUnfoldsTheTables) {
  show(synthetic_report(one_run()), 1280, true);
  browser().click("#heat g[role=row]:nth-of-type(63) .cell:nth-child(8)");
  browser().value("window.dispatchEvent(new Event('beforeprint'))");
  EXPECT_TRUE(browser()
                  .value("document.querySelector('#over-delta .numbers').open && "
                         "document.querySelectorAll('#over-delta tbody tr').length > 40")
                  .get<bool>());
  EXPECT_FALSE(browser().value("document.querySelector('#heat .numbers').open").get<bool>());  // 840 rows
  browser().value("window.dispatchEvent(new Event('afterprint'))");
  EXPECT_FALSE(browser().value("document.querySelector('#over-delta .numbers').open").get<bool>());
  EXPECT_EQ(browser().value("document.querySelector('#heat .detail').dataset.cell.split(',')[0]"),
            "2");  // still there
  browser().print(folder() / "report.pdf");
  EXPECT_GT(std::filesystem::file_size(folder() / "report.pdf"), 20'000U);
}

TEST_F(Page, FiftyArmsOfThreeHundredProblemsDrawInSeconds) {
  json run = tiny_run(50, {1, 2, 4});
  const json problem = run["problems"][0];
  run["problems"] = json::array();
  for (int p = 0; p < 300; ++p)
    run["problems"].push_back({{"id", std::to_string(p)},
                               {"question", "q"},
                               {"gold", "1"},
                               {"split", ""},
                               {"fields", json::object()}});
  for (std::size_t arm = 0; arm < 50; ++arm) {
    run["n"][arm] = std::vector<int>(300, 64);
    run["c"][arm] = std::vector<int>(300, static_cast<int>(arm));
  }
  show(report_of({run}));
  EXPECT_EQ(count("#heat .heat .cell"), 15'000U);
  const double milliseconds =
      browser().value("performance.getEntriesByType('navigation')[0].loadEventEnd").get<double>();
  RecordProperty("milliseconds", std::to_string(milliseconds));
  std::cout << "drawn after " << milliseconds << " ms\n";
  EXPECT_LT(milliseconds, 10'000);
}

TEST(PageText, IsSmallAndHoldsTheData) {
  const std::string empty = report::page_of("a <b> & \"c\"", "{\"runs\": []}");
  EXPECT_LT(empty.size(), 150'000U);
  EXPECT_NE(empty.find("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>"), std::string::npos);
  EXPECT_NE(
      report::page_of("", "{\"a\": \"</script>\xE2\x80\xA8\"}").find("{\"a\": \"\\u003c/script>\\u2028\"}"),
      std::string::npos);
  EXPECT_NE(report::page_of("", "\"@SCRIPT@\"").find("\"@SCRIPT@\""), std::string::npos);
}

/// WISK_PAGE_SHOTS=FOLDER: screenshots to look at.
TEST_F(Page, Screenshots) {
  const char* into = std::getenv("WISK_PAGE_SHOTS");
  if (into == nullptr) GTEST_SKIP() << "asked for with WISK_PAGE_SHOTS=FOLDER";
  std::filesystem::create_directories(into);
  for (const std::size_t runs : {1U, 2U}) {
    SyntheticOptions options;
    options.runs = runs;
    for (const int width : {1280, 390}) {
      for (const bool dark : {false, true}) {
        show(synthetic_report(options), width, dark);
        browser().click("#heat g[role=row]:nth-of-type(63) .cell:nth-child(20)");
        browser().value("window.scrollTo(0, 0)");
        browser().screenshot(std::filesystem::path(into) /
                             (std::to_string(runs) + (runs == 1 ? "run-" : "runs-") + std::to_string(width) +
                              (dark ? "-dark.png" : "-light.png")));
      }
    }
    if (runs == 2) {
      show(synthetic_report(options));
      choose("Runs", "in one picture");
      browser().value("window.scrollTo(0, 0)");
      browser().screenshot(std::filesystem::path(into) / "2runs-overlaid.png");
    }
    browser().print(std::filesystem::path(into) / (std::to_string(runs) + "run.pdf"));
  }
}

}  // namespace
}  // namespace wisk::test
