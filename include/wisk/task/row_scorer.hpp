#pragma once
// Verdicts for samples made anywhere: JSONL rows in, the same rows with `answer` and `verdict` out.

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <wisk/core/verdict.hpp>

namespace wisk::task {

struct ScoreOptions {
  std::string checker = "number";
  std::optional<std::string> text_field, gold_field, finish_field;  ///< none: looked for in the first row
  std::optional<std::string> answer_field;  ///< none: "answer", or "predicted_answer" when that is the gold's
  std::string gold_marker;                  ///< as in a task file
  std::vector<std::string> extract;         ///< as in a task file; empty: the usual markers
};

struct ScoreSummary {
  std::string text_field, gold_field, answer_field;
  std::string finish_field;  ///< "" when the rows have none: then no sample is known to be truncated
  std::uint64_t rows = 0;
  std::array<std::uint64_t, kVerdicts> counts{};  ///< by verdict
};

/// The names that are looked for, in this order.
const std::vector<std::string>& text_field_names();
const std::vector<std::string>& gold_field_names();

/// Scores one row after the other; the first one settles which fields are used. Owns its summary; not
/// thread-safe.
class RowScorer {
 public:
  /// Throws UsageError when the checker is unknown or the answer's field is one that is read.
  explicit RowScorer(ScoreOptions options);
  /// `line` with the answer (a text, null without one) and the verdict; everything else keeps its bytes.
  /// Throws InputError naming `where`.
  std::string score(const std::string& line, const std::string& where);
  [[nodiscard]] const ScoreSummary& summary() const { return summary_; }

 private:
  ScoreOptions options_;
  ScoreSummary summary_;
  bool settled_ = false;
};

/// Scores every line of `file` ("-": standard input) that is not blank; `write` gets each new row without a
/// newline. Memory for one row. Throws InputError naming file and line, also when there are no rows.
ScoreSummary score_file(const std::filesystem::path& file, const ScoreOptions& options,
                        const std::function<void(std::string_view)>& write);

}  // namespace wisk::task
