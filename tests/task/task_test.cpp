#include <wisk/task/task.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <support/temp_folder.hpp>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/core/hash.hpp>

namespace wisk::task {
namespace {

constexpr const char* kRows =
    "{\"question\": \"Two and two?\", \"answer\": \"2 + 2 = 4\\n#### 4\", \"unit\": \"apples\", \"n\": 7}\n"
    "\n"
    "{\"question\": \"Half of one?\", \"answer\": \"#### 0.5\", \"unit\": \"pears\", \"n\": 8}\r\n"
    "{\"question\": \"A thousand?\", \"answer\": 1000, \"unit\": \"\xe2\x82\xac\", \"n\": 9}";

constexpr const char* kYaml =
    "data: rows.jsonl\n"
    "prompt:\n"
    "  template: \"Q: {question}\\nA:\"\n"
    "stop: [\"Q:\"]\n";

/// A folder with a task file and its problems.
class TaskFiles {
 public:
  explicit TaskFiles(const std::string& yaml = kYaml, const std::string& rows = kRows) {
    file_ = folder_.write("sums.yaml", yaml);
    folder_.write("rows.jsonl", rows);
  }
  [[nodiscard]] Task load() const { return Task::load(file_); }
  /// The message of the InputError that loading throws, without the folder's name.
  [[nodiscard]] std::string error() const {
    try {
      (void)load();
    } catch (const InputError& error) {
      std::string message = error.what();
      const std::string folder = folder_.path().string() + "/";
      for (std::size_t at = 0; (at = message.find(folder)) != std::string::npos;)
        message.erase(at, folder.size());
      return message;
    }
    return "no error";
  }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  test::TempFolder folder_;
  std::filesystem::path file_;
};

std::string error_of_yaml(const std::string& yaml) {
  return TaskFiles(yaml).error();
}
std::string error_of_rows(const std::string& rows) {
  return TaskFiles(kYaml, rows).error();
}

TEST(TaskFile, ReadsProblems) {
  const TaskFiles files;
  const Task task = files.load();
  EXPECT_EQ(task.name(), "sums");
  ASSERT_EQ(task.problems().size(), 3u);
  const Problem& half = task.problems()[1];
  EXPECT_EQ(half.gold, "0.5");
  EXPECT_EQ(half.id, hex64(xxh3("Half of one?")));
  EXPECT_EQ(half.key, xxh3(half.id));
  EXPECT_EQ(task.problems()[2].gold, "1000");
  EXPECT_EQ(task.stop(), std::vector<std::string>{"Q:"});
  EXPECT_FALSE(task.chat());
  EXPECT_EQ(task.prompt(half).text, "Q: Half of one?\nA:");
  EXPECT_TRUE(task.prompt(half).messages.empty());
  const auto read = task.files();
  EXPECT_EQ(read, (std::vector<std::filesystem::path>{files.folder() / "sums.yaml",
                                                      files.folder() / "rows.jsonl"}));
}

TEST(TaskFile, IdsDoNotDependOnTheOrderOfRows) {
  const Task task = TaskFiles().load();
  const Task other = TaskFiles(kYaml, "{\"question\": \"Half of one?\", \"answer\": \"1/2\"}").load();
  EXPECT_EQ(other.problems()[0].key, task.problems()[1].key);
}

TEST(TaskFile, FieldsCanBeNamed) {
  const Task task = TaskFiles(
                        "data: rows.jsonl\nname: mine\nfields: {id: n, question: unit, gold: answer}\n"
                        "prompt: {template: '{question}/{n}: {{n}} \\boxed{} {1} {} {not closed'}")
                        .load();
  EXPECT_EQ(task.name(), "mine");
  EXPECT_EQ(task.problems()[0].id, "7");
  EXPECT_EQ(task.prompt(task.problems()[0]).text, "apples/7: {n} \\boxed{} {1} {} {not closed");
}

TEST(TaskFile, FewShotExamplesComeFirst) {
  const std::string shots =
      "  system: Be brief.\n"
      "  few_shot: [{question: \"1+1?\", answer: \"#### 2\"}, {question: \"1+2?\", answer: \"#### 3\"}]\n";
  const std::string yaml = "data: rows.jsonl\nprompt:\n  template: \"Q: {question}\\nA:\"\n" + shots;
  const Task plain = TaskFiles(yaml).load();
  EXPECT_EQ(plain.prompt(plain.problems()[0]).text,
            "Be brief.\n\nQ: 1+1?\nA: #### 2\n\nQ: 1+2?\nA: #### 3\n\nQ: Two and two?\nA:");
  const Task spaced = TaskFiles(yaml + "  delimiter: \"\"\n  separator: \"\\n\"\n").load();
  EXPECT_EQ(spaced.prompt(spaced.problems()[0]).text,
            "Be brief.\nQ: 1+1?\nA:#### 2\nQ: 1+2?\nA:#### 3\nQ: Two and two?\nA:");

  const Task chat = TaskFiles(yaml + "  chat: chatml\n").load();
  EXPECT_EQ(chat.chat(), "chatml");
  const Prompt prompt = chat.prompt(chat.problems()[0]);
  EXPECT_TRUE(prompt.text.empty());
  ASSERT_EQ(prompt.messages.size(), 6u);
  EXPECT_EQ(prompt.messages[0].role, "system");
  EXPECT_EQ(prompt.messages[1].role, "user");
  EXPECT_EQ(prompt.messages[2].role, "assistant");
  EXPECT_EQ(prompt.messages[2].content, "#### 2");
  EXPECT_EQ(prompt.messages[5].role, "user");
  EXPECT_EQ(prompt.messages[5].content, "Q: Two and two?\nA:");
}

TEST(TaskFile, SubsetsKeepTheirProblems) {
  const std::string yaml = kYaml;
  const Task first = TaskFiles(yaml + "problems: {first: 2}\n").load();
  EXPECT_EQ(first.problems().size(), 2u);
  const Task chosen = TaskFiles(yaml + "fields: {id: n}\nproblems: {select: [9, 7]}\n").load();
  ASSERT_EQ(chosen.problems().size(), 2u);
  EXPECT_EQ(chosen.problems()[0].id, "7");
  EXPECT_EQ(chosen.problems()[1].id, "9");
  EXPECT_EQ(error_of_yaml(yaml + "fields: {id: n}\nproblems: {select: [9, 70, 71]}\n"),
            "rows.jsonl: expected every id of problems.select, found none of 70, 71");
}

TEST(TaskFile, ErrorsNameFileLineAndNearestKey) {
  const std::string yaml = kYaml;
  EXPECT_EQ(error_of_yaml(yaml + "stopp: []\n"),
            "sums.yaml:5: stopp: expected one of the keys name, data, fields, problems, split, prompt, "
            "stop, answer, found the "
            "unknown key \"stopp\" (did you mean \"stop\"?)");
  EXPECT_EQ(error_of_yaml("data: rows.jsonl\nprompt: {templete: x}\n"),
            "sums.yaml:2: prompt.templete: expected one of the keys template, few_shot, delimiter, "
            "separator, system, "
            "chat, found the unknown key \"templete\" (did you mean \"template\"?)");
  EXPECT_EQ(error_of_yaml("data: rows.jsonl\n"), "sums.yaml: prompt.template: expected this key, found none");
  EXPECT_EQ(error_of_yaml("prompt: {template: '{question}'}\n"),
            "sums.yaml: data: expected this key, found none");
  EXPECT_EQ(error_of_yaml("data:\nprompt: {template: '{question}'}\n"),
            "sums.yaml:1: data: expected text, found nothing");
  EXPECT_EQ(
      error_of_yaml(yaml + "answer: {checker: numbr}\n"),
      "sums.yaml:5: answer.checker: expected one of number, found \"numbr\" (did you mean \"number\"?)");
  EXPECT_EQ(error_of_yaml(yaml + "problems: {first: 0}\n"),
            "sums.yaml:5: problems.first: expected an integer of at least 1, found \"0\"");
  EXPECT_EQ(error_of_yaml(yaml + "problems: {first: 99999999999999999999}\n"),
            "sums.yaml:5: problems.first: expected an integer of at least 1, found \"99999999999999999999\"");
  EXPECT_EQ(error_of_yaml(yaml + "stop: []\n"), "sums.yaml:5: stop: expected each key once, found it twice");
  EXPECT_EQ(error_of_yaml("data: [a\n").substr(0, 12), "sums.yaml:2:");
  EXPECT_EQ(error_of_yaml("").substr(0, 10), "sums.yaml:");
  EXPECT_EQ(error_of_yaml("- a\n").substr(0, 10), "sums.yaml:");
  EXPECT_EQ(error_of_yaml("data: a\n# \xff\n"), "sums.yaml:2: expected UTF-8, found other bytes");
  EXPECT_EQ(error_of_yaml("data: rows.jsonl\nprompt: {template: '{question}', chat: chatlm}\n"),
            "sums.yaml:2: prompt.chat: expected one of plain, auto, chatml, llama3, gemma, mistral, found "
            "\"chatlm\" "
            "(did you mean \"chatml\"?)");
  EXPECT_EQ(error_of_yaml("data: none.jsonl\nprompt: {template: '{question}'}\n"),
            "sums.yaml:1: data: expected a readable JSONL file with the problems, found \"none.jsonl\" (No "
            "such file or "
            "directory)");
  EXPECT_THROW((void)Task::load("/nonexistent/task.yaml"), InputError);
}

TEST(TaskFile, TemplatesAreChecked) {
  const auto with = [](const std::string& text) {
    return error_of_yaml("data: rows.jsonl\nprompt: {template: '" + text + "'}\n");
  };
  EXPECT_EQ(with("Question:"),
            "sums.yaml:2: prompt.template: expected {question} or another field in braces, found none");
  EXPECT_NE(with("{{question}}").find("write {question}"), std::string::npos);
  EXPECT_NE(with("{question} {answer}").find("does not show the gold"), std::string::npos);
  EXPECT_EQ(with("{question} {colour}"),
            "rows.jsonl:1: expected the field \"colour\", found only question, answer, unit, n");
  EXPECT_EQ(
      error_of_yaml(
          "data: rows.jsonl\nprompt: {template: '{question} {n}', few_shot: [{question: a, answer: b}]}"),
      "sums.yaml: prompt.few_shot: expected the key n, which the template names, found none");
  EXPECT_EQ(error_of_yaml("data: rows.jsonl\nprompt: {template: '{question}', few_shot: [{question: a}]}"),
            "sums.yaml:2: prompt.few_shot: expected an example with the key answer, found one without it");
}

TEST(TaskFile, BadRowsAreNamed) {
  const std::string good = "{\"question\": \"a\", \"answer\": \"1\"}\n";
  EXPECT_EQ(error_of_rows(""), "rows.jsonl: expected at least one problem, found an empty problem set");
  EXPECT_EQ(error_of_rows(good + "{\"question\": \"b\"\n").substr(0, 50),
            "rows.jsonl:2: expected a JSON object in UTF-8, fou");
  EXPECT_EQ(error_of_rows(good + "[1]\n"), "rows.jsonl:2: expected a JSON object, found a list");
  EXPECT_EQ(error_of_rows(good + "{\"question\": \"\xff\", \"answer\": 1}\n").substr(0, 48),
            "rows.jsonl:2: expected a JSON object in UTF-8, f");
  EXPECT_EQ(
      error_of_rows(good + "{\"question\": \"b\", \"anwser\": \"1\"}\n"),
      "rows.jsonl:2: expected the field \"answer\", found only question, anwser (did you mean \"anwser\"?)");
  EXPECT_EQ(error_of_rows(good + "{\"question\": null, \"answer\": \"1\"}\n"),
            "rows.jsonl:2: question: expected text, found null");
  EXPECT_EQ(error_of_rows(good + "{\"question\": \" \", \"answer\": \"1\"}\n"),
            "rows.jsonl:2: question: expected text, found an empty text");
  EXPECT_EQ(error_of_rows(good + "\n" + good), "rows.jsonl:3: expected ids that differ, found the id \"" +
                                                   hex64(xxh3("a")) +
                                                   "\" of line 1 again (the same question; set fields.id)");
  EXPECT_EQ(error_of_rows(good + "{\"question\": \"b\", \"answer\": \"1\", \"question\": \"c\"}\n"),
            "rows.jsonl:2: \"question\": expected each key once, found it twice");
}

TEST(TaskFile, GoldsWithoutANumberAreListed) {
  std::string rows = "{\"question\": \"q0\", \"answer\": \"5\"}\n";
  for (int i = 1; i <= 12; ++i) {
    rows +=
        "{\"question\": \"q" + std::to_string(i) + "\", \"answer\": \"about " + std::string(1, 'a') + "\"}\n";
  }
  const std::string message = error_of_rows(rows);
  EXPECT_TRUE(
      message.starts_with("rows.jsonl:2: expected golds with a number, found 12 without: rows.jsonl:2 (" +
                          hex64(xxh3("q1")) + "): \"about a\"; rows.jsonl:3"))
      << message;
  EXPECT_NE(message.find("rows.jsonl:11 ("), std::string::npos);
  EXPECT_EQ(message.find("rows.jsonl:12 ("), std::string::npos);
  EXPECT_TRUE(message.ends_with("; and 2 more")) << message;
  const std::string marked = std::string(kYaml) + "answer: {gold_marker: '####'}\n";
  EXPECT_EQ(
      TaskFiles(marked, "{\"question\": \"a\", \"answer\": \"so 5\"}").error(),
      "rows.jsonl:1: expected golds with a number, found rows.jsonl:1 (" + hex64(xxh3("a")) + "): \"so 5\"");
}

TEST(TaskJudge, GivesVerdicts) {
  const Task task = TaskFiles().load();
  const Problem& four = task.problems()[0];
  const auto judge = [&](std::string_view text, FinishReason reason = FinishReason::kEndOfSequence) {
    const Judgement judgement = task.judge(four, text, reason);
    return std::string(name_of(judgement.verdict)) + "|" + judgement.answer;
  };
  EXPECT_EQ(judge("2 + 2 = 4\n#### 4"), "correct|4");
  EXPECT_EQ(judge("#### 4.00"), "correct|4");
  EXPECT_EQ(judge("#### 5"), "wrong|5");
  EXPECT_EQ(judge("The answer is 3,4."), "wrong|3,4");
  EXPECT_EQ(judge("\\boxed{\\text{four}}"), "wrong|{four}");
  EXPECT_EQ(judge("I do not know"), "no answer|");
  EXPECT_EQ(judge(""), "no answer|");
  EXPECT_EQ(judge("#### 1e999999999"), "undecided|1e999999999");
  EXPECT_EQ(judge("\xff\xfe \\boxed{\xff}"), "wrong|?");
  // The task's stop strings end a completion that ran on.
  EXPECT_EQ(judge("#### 4\n\nQ: Next?\n#### 9", FinishReason::kLength), "correct|4");
}

TEST(TaskJudge, TruncatedUnlessAnnounced) {
  const Task task = TaskFiles().load();
  const Problem& four = task.problems()[0];
  const auto judge = [&](std::string_view text) {
    return task.judge(four, text, FinishReason::kLength).verdict;
  };
  EXPECT_EQ(judge("so far 4"), Verdict::kTruncated);
  EXPECT_EQ(judge("so far 4 and"), Verdict::kTruncated);
  EXPECT_EQ(judge("no numbers"), Verdict::kTruncated);
  EXPECT_EQ(judge("#### 4"), Verdict::kCorrect);
  EXPECT_EQ(judge("#### 5\nThat"), Verdict::kWrong);
  EXPECT_EQ(judge("\\boxed{5}"), Verdict::kWrong);
  EXPECT_EQ(judge("#### 1"), Verdict::kTruncated);  // perhaps 18
  EXPECT_EQ(judge("\\boxed{4"), Verdict::kTruncated);
}

TEST(TaskFile, TheDocumentationHoldsTheKeys) {
  const std::string text = read_text(test::source_folder() / "docs/task-file.md");
  EXPECT_NE(text.find(task_file_keys_markdown()), std::string::npos)
      << "docs/task-file.md should hold this table:\n"
      << task_file_keys_markdown();
}

/// Forty rows with answer 42, as GSM8K and MATH-500 write it, so that both sides of a split have some; MATH's
/// have one more, whose gold is an interval.
std::string rows_with_42(bool is_math) {
  std::string rows;
  for (int i = 0; i < 40; ++i) {
    const std::string text = "\"What is six times seven, for the " + std::to_string(i) + "th time?\"";
    rows += is_math ? "{\"unique_id\": \"test/" + std::to_string(i) + "\", \"problem\": " + text +
                          ", \"subject\": \"Algebra\", \"level\": 2, \"solution\": \"$\\\\boxed{42}$\", "
                          "\"answer\": \"42\"}\n"
                    : "{\"question\": " + text + ", \"answer\": \"6 * 7 = 42\\n#### 42\"}\n";
  }
  if (is_math) rows += "{\"unique_id\": \"test/x\", \"problem\": \"Interval?\", \"answer\": \"(0, 1)\"}\n";
  return rows;
}

TEST(TaskFile, TheTaskFilesOfTheRepositoryLoad) {
  const std::map<std::string, std::string> data = {{"gsm8k", "gsm8k_test.jsonl"},
                                                   {"gsm8k-chat", "gsm8k_test.jsonl"},
                                                   {"math", "math500.jsonl"},
                                                   {"number", "problems.jsonl"}};
  for (const auto& [name, problems] : data) {
    const test::TempFolder folder;
    const std::string yaml = read_text(test::source_folder() / "jobs/tasks" / (name + ".yaml"));
    const auto file = folder.write(name + ".yaml", yaml);
    folder.write(problems, rows_with_42(name == "math"));
    const Task task = Task::load(file);
    EXPECT_EQ(task.name(), name == "math" ? "math-numeric" : name);
    EXPECT_EQ(task.problems().size(), 40u);
    EXPECT_EQ(task.skipped_golds(), name == "math" ? 1u : 0u);
    const Problem& problem = task.problems().at(0);
    EXPECT_EQ(problem.side == SplitSide::kNone, name == "number");
    EXPECT_EQ(problem.columns.count("subject"), name == "math" ? 1u : 0u);
    const Prompt prompt = task.prompt(problem);
    EXPECT_EQ(prompt.messages.empty(), name != "gsm8k-chat");
    EXPECT_EQ(task.judge(problem, "So it is \\boxed{42}.", FinishReason::kEndOfSequence).verdict,
              Verdict::kCorrect);
    EXPECT_EQ(prompt.text.find("42"), std::string::npos);  // no gold in the prompt
  }
  const Task demo = Task::load(test::source_folder() / "jobs/demo/task.yaml");
  const auto chosen = std::count_if(demo.problems().begin(), demo.problems().end(),
                                    [](const Problem& p) { return p.side == SplitSide::kChoose; });
  EXPECT_GT(chosen, 80);
  EXPECT_LT(chosen, 120);
}

TEST(TaskFile, Gsm8kLoads) {
  const auto data = test::shared_folder() / "data/gsm8k_test.jsonl";
  if (test::shared_folder().empty() || !std::filesystem::exists(data)) GTEST_SKIP() << "no GSM8K here";
  const test::TempFolder folder;
  const auto file = folder.write("gsm8k.yaml", read_text(test::source_folder() / "jobs/tasks/gsm8k.yaml"));
  std::filesystem::create_symlink(std::filesystem::absolute(data), folder.path() / "gsm8k_test.jsonl");
  const Task task = Task::load(file);
  ASSERT_EQ(task.problems().size(), 1319u);
  EXPECT_EQ(task.problems()[0].gold, "18");
  for (const Problem& problem : task.problems()) {
    const std::string completion = " It makes " + problem.gold + ".\n#### " + problem.gold;
    EXPECT_EQ(task.judge(problem, completion, FinishReason::kStopString).verdict, Verdict::kCorrect);
  }
}

}  // namespace
}  // namespace wisk::task
