#pragma once
// The task file as read from YAML, before its problems are.

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wisk::task {

/// How the problems are split in two: by a share of their ids' hashes, or by the values of a field.
struct Split {
  std::string where;  ///< "FILE:LINE: split"
  std::optional<double> share;
  std::string field;                        ///< without a share
  std::vector<std::string> choose, report;  ///< values of `field`
};

struct TaskFile {
  std::filesystem::path path;
  std::string name;
  std::filesystem::path data;  ///< resolved against the task file's folder
  std::string data_where;      ///< "FILE:LINE: data"
  std::optional<std::string> id_field;
  std::string question_field, gold_field;
  std::optional<std::size_t> first;
  std::vector<std::string> select;
  std::string prompt_template;
  std::string template_where;
  std::vector<std::map<std::string, std::string>> few_shot;  ///< fields of each, "answer" among them
  std::string delimiter, separator, system;
  std::optional<std::string> chat;  ///< none: plain
  std::vector<std::string> stop;
  std::string checker;
  std::vector<std::string> extract;
  std::string gold_marker;
  bool skip_other_golds = false;
  std::optional<Split> split;
};

/// Throws InputError naming file and line.
TaskFile read_task_file(const std::filesystem::path& file);

}  // namespace wisk::task
