#include <wisk/task/row_scorer.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <support/temp_folder.hpp>
#include <wisk/core/error.hpp>

namespace wisk::task {
namespace {

std::string scored(const std::string& line, const ScoreOptions& options = {}) {
  return RowScorer(options).score(line, "f:1");
}

std::string error_of(const std::string& line, const ScoreOptions& options = {}) {
  try {
    (void)scored(line, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(RowScorer, AddsAnswerAndVerdictAndKeepsEveryByte) {
  EXPECT_EQ(
      scored(R"({"z": 1.10, "completion": "so 5", "gold": "5", "a": [1e5, {"b": "\u00e9"}]})"),
      R"({"z": 1.10, "completion": "so 5", "gold": "5", "a": [1e5, {"b": "\u00e9"}], "answer": "5", "verdict": "correct"})");
  EXPECT_EQ(scored(R"({"completion":"so 6","gold":5,"big":12345678901234567890123})"),
            R"({"completion":"so 6","gold":5,"big":12345678901234567890123,"answer":"6","verdict":"wrong"})");
  EXPECT_EQ(scored(R"(  { "text" : "none" , "target" : "#### 5" }  )"),
            R"(  { "text" : "none" , "target" : "#### 5", "answer": null, "verdict": "no answer" }  )");
  EXPECT_EQ(
      scored(R"({"q}": "{\"", "completion": "\"}{ \\", "gold": "1/2"})"),
      R"({"q}": "{\"", "completion": "\"}{ \\", "gold": "1/2", "answer": null, "verdict": "no answer"})");
}

TEST(RowScorer, ScoringAgainChangesNothing) {
  const std::string once = scored(R"({"completion": "0.50", "gold": "1/2", "n": 1})");
  EXPECT_EQ(scored(once), once);
  EXPECT_EQ(scored(R"({"answer": "old", "completion": "7", "verdict": {"x": [1, "}"]}, "gold": 7})"),
            R"({"answer": "7", "completion": "7", "verdict": "correct", "gold": 7})");
}

TEST(RowScorer, NeverOverwritesTheGold) {
  EXPECT_EQ(
      scored(R"({"answer": "4 + 4 = 8\n#### 8", "completion": "8"})"),
      R"({"answer": "4 + 4 = 8\n#### 8", "completion": "8", "predicted_answer": "8", "verdict": "correct"})");
  EXPECT_NE(error_of(R"({"answer": "8", "completion": "8", "verdict": "correct"})")
                .find("name its field with --gold"),
            std::string::npos);
  ScoreOptions options;
  options.answer_field = "gold";
  EXPECT_THROW((void)scored(R"({"gold": "8", "completion": "8"})", options), UsageError);
}

TEST(RowScorer, FindsFieldsOrSaysWhatItLookedFor) {
  EXPECT_NE(scored(R"({"expected_answer": "8", "generation": "8"})").find("correct"), std::string::npos);
  EXPECT_NE(scored(R"({"target": "8", "resps": [["so 8"]]})").find("correct"), std::string::npos);
  EXPECT_NE(scored(R"({"answer": "9", "gold": "8", "response": "8"})").find("correct"), std::string::npos);
  EXPECT_EQ(error_of(R"({"gold": "8", "txt": "8"})"),
            "f:1: expected the completion in a field named by --text or one of completion, text, response, "
            "generation, "
            "output, pred, prediction, resps, model_output, found only gold, txt");
  EXPECT_EQ(error_of(R"({"completion": "8"})"),
            "f:1: expected the gold answer in a field named by --gold or one of gold, expected_answer, "
            "target, reference, "
            "answer, found only completion");
  ScoreOptions options;
  options.text_field = "/response/choices/0/text";
  options.gold_field = "label";
  EXPECT_NE(scored(R"({"label": 8, "response": {"choices": [{"text": "8"}]}})", options).find("correct"),
            std::string::npos);
  EXPECT_EQ(error_of(R"({"label": 8, "response": {}})", options),
            "f:1: expected a value at the JSON pointer /response/choices/0/text, found none");
}

TEST(RowScorer, KeepsEveryDigitOfNumbersInJson) {
  EXPECT_NE(scored(R"({"gold": 123456789012345678901234567890, "text": "123456789012345678901234567891"})")
                .find("wrong"),
            std::string::npos);
  EXPECT_NE(scored(R"({"gold": 0.1, "text": "1/10"})").find("correct"), std::string::npos);
}

TEST(RowScorer, UsesTheFinishReason) {
  EXPECT_NE(scored(R"({"gold": 5, "text": "so 5", "finish_reason": "length"})").find("truncated"),
            std::string::npos);
  EXPECT_NE(scored(R"({"gold": 5, "text": "#### 5\n", "finish_reason": "length"})").find("correct"),
            std::string::npos);
  EXPECT_NE(scored(R"({"gold": 5, "text": "so 5", "finish_reason": "stop"})").find("correct"),
            std::string::npos);
  EXPECT_NE(scored(R"({"gold": 5, "text": "so 5", "finish_reason": null})").find("correct"),
            std::string::npos);
}

TEST(RowScorer, BadRowsAreNamed) {
  EXPECT_EQ(error_of("[1]"), "f:1: expected a JSON object, found a list");
  EXPECT_EQ(error_of(R"({"gold": 5, "text": null})"), "f:1: text: expected text, found null");
  EXPECT_EQ(error_of(R"({"gold": "five", "text": "5"})"),
            "f:1: gold: expected a gold with a number, found \"five\"");
  EXPECT_EQ(error_of(R"({"gold": 1e999, "text": "5"})"),
            "f:1: expected a JSON object in UTF-8, found a number that is out of range");
  EXPECT_EQ(error_of("{\"gold\": 5, \"text\": \"\xff\"}").substr(0, 40),
            "f:1: expected a JSON object in UTF-8, fo");
  EXPECT_EQ(error_of(R"({"gold": 5, "text": [], "x": {}})"), "f:1: text: expected text, found a list");
  EXPECT_EQ(error_of(R"({"gold": 5, "text": [ 1 , 2 ]})"), "f:1: text: expected text, found a list");
  EXPECT_EQ(error_of("{}"), error_of("{ }"));
  EXPECT_NE(error_of(std::string(100000, '[')), "no error");
  EXPECT_NE(error_of(R"({"gold": 5, "text": )" + std::string(100000, '[') + "}"), "no error");
  const std::string deep = std::string(100000, '[') + "5" + std::string(100000, ']');
  EXPECT_NE(scored(R"({"gold": 5, "text": "5", "x": )" + deep + "}").find("correct"), std::string::npos);
  ScoreOptions options;
  options.checker = "numbers";
  EXPECT_EQ(error_of("{}", options), "unknown checker \"numbers\" (did you mean \"number\"?); known: number");
}

TEST(RowScorer, StreamsFiles) {
  const test::TempFolder folder;
  const std::string row = R"({"gold": 5, "text": "5"})";
  const auto file = folder.write(
      "rows.jsonl", "\xef\xbb\xbf" + row + "\r\n\n" + row + "\n" + R"({"gold": 5, "text": "6"})");
  std::vector<std::string> rows;
  const ScoreSummary summary = score_file(file, {}, [&](std::string_view line) { rows.emplace_back(line); });
  EXPECT_EQ(summary.rows, 3u);
  EXPECT_EQ(summary.counts[static_cast<std::size_t>(Verdict::kCorrect)], 2u);
  EXPECT_EQ(summary.counts[static_cast<std::size_t>(Verdict::kWrong)], 1u);
  EXPECT_EQ(summary.text_field, "text");
  EXPECT_EQ(rows.at(0), R"({"gold": 5, "text": "5", "answer": "5", "verdict": "correct"})");
  const auto bad = folder.write("bad.jsonl", row + "\n\n{\"gold\": 5}\n");
  try {
    score_file(bad, {}, [](std::string_view) {});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.where(), bad.string() + ":3");
  }
  EXPECT_THROW(score_file(folder.write("empty.jsonl", "\n"), {}, [](std::string_view) {}), InputError);
  EXPECT_THROW(score_file(folder.path() / "none.jsonl", {}, [](std::string_view) {}), InputError);
}

}  // namespace
}  // namespace wisk::task
