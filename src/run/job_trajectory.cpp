#include "job_trajectory.hpp"

#include <glob.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <wisk/core/error.hpp>

namespace wisk::run {
namespace {

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

/// `path` as a pattern that matches nothing else.
std::string without_wildcards(const std::string& path) {
  std::string escaped;
  for (const char c : path) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// The folders that a pattern matches, absolute.
std::vector<std::filesystem::path> matches(const Field& field) {
  const std::string text = read_text_value(field);
  const std::string base = without_wildcards(field.value.origin->base.string());
  const std::string pattern = text.front() == '/' ? text : base + "/" + text;
  ::glob_t found{};
  std::vector<std::filesystem::path> folders;
  if (text.find('\0') == std::string::npos && ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      std::filesystem::path folder = std::filesystem::path(found.gl_pathv[i]).lexically_normal();
      if (!folder.has_filename()) folder = folder.parent_path();
      std::error_code ignored;
      if (std::filesystem::is_directory(folder, ignored)) folders.push_back(folder);
    }
  }
  ::globfree(&found);
  if (folders.empty())
    field.fail("folders that match " + text, "none in " + field.value.origin->base.string());
  return folders;
}

/// The last run of digits in a folder's name.
std::optional<std::int64_t> step_number(const std::string& name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto end = std::find_if(name.rbegin(), name.rend(), is_digit).base();
  const auto begin = std::find_if_not(std::make_reverse_iterator(end), name.rend(), is_digit).base();
  std::int64_t number = 0;
  const auto [last, error] =
      std::from_chars(&*name.begin() + (begin - name.begin()), &*name.begin() + (end - name.begin()), number);
  if (begin == end || error != std::errc{}) return std::nullopt;
  return number;
}

void add_steps(const Field& field, std::vector<Step>& steps) {
  // A folder whose name holds a wildcard's letter is itself, as in the resolved job.
  const std::string text = read_text_value(field);
  std::error_code ignored;
  const bool is_pattern =
      has_wildcard(text) && !std::filesystem::exists(field.value.origin->base / text, ignored);
  const auto folders = is_pattern ? matches(field) : std::vector{read_path(field, true)};
  for (const std::filesystem::path& folder : folders) {
    const std::optional<std::int64_t> number = step_number(folder.filename().string());
    if (!number) field.fail("a step number in the name of every folder", folder.filename().string());
    steps.push_back({folder, *number});
  }
}

}  // namespace

std::vector<Step> read_trajectory(const Field& field) {
  std::vector<Step> steps;
  if (field.value.kind == Value::Kind::kList) {
    for (const Value& item : field.value.items) add_steps({field.key, item}, steps);
  } else {
    add_steps(field, steps);
  }
  const auto by_number = [](const Step& a, const Step& b) { return a.number < b.number; };
  std::stable_sort(steps.begin(), steps.end(), by_number);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    if (steps[i - 1].number == steps[i].number) {
      field.fail("one folder for each step", steps[i - 1].folder.string() + " and " +
                                                 steps[i].folder.string() + ", both step " +
                                                 std::to_string(steps[i].number));
    }
  }
  return steps;
}

}  // namespace wisk::run
