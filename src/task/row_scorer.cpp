#include <wisk/task/row_scorer.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>
#include <wisk/task/judge.hpp>
#include <wisk/task/number.hpp>

#include "ascii.hpp"
#include "json_lines.hpp"
#include "row.hpp"
#include "utf8.hpp"

namespace wisk::task {
namespace {

/// The named field, or the first of `candidates` that the row has.
std::string choose(const Row& row, const std::optional<std::string>& named,
                   const std::vector<std::string>& candidates, const std::string& what,
                   const std::string& option) {
  if (named) return *named;
  const auto found =
      std::find_if(candidates.begin(), candidates.end(), [&](const auto& name) { return row.has(name); });
  if (found != candidates.end()) return *found;
  throw InputError(row.where(),
                   "the " + what + " in a field named by " + option + " or one of " + join(candidates, ", "),
                   row.names().empty() ? "an empty object" : "only " + join(row.names(), ", "));
}

void settle(const Row& row, const ScoreOptions& options, ScoreSummary& summary) {
  summary.text_field = choose(row, options.text_field, text_field_names(), "completion", "--text");
  summary.gold_field = choose(row, options.gold_field, gold_field_names(), "gold answer", "--gold");
  if (!options.gold_field && summary.gold_field == "answer" && row.has("verdict")) {
    // Golds that are our own answers would make every sample correct.
    throw InputError(
        row.where(), "a gold answer (name its field with --gold)",
        "only the field \"answer\", which beside \"verdict\" is the answer of an earlier scoring");
  }
  summary.finish_field = options.finish_field.value_or(row.has("finish_reason") ? "finish_reason" : "");
  const bool taken = summary.gold_field == "answer" || summary.text_field == "answer";
  summary.answer_field = options.answer_field.value_or(taken ? "predicted_answer" : "answer");
  for (const std::string& read : {summary.text_field, summary.gold_field, summary.finish_field}) {
    if (read == summary.answer_field || read == "verdict") {
      throw UsageError("the field \"" + read +
                       "\" is read and would be overwritten; choose another with --answer-field");
    }
  }
}

FinishReason finish_of(const Row& row, const std::string& field) {
  if (field.empty()) return FinishReason::kEndOfSequence;
  const bool null = row.has(field) && row.is_null(field);
  const std::string reason = null ? "" : row.text(field);
  return reason == "length" || reason == "max_tokens" ? FinishReason::kLength : FinishReason::kEndOfSequence;
}

}  // namespace

const std::vector<std::string>& text_field_names() {
  static const std::vector<std::string> names = {"completion", "text",   "response",
                                                 "generation", "output", "pred",
                                                 "prediction", "resps",  "model_output"};
  return names;
}

const std::vector<std::string>& gold_field_names() {
  // "answer" comes last: beside another of these it is a model's answer.
  static const std::vector<std::string> names = {"gold", "expected_answer", "target", "reference", "answer"};
  return names;
}

RowScorer::RowScorer(ScoreOptions options) : options_(std::move(options)) {
  const std::vector<std::string> checkers = {"number"};
  if (std::find(checkers.begin(), checkers.end(), options_.checker) == checkers.end()) {
    throw UsageError("unknown checker \"" + options_.checker + "\"" +
                     did_you_mean(options_.checker, checkers) + "; known: " + join(checkers, ", "));
  }
  if (options_.extract.empty()) options_.extract = default_markers();
}

std::string RowScorer::score(const std::string& line, const std::string& where) {
  const Row row(line, where);
  if (!settled_) settle(row, options_, summary_);
  settled_ = true;
  const std::string gold = row.text(summary_.gold_field);
  const NumberReading expected = read_gold(gold, options_.gold_marker);
  if (expected.kind != NumberKind::kNumber) {
    const std::string tail = gold.size() > 40 ? gold.substr(gold.size() - 40) : gold;
    throw InputError(where + ": " + summary_.gold_field, "a gold with a number", quoted(trim(tail), 60));
  }
  const Judgement judgement = judge_number(expected.value.text(), row.text(summary_.text_field),
                                           finish_of(row, summary_.finish_field), options_.extract);
  ++summary_.rows;
  ++summary_.counts[static_cast<std::size_t>(judgement.verdict)];
  const std::string answer = judgement.answer.empty() ? "null" : nlohmann::json(judgement.answer).dump();
  const std::string verdict = nlohmann::json(std::string(name_of(judgement.verdict))).dump();
  return row.with({{summary_.answer_field, answer}, {"verdict", verdict}});
}

ScoreSummary score_file(const std::filesystem::path& file, const ScoreOptions& options,
                        const std::function<void(std::string_view)>& write) {
  RowScorer scorer(options);
  LineReader lines(file);
  for (std::string line; lines.next(line);) {
    if (!trim(line).empty()) write(scorer.score(line, lines.where()));
  }
  if (scorer.summary().rows == 0) throw InputError(file.string(), "at least one row", "an empty file");
  return scorer.summary();
}

}  // namespace wisk::task
