#include "job_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <wisk/core/error.hpp>

namespace wisk::run {
namespace {

/// `text` as a whole, a leading "+" allowed.
template <typename T>
std::optional<T> number_of(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr std::array<Unit, 9> kUnits = {{{"TiB", std::uint64_t{1} << 40},
                                         {"GiB", std::uint64_t{1} << 30},
                                         {"MiB", std::uint64_t{1} << 20},
                                         {"KiB", std::uint64_t{1} << 10},
                                         {"TB", 1000000000000},
                                         {"GB", 1000000000},
                                         {"MB", 1000000},
                                         {"KB", 1000},
                                         {"B", 1}}};

bool reads_as_text(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_safe = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("_./+-").find(c) != std::string_view::npos;
  };
  if (text.empty() || !(is_letter(text[0]) || text[0] == '/') ||
      !std::all_of(text.begin(), text.end(), is_safe)) {
    return false;
  }
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  static constexpr std::array<std::string_view, 11> kWords = {"true", "false", "null", "yes", "no", "on",
                                                              "off",  "nan",   "inf",  "y",   "n"};
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

}  // namespace

void Field::fail(const std::string& expected, const std::string& found) const {
  throw InputError(where(), expected, found);
}

double read_number(const Field& field, const std::string& expected,
                   const std::function<bool(double)>& allows) {
  const std::optional<double> value =
      field.value.kind == Value::Kind::kPlain ? number_of<double>(field.value.text) : std::nullopt;
  if (!value || !std::isfinite(*value) || !allows(*value)) field.fail(expected);
  return *value == 0 ? 0.0 : *value;
}

std::int64_t read_whole(const Field& field, std::int64_t low, std::int64_t high) {
  const std::optional<std::int64_t> value =
      field.value.kind == Value::Kind::kPlain ? number_of<std::int64_t>(field.value.text) : std::nullopt;
  if (!value || *value < low || *value > high) {
    field.fail("a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return *value;
}

std::uint64_t read_unsigned(const Field& field) {
  const std::optional<std::uint64_t> value =
      field.value.kind == Value::Kind::kPlain ? number_of<std::uint64_t>(field.value.text) : std::nullopt;
  if (!value) field.fail("a whole number from 0 to 18446744073709551615");
  return *value;
}

bool read_flag(const Field& field) {
  if (field.value.kind != Value::Kind::kPlain ||
      (field.value.text != "true" && field.value.text != "false")) {
    field.fail("true or false");
  }
  return field.value.text == "true";
}

std::string read_text_value(const Field& field) {
  if (!field.value.is_text() || field.value.text.empty()) {
    field.fail("text", field.value.is_text() ? "nothing" : field.value.in_words());
  }
  return field.value.text;
}

std::string read_choice(const Field& field, const std::vector<std::string>& choices) {
  const std::string expected = choices.size() == 1 ? choices[0] : "one of " + join(choices, ", ");
  if (!field.value.is_text()) field.fail(expected);
  if (std::find(choices.begin(), choices.end(), field.value.text) == choices.end()) {
    field.fail(expected, field.value.in_words() + did_you_mean(field.value.text, choices));
  }
  return field.value.text;
}

std::uint64_t read_bytes(const Field& field) {
  static constexpr const char* kExpected = "auto or a size such as 4GiB";
  constexpr double kMost = 1e18;
  if (!field.value.is_text()) field.fail(kExpected);
  std::string_view text = field.value.text;
  std::uint64_t unit = 1;
  for (const Unit& candidate : kUnits) {
    if (!text.ends_with(candidate.name)) continue;
    text.remove_suffix(candidate.name.size());
    if (text.ends_with(' ')) text.remove_suffix(1);
    unit = candidate.bytes;
    break;
  }
  const std::optional<double> count = number_of<double>(text);
  const double bytes = count.value_or(0) * static_cast<double>(unit);
  if (!count || !(bytes >= 1 && bytes <= kMost)) field.fail(kExpected);
  if (const auto whole = number_of<std::uint64_t>(text)) return *whole * unit;  // exact, also above 2^53
  return static_cast<std::uint64_t>(bytes);
}

std::filesystem::path read_path(const Field& field, bool is_folder) {
  const std::string expected = is_folder ? "an existing folder" : "an existing file";
  const std::string text = read_text_value(field);
  if (text.find('\0') != std::string::npos) field.fail(expected);
  std::filesystem::path path = (field.value.origin->base / text).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "folder/"
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    field.fail(expected,
               path.string() + " (" + (error ? error.message() : "No such file or directory") + ")");
  }
  if (is_folder != std::filesystem::is_directory(status)) {
    field.fail(expected, path.string() + (is_folder ? ", a file" : ", a folder"));
  }
  return path;
}

std::string show_number(double value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), end};
}

std::string show_text(std::string_view text) {
  if (reads_as_text(text)) return std::string(text);
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (code < 0x20 || code == 0x7f) {
      quoted += {'\\', 'x', kDigits[code >> 4], kDigits[code & 15]};
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string show_bytes(std::uint64_t bytes) {
  for (const Unit& unit : kUnits) {
    const bool is_binary = unit.name.size() == 3;
    if (is_binary && bytes >= unit.bytes && bytes % unit.bytes == 0) {
      return std::to_string(bytes / unit.bytes) + std::string(unit.name);
    }
  }
  return std::to_string(bytes) + "B";
}

}  // namespace wisk::run
