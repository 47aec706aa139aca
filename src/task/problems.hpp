#pragma once
// The problems of a task file.

#include <string>
#include <vector>

#include <wisk/task/problem.hpp>

#include "task_file.hpp"

namespace wisk::task {

/// Reads task.data. Each problem's fields are those that `names` lists (the template's placeholders).
/// Throws InputError as Task::load() documents.
std::vector<Problem> read_problems(const TaskFile& task, const std::vector<std::string>& names);

}  // namespace wisk::task
