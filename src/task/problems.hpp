#pragma once
// The problems of a task file.

#include <cstddef>
#include <string>
#include <vector>

#include <wisk/task/problem.hpp>

#include "task_file.hpp"

namespace wisk::task {

struct Problems {
  std::vector<Problem> all;       ///< in the order of the file
  std::size_t skipped_golds = 0;  ///< rows left out by `answer.skip_other_golds`
};

/// Reads task.data. Each problem's fields are those that `names` lists (the template's placeholders).
/// Throws InputError as Task::load() documents.
Problems read_problems(const TaskFile& task, const std::vector<std::string>& names);

}  // namespace wisk::task
