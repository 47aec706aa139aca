#pragma once
// From YAML values to checked C++ ones, and back to canonical YAML.

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "job_yaml.hpp"

namespace wisk::run {

/// The value of one key, with what an error needs. A view: lives shorter than its tree.
struct Field {
  std::string key;  ///< "decode.temperature"
  const Value& value;

  [[nodiscard]] std::string where() const { return value.where() + ": key `" + key + "`"; }
  [[noreturn]] void fail(const std::string& expected) const { fail(expected, value.in_words()); }
  [[noreturn]] void fail(const std::string& expected, const std::string& found) const;
};

/// Each of these throws InputError unless the value is what `expected` says.
/// A finite number for which `allows` holds; -0 becomes 0. `expected`: "a number from 0 to 1".
double read_number(const Field& field, const std::string& expected,
                   const std::function<bool(double)>& allows);
std::int64_t read_whole(const Field& field, std::int64_t low, std::int64_t high);
std::uint64_t read_unsigned(const Field& field);
bool read_flag(const Field& field);
/// Text, quoted or not; not empty.
std::string read_text_value(const Field& field);
/// One of `choices`; a near miss gets a suggestion.
std::string read_choice(const Field& field, const std::vector<std::string>& choices);
/// "4GiB", "1.5 GB", "4096" (bytes).
std::uint64_t read_bytes(const Field& field);
/// An existing file or folder, absolute and without "." and "..".
std::filesystem::path read_path(const Field& field, bool is_folder);

/// One value or a list of values; the same value twice is an error.
template <typename Read>
auto read_list(const Field& field, Read read) {
  std::vector<decltype(read(field))> values;
  if (field.value.kind != Value::Kind::kList) {
    values.push_back(read(field));
    return values;
  }
  std::set<decltype(read(field))> seen;
  for (const Value& item : field.value.items) {
    const Field element{field.key, item};
    values.push_back(read(element));
    if (!seen.insert(values.back()).second) element.fail("each value once", item.in_words() + " again");
  }
  return values;
}

/// The shortest decimal that reads back as the same double.
std::string show_number(double value);
/// Text as a YAML scalar: plain where that is safe, else double-quoted.
std::string show_text(std::string_view text);
/// "8MiB": the largest binary unit that divides it.
std::string show_bytes(std::uint64_t bytes);

/// "[a, b]".
template <typename T, typename Show>
std::string show_list(const std::vector<T>& values, Show show) {
  std::string all = "[";
  for (const T& value : values) {
    if (all.size() > 1) all += ", ";
    all += show(value);
  }
  return all + "]";
}

}  // namespace wisk::run
