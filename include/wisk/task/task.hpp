#pragma once
// A task file and its problems: what is asked, how it is shown to the model, how a completion is judged.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wisk/core/verdict.hpp>
#include <wisk/task/problem.hpp>

namespace wisk::task {

struct Judgement {
  Verdict verdict = Verdict::kNoAnswer;
  /// The answer found, valid UTF-8: numbers in their one spelling, so that equal answers are equal strings
  /// (majority votes); anything else as it was written, shortened. Empty when there is none.
  std::string answer;
};

/// Owns its problems; immutable and thread-safe; copies share them.
class Task {
 public:
  /// Reads a task file (docs/task-file.md) and its problems; relative paths are relative to the task file.
  /// Throws InputError naming file and line: unknown keys with the nearest known one, missing or wrong
  /// values, no problems, double ids, rows that are no JSON or no UTF-8, missing fields, golds that are no
  /// number (up to ten are listed), a side of the split without problems (both are counted).
  static Task load(const std::filesystem::path& file);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] const std::vector<Problem>& problems() const;
  /// Rows left out because their gold is no number; 0 unless the file has `answer.skip_other_golds`.
  [[nodiscard]] std::size_t skipped_golds() const;
  /// A sample ends before the first of these strings.
  [[nodiscard]] const std::vector<std::string>& stop() const;
  /// The chat format: "auto" (the checkpoint's own), "chatml", "llama3", "gemma", "mistral"; none for plain
  /// prompts.
  [[nodiscard]] const std::optional<std::string>& chat() const;
  /// What the model is shown, few-shot examples included.
  [[nodiscard]] Prompt prompt(const Problem& problem) const;
  /// Judges what the model wrote, of any bytes. A completion that hit its length limit without an answer by a
  /// marker is truncated, and so is one whose number touches the cut and is not the gold.
  [[nodiscard]] Judgement judge(const Problem& problem, std::string_view completion,
                                FinishReason reason) const;
  /// Every file that was read, for provenance.
  [[nodiscard]] std::vector<std::filesystem::path> files() const;

 private:
  struct State;
  explicit Task(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

/// The keys of a task file as a table in Markdown: docs/task-file.md holds it.
std::string task_file_keys_markdown();

}  // namespace wisk::task
