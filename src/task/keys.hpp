#pragma once
// The one list of keys that a task file may have: the reader checks against it, the documentation is printed
// from it.

#include <array>
#include <string_view>

namespace wisk::task {

struct Key {
  std::string_view path;  ///< "prompt.template"
  std::string_view type;
  std::string_view by_default;
  std::string_view meaning;
};

inline constexpr std::array kKeys = std::to_array<Key>({
    {"name", "text", "the file's name", "Name of the task in tables and results."},
    {"data", "path", "required", "The problems: JSONL, one JSON object a line. Relative to the task file."},
    {"fields.id", "field name", "none",
     "Field that holds a problem's id (text or integer). Without it the id is the XXH3-64 hash of the "
     "question, so that a "
     "subset or a reordered file draws the same samples."},
    {"fields.question", "field name", "`question`", "Field that holds the question."},
    {"fields.gold", "field name", "`answer`", "Field that holds the gold answer: text or number."},
    {"problems.first", "integer", "all", "Take only the first so many problems of the file."},
    {"problems.select", "list of ids", "all", "Take only these problems, in the order of the file."},
    {"split.share", "number between 0 and 1", "none",
     "Share of the problems that the best arm is chosen on; its number is reported on the others. The hash "
     "of "
     "the id decides, so that a subset or a reordered file keeps its sides."},
    {"split.field", "field name", "none",
     "Instead of a share: the field whose values decide. Rows with any other value are on neither side."},
    {"split.choose", "text or list", "none", "Values of `split.field` of the problems to choose on."},
    {"split.report", "text or list", "none", "Values of `split.field` of the problems to report on."},
    {"prompt.template", "text", "required",
     "The prompt of one problem, or the user's message in a chat. `{question}` stands for the question, "
     "`{NAME}` for the field "
     "NAME of the row, `{{NAME}}` for the text `{NAME}`; other braces are themselves."},
    {"prompt.few_shot", "list", "none",
     "Examples shown before the problem; each has `answer` and what the template names. In a chat they are "
     "turns."},
    {"prompt.delimiter", "text", "one space",
     "Between an example's rendered template and its answer (plain prompts)."},
    {"prompt.separator", "text", "an empty line",
     "Between examples, and before the problem (plain prompts)."},
    {"prompt.system", "text", "none", "System message of a chat; the beginning of a plain prompt."},
    {"prompt.chat", "`plain`, `auto`, `chatml`, `llama3`, `gemma`, `mistral`", "`plain`",
     "`auto` recognises the format from the checkpoint's own chat template; `plain` is no chat."},
    {"stop", "list of texts", "none",
     "A sample ends before the first of these. The job's `decode.stop` is added to them."},
    {"answer.checker", "`number`", "`number`", "How an answer is compared with the gold."},
    {"answer.extract", "list", "`[\"####\", boxed, answer is, last number]`",
     "Where the answer is looked for, in this order; any other text is looked for as it is and the number "
     "follows it. "
     "Without `last number` a completion without a marker has no answer."},
    {"answer.gold_marker", "text", "none",
     "The gold follows the last such marker in its field. Without it: what follows `####` or is in the last "
     "`\\boxed{}`, if "
     "there is one, else the whole field."},
    {"answer.skip_other_golds", "`true` or `false`", "`false`",
     "Leaves out problems whose gold is no number; without it they are an error. The numeric subset of a "
     "benchmark is not the benchmark: its numbers compare with nothing published."},
});

}  // namespace wisk::task
