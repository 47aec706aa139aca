#include "row.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>

#include "ascii.hpp"
#include "utf8.hpp"

namespace wisk::task {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxNames = 30;  ///< names that a message lists

std::string kind_of(std::string_view value) {
  switch (value.empty() ? 'n' : value.front()) {
    case 'n':
      return "null";
    case '[':
      return "a list";
    case '{':
      return "an object";
    default:
      return valid_utf8(value, 60);
  }
}

/// The end of the string that begins at `at`, in valid JSON.
std::size_t end_of_string(std::string_view line, std::size_t at) {
  for (++at; line[at] != '"'; ++at) {
    if (line[at] == '\\') ++at;
  }
  return at + 1;
}

/// The end of the value that begins at `at`, in valid JSON.
std::size_t end_of_value(std::string_view line, std::size_t at) {
  if (line[at] == '"') return end_of_string(line, at);
  if (line[at] != '{' && line[at] != '[') return line.find_first_of(",} \t\r\n", at);
  std::size_t depth = 0;
  do {
    const char c = line[at];
    if (c == '"') {
      at = end_of_string(line, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at;
  } while (depth > 0);
  return at;
}

std::string unquoted(std::string_view string) {
  if (string.find('\\') == std::string_view::npos) return std::string(string.substr(1, string.size() - 2));
  return json::parse(string).get<std::string>();
}

/// The text that `value` (valid JSON) is.
std::optional<std::string> scalar(std::string_view value) {
  while (value.starts_with('[')) {
    // lm-eval keeps a completion as [["..."]].
    const std::size_t begin = value.find_first_not_of(" \t\r\n", 1);
    if (value[begin] == ']') return std::nullopt;
    std::size_t end = 0;
    if (value[begin] == '"' || value[begin] == '[' || value[begin] == '{') {
      end = end_of_value(value, begin);
    } else {
      end = value.find_first_of(",] \t\r\n", begin);
    }
    if (value[value.find_first_not_of(" \t\r\n", end)] != ']') return std::nullopt;
    value = value.substr(begin, end - begin);
  }
  if (value.starts_with('"')) return unquoted(value);
  if (value.starts_with('{') || value == "null") return std::nullopt;
  return std::string(value);
}

}  // namespace

Row::Row(std::string line, std::string where) : line_(std::move(line)), where_(std::move(where)) {
  if (!json::accept(line_)) {
    try {
      [[maybe_unused]] const json value = json::parse(line_);
    } catch (const json::parse_error& error) {
      throw InputError(where_, "a JSON object in UTF-8", "an error at byte " + std::to_string(error.byte));
    } catch (const json::exception&) {
      throw InputError(where_, "a JSON object in UTF-8", "a number that is out of range");
    }
  }
  const std::string_view value = trim(line_);
  if (!value.starts_with('{')) throw InputError(where_, "a JSON object", kind_of(value));
  find_members();
}

void Row::find_members() {
  const std::string_view line = line_;
  const auto skip = [&](std::size_t at) { return line.find_first_not_of(" \t\r\n", at); };
  std::size_t at = skip(skip(0) + 1);
  while (line[at] != '}') {
    const std::size_t key_end = end_of_string(line, at);
    std::string name = unquoted(line.substr(at, key_end - at));
    const std::size_t colon = skip(key_end), begin = skip(colon + 1), end = end_of_value(line, begin);
    if (members_.empty()) compact_ = begin == colon + 1;
    members_.push_back({std::move(name), begin, end});
    at = skip(end);
    if (line[at] == ',') at = skip(at + 1);
  }
  std::vector<std::string_view> sorted;
  for (const Member& member : members_) sorted.push_back(member.name);
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) throw InputError(where_ + ": " + quoted(*twice), "each key once", "it twice");
}

const Row::Member* Row::find(std::string_view name) const {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.name == name; });
  return found == members_.end() ? nullptr : &*found;
}

bool Row::has(std::string_view name) const {
  return find(name) != nullptr;
}

bool Row::is_null(std::string_view name) const {
  const Member* member = find(name);
  return member != nullptr && line_[member->begin] == 'n';
}

std::vector<std::string> Row::names() const {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < members_.size() && i < kMaxNames; ++i)
    all.push_back(valid_utf8(members_[i].name, 80));
  if (members_.size() > kMaxNames) all.push_back("...");
  return all;
}

std::vector<std::pair<std::string, std::string>> Row::scalars() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const Member& member : members_) {
    const std::string_view value = std::string_view(line_).substr(member.begin, member.end - member.begin);
    if (value.starts_with('[')) continue;
    if (auto text = scalar(value)) all.emplace_back(member.name, std::move(*text));
  }
  return all;
}

std::string Row::text_at_pointer(const std::string& pointer) const {
  try {
    const json row = json::parse(line_);
    const auto value = scalar(row.at(json::json_pointer(pointer)).dump());
    if (value) return *value;
  } catch (const json::exception&) {
    throw InputError(where_, "a value at the JSON pointer " + pointer, "none");
  }
  throw InputError(where_ + ": " + pointer, "text", "a value that is no text");
}

std::string Row::text(const std::string& name) const {
  const Member* member = find(name);
  if (member == nullptr) {
    if (name.starts_with('/')) return text_at_pointer(name);
    throw InputError(
        where_, "the field \"" + name + "\"",
        members_.empty() ? "an empty object" : "only " + join(names(), ", ") + did_you_mean(name, names()));
  }
  const std::string_view value = std::string_view(line_).substr(member->begin, member->end - member->begin);
  auto read = scalar(value);
  if (!read) throw InputError(where_ + ": " + name, "text", kind_of(value));
  return std::move(*read);
}

std::string Row::with(const std::vector<std::pair<std::string, std::string>>& values) const {
  struct Edit {
    std::size_t begin, end;
    std::string text;
  };
  std::vector<Edit> edits;
  const std::size_t last = members_.empty() ? line_.find('{') + 1 : members_.back().end;
  std::string added;
  for (const auto& [name, value] : values) {
    if (const Member* member = find(name)) {
      edits.push_back({member->begin, member->end, value});
      continue;
    }
    if (!members_.empty() || !added.empty()) added += compact_ ? "," : ", ";
    added += json(name).dump();
    added += compact_ ? ":" : ": ";
    added += value;
  }
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
  edits.push_back({last, last, std::move(added)});
  std::string changed;
  changed.reserve(line_.size() + 64);
  std::size_t at = 0;
  for (const Edit& edit : edits) {
    changed.append(line_, at, edit.begin - at).append(edit.text);
    at = edit.end;
  }
  return changed.append(line_, at);
}

}  // namespace wisk::task
