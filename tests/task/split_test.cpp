// The split of the problems, the columns of their rows, and rows whose gold is no number.

#include <wisk/task/task.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include <support/temp_folder.hpp>
#include <wisk/core/error.hpp>

namespace wisk::task {
namespace {

constexpr const char* kYaml = "data: rows.jsonl\nprompt: {template: '{question}'}\nfields: {id: id}\n";

std::string row(int id, const std::string& more = "") {
  return "{\"id\": " + std::to_string(id) + ", \"question\": \"q\", \"answer\": 1" + more + "}\n";
}

/// `yaml` stands on the fourth line of the task file.
Task load(const std::string& yaml, const std::string& rows) {
  const test::TempFolder folder;
  folder.write("rows.jsonl", rows);
  return Task::load(folder.write("t.yaml", kYaml + yaml));
}

/// The message of the InputError, without the folder's name.
std::string error_of(const std::string& yaml, const std::string& rows) {
  try {
    (void)load(yaml, rows);
  } catch (const InputError& error) {
    const std::string message = error.what();
    const std::size_t file = std::min(message.find("t.yaml"), message.find("rows.jsonl"));
    return message.substr(std::min(file, message.size()));
  }
  return "no error";
}

std::map<std::string, SplitSide> sides_of(const Task& task) {
  std::map<std::string, SplitSide> sides;
  for (const Problem& problem : task.problems()) sides[problem.id] = problem.side;
  return sides;
}

std::string rows_from(int first, int last) {
  std::string rows;
  for (int id = first; id < last; ++id) rows += row(id);
  return rows;
}

TEST(TaskSplit, WithoutOneProblemsAreOnNoSide) {
  for (const auto& [id, side] : sides_of(load("", rows_from(0, 4)))) EXPECT_EQ(side, SplitSide::kNone) << id;
}

TEST(TaskSplit, AShareIsThatShare) {
  constexpr int kProblems = 4000;
  for (const double share : {0.5, 0.2}) {
    const Task task = load("split: {share: " + std::to_string(share) + "}\n", rows_from(0, kProblems));
    // The half of the ids with the smaller keys of random numbers has its share of both sides too.
    double chosen = 0, chosen_of_small = 0, small = 0;
    for (const Problem& problem : task.problems()) {
      ASSERT_NE(problem.side, SplitSide::kNone);
      const bool is_small = problem.key < std::uint64_t{1} << 63;
      small += is_small;
      chosen += problem.side == SplitSide::kChoose;
      chosen_of_small += is_small && problem.side == SplitSide::kChoose;
    }
    // Five standard deviations of a share of 2,000 draws.
    EXPECT_NEAR(chosen / kProblems, share, 0.06);
    EXPECT_NEAR(chosen_of_small / small, share, 0.06);
  }
}

TEST(TaskSplit, ASubsetOrAnotherOrderKeepsTheSides) {
  const std::string split = "split: {share: 0.5}\n";
  const auto all = sides_of(load(split, rows_from(0, 100)));
  const auto other = sides_of(load(split, rows_from(50, 70) + rows_from(10, 30)));
  ASSERT_EQ(other.size(), 40u);
  for (const auto& [id, side] : other) EXPECT_EQ(all.at(id), side) << id;
  // A larger share keeps what a smaller one chose.
  for (const auto& [id, side] : sides_of(load("split: {share: 0.8}\n", rows_from(0, 100)))) {
    EXPECT_TRUE(all.at(id) != SplitSide::kChoose || side == SplitSide::kChoose) << id;
  }
}

TEST(TaskSplit, SidesAreTheSameInEveryVersion) {
  std::string letters;
  for (const auto& [id, side] : sides_of(load("split: {share: 0.5}\n", rows_from(100, 132))))
    letters += side == SplitSide::kChoose ? 'c' : 'r';
  EXPECT_EQ(letters, "rcrrccccccrrccrrrcrrrrrccrcrrrrc");
}

TEST(TaskSplit, AFieldDecides) {
  const std::string rows = row(1, ", \"part\": \"dev\"") + row(2, ", \"part\": \"test\"") +
                           row(3, ", \"part\": 7") + row(4, ", \"part\": \"other\"") +
                           row(5, ", \"part\": true");
  const Task task = load("split: {field: part, choose: dev, report: [test, 7, 'true']}\n", rows);
  const auto sides = sides_of(task);
  EXPECT_EQ(sides.at("1"), SplitSide::kChoose);
  EXPECT_EQ(sides.at("2"), SplitSide::kReport);
  EXPECT_EQ(sides.at("3"), SplitSide::kReport);
  EXPECT_EQ(sides.at("4"), SplitSide::kNone);
  EXPECT_EQ(sides.at("5"), SplitSide::kReport);
}

TEST(TaskSplit, ASideWithoutProblemsIsOneError) {
  const std::string by_field = "split: {field: part, choose: dve, report: test}\n";
  EXPECT_EQ(error_of(by_field, row(1, ", \"part\": \"dev\"") + row(2, ", \"part\": \"test\"") +
                                   row(3, ", \"part\": \"test\"")),
            "t.yaml:4: split: expected at least one problem on each side, found 0 to choose on and 2 to "
            "report on, 1 on neither side; values of part: \"dev\" (1), \"test\" (2)");
  const std::string one = error_of("split: {share: 0.5}\n", row(1));
  EXPECT_TRUE(one.ends_with("found 0 to choose on and 1 to report on") ||
              one.ends_with("found 1 to choose on and 0 to report on"))
      << one;
  std::string rows;
  for (int id = 0; id < 12; ++id) rows += row(id, ", \"part\": " + std::to_string(id + 10));
  const std::string many = error_of(by_field, rows);
  EXPECT_TRUE(many.ends_with("\"19\" (1), 2 more")) << many;
}

TEST(TaskSplit, ARowWithoutTheFieldIsNamed) {
  const std::string split = "split: {field: part, choose: a, report: b}\n";
  EXPECT_EQ(error_of(split, row(1, ", \"part\": \"a\"") + row(2, ", \"prat\": \"b\"")),
            "rows.jsonl:2: expected the field \"part\", found only id, question, answer, prat (did you mean "
            "\"prat\"?)");
  EXPECT_EQ(error_of(split, row(1, ", \"part\": null")), "rows.jsonl:1: part: expected text, found null");
  EXPECT_EQ(error_of(split, row(1, ", \"part\": {\"a\": 1}")),
            "rows.jsonl:1: part: expected text, found an object");
}

TEST(TaskSplit, WhatIsNoSplit) {
  const std::string rows = rows_from(0, 10);
  for (const char* share : {"0", "1", "-0.5", "1.5", "half", "nan", "0.5x", "''", "[0.5]", "", "0x1p-1"}) {
    const std::string message = error_of("split: {share: " + std::string(share) + "}\n", rows);
    EXPECT_TRUE(message.starts_with("t.yaml:4: split.share: expected a number above 0 and below 1, found "))
        << share << ": " << message;
  }
  const std::string either =
      "t.yaml:4: split: expected either share, or field with choose and report, found ";
  EXPECT_EQ(error_of("split: {}\n", rows), either + "neither");
  EXPECT_EQ(error_of("split: {field: a, choose: b}\n", rows), either + "field, choose");
  EXPECT_EQ(error_of("split: {choose: a, report: b}\n", rows), either + "choose, report");
  EXPECT_EQ(error_of("split: {share: 0.5, choose: b}\n", rows), either + "share, choose");
  EXPECT_EQ(error_of("split: {share: 0.5, field: a, choose: b, report: c}\n", rows),
            either + "share, field, choose, report");
  EXPECT_EQ(error_of("split: {field: a, choose: [], report: b}\n", rows),
            "t.yaml:4: split.choose: expected at least one value, found a list");
  EXPECT_EQ(error_of("split: {field: a, choose: [b, c], report: c}\n", rows),
            "t.yaml:4: split: expected different values of a to choose and to report on, found \"c\" on both "
            "sides");
  EXPECT_EQ(error_of("split: 0.5\n", rows),
            "t.yaml:4: split: expected a mapping with the keys share, field, choose, report, found \"0.5\"");
  EXPECT_EQ(error_of("split: {shaer: 0.5}\n", rows),
            "t.yaml:4: split.shaer: expected one of the keys share, field, choose, report, found the unknown "
            "key \"shaer\" (did you mean \"share\"?)");
}

TEST(TaskColumns, AreTheOtherFieldsOfTheRow) {
  using Columns = std::map<std::string, std::string>;
  const std::string just_fits(kMaxColumnBytes, 'x'), too_long(kMaxColumnBytes + 1, 'x');
  const Task task = load("", row(1,
                                 ", \"subject\": \"\\u00c4lgebra\", \"level\": 3, \"hard\": true, "
                                 "\"rate\": 1.50, \"tags\": [\"a\"], \"meta\": {\"b\": 1}, \"none\": null, "
                                 "\"long\": \"" +
                                     too_long + "\", \"fits\": \"" + just_fits + "\", \"" + too_long +
                                     "\": 1, \"zero\": \"a\\u0000b\", \"empty\": \"\""));
  const Problem& problem = task.problems()[0];
  EXPECT_EQ(problem.columns, (Columns{{"subject", "\xc3\x84lgebra"},
                                      {"level", "3"},
                                      {"hard", "true"},
                                      {"rate", "1.50"},
                                      {"fits", just_fits},
                                      {"empty", ""}}));
  EXPECT_EQ(problem.question, "q");
  // The fields that are named stay out, however they are named.
  const Task other =
      load("split: {field: q, choose: 1, report: 2}\n", row(1, ", \"q\": 1") + row(2, ", \"q\": 2"));
  EXPECT_EQ(other.problems()[0].columns, (Columns{{"q", "1"}}));
  const test::TempFolder folder;
  folder.write("rows.jsonl", row(1, ", \"text\": \"Why?\", \"gold\": 5"));
  const Task pointers = Task::load(folder.write(
      "t.yaml",
      "data: rows.jsonl\nprompt: {template: '{question}'}\nfields: {question: /text, gold: /gold}\n"));
  EXPECT_EQ(pointers.problems()[0].columns, (Columns{{"id", "1"}, {"question", "q"}, {"answer", "1"}}));
  EXPECT_EQ(pointers.problems()[0].question, "Why?");
}

TEST(TaskGolds, ThatAreNoNumberCanBeLeftOut) {
  const std::string text = "{\"id\": \"t\", \"question\": \"q\", \"answer\": \"\\\\sqrt{2}\"}\n";
  const std::string skip = "answer: {skip_other_golds: true}\n";
  const Task task = load(skip + "problems: {first: 2}\n", text + row(1) + row(2) + row(3));
  EXPECT_EQ(task.problems().size(), 2u);  // the first two that are kept
  EXPECT_EQ(task.problems()[0].id, "1");
  EXPECT_EQ(task.skipped_golds(), 1u);
  EXPECT_EQ(load(skip, row(1)).skipped_golds(), 0u);
  EXPECT_EQ(error_of(skip, text),
            "rows.jsonl: expected at least one problem, found 1 whose gold is no number");
  EXPECT_NE(error_of("answer: {skip_other_golds: false}\n", text + row(1)).find("golds with a number"),
            std::string::npos);
  EXPECT_EQ(error_of("answer: {skip_other_golds: yes}\n", row(1)),
            "t.yaml:4: answer.skip_other_golds: expected one of false, true, found \"yes\"");
  // A gold that is not there at all is an error all the same.
  EXPECT_EQ(error_of(skip, row(1) + "{\"id\": 2, \"question\": \"q\"}\n"),
            "rows.jsonl:2: expected the field \"answer\", found only id, question");
  // Both sides are counted without the rows that were left out.
  EXPECT_NE(
      error_of(skip + "split: {field: id, choose: t, report: 1}\n", text + row(1)).find("found 0 to choose"),
      std::string::npos);
}

}  // namespace
}  // namespace wisk::task
