#pragma once
// From a completion to a verdict, without a task file: what `wisk score` and Task::judge() share.

#include <span>
#include <string>
#include <string_view>

#include <wisk/core/verdict.hpp>
#include <wisk/task/task.hpp>

namespace wisk::task {

/// Judges `completion` by the checker `number` against `gold`, a text that read_number() accepts (anything
/// else is matched by nothing). `markers` as in extract_number(). Pure; never throws on odd bytes.
Judgement judge_number(std::string_view gold, std::string_view completion, FinishReason reason,
                       std::span<const std::string> markers);

}  // namespace wisk::task
