#include "task_file.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include <yaml-cpp/yaml.h>

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>
#include <wisk/task/number.hpp>
#include <wisk/task/task.hpp>

#include "keys.hpp"
#include "utf8.hpp"

namespace wisk::task {
namespace {

constexpr std::size_t kMaxFileBytes = 4u << 20u;

/// Keys directly below `section` ("" is the top).
std::vector<std::string> keys_of(const std::string& section) {
  std::vector<std::string> keys;
  const std::string prefix = section.empty() ? "" : section + ".";
  for (const Key& key : kKeys) {
    if (!key.path.starts_with(prefix)) continue;
    const std::string_view rest = key.path.substr(prefix.size());
    const std::string name(rest.substr(0, rest.find('.')));
    if (std::find(keys.begin(), keys.end(), name) == keys.end()) keys.push_back(name);
  }
  return keys;
}

/// Reads one YAML document; every error names file, line and key. Not thread-safe, lives for one file.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& file) : file_(file) {}

  YAML::Node document() {
    const std::string text = read_text(file_, kMaxFileBytes);
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t length = utf8_length(rest);
      if (length == 0) {
        const auto line =
            1 + std::count(text.begin(), text.end() - static_cast<std::ptrdiff_t>(rest.size()), '\n');
        throw InputError(file_.string() + ":" + std::to_string(line), "UTF-8", "other bytes");
      }
      rest.remove_prefix(length);
    }
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(text);
      if (documents.size() != 1 || !documents[0].IsMap()) {
        throw InputError(file_.string(), "one YAML mapping with the keys of a task file (docs/task-file.md)",
                         documents.empty() ? "an empty file" : "something else");
      }
      return documents[0];
    } catch (const YAML::Exception& error) {
      throw InputError(file_.string() + ":" + std::to_string(error.mark.line + 1), "YAML", error.msg);
    }
  }

  [[nodiscard]] std::string where(const YAML::Node& node, const std::string& key) const {
    const int line = node.Mark().line;  // -1 for a node that is not in the file
    std::string place = file_.string();
    if (line >= 0) place.append(":").append(std::to_string(line + 1));
    return place.append(": ").append(key);
  }

  [[noreturn]] void fail(const YAML::Node& node, const std::string& key, const std::string& expected) const {
    const std::string found = !node.IsDefined() || node.IsNull() ? "nothing"
                              : node.IsScalar()                  ? quoted(node.Scalar(), 80)
                              : node.IsMap()                     ? "a mapping"
                                                                 : "a list";
    throw InputError(where(node, key), expected, found);
  }

  /// Throws when `map` has a key that is not among `known`, or one twice.
  void check_keys(const YAML::Node& map, const std::string& section,
                  const std::vector<std::string>& known) const {
    std::set<std::string> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) fail(entry.first, section, "a key that is text");
      const std::string key = entry.first.Scalar();
      const std::string name = section.empty() ? key : section + "." + key;
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        throw InputError(where(entry.first, name), "one of the keys " + join(known, ", "),
                         "the unknown key \"" + valid_utf8(key, 80) + "\"" + did_you_mean(key, known));
      }
      if (!seen.insert(key).second) throw InputError(where(entry.first, name), "each key once", "it twice");
    }
  }

  /// A mapping below the top, or an undefined node.
  YAML::Node section(const YAML::Node& top, const std::string& name) const {
    const YAML::Node node = top[name];
    if (!node.IsDefined()) return YAML::Node(YAML::NodeType::Map);
    if (!node.IsMap()) fail(node, name, "a mapping with the keys " + join(keys_of(name), ", "));
    check_keys(node, name, keys_of(name));
    return node;
  }

  [[nodiscard]] std::optional<std::string> text(const YAML::Node& map, const std::string& key,
                                                const std::string& name, bool may_be_empty) const {
    const YAML::Node node = map[key];
    if (!node.IsDefined()) return std::nullopt;
    if (!node.IsScalar() || (!may_be_empty && node.Scalar().empty())) {
      // yaml-cpp places an absent value on the next line: name the key's.
      for (const auto& entry : map) {
        if (node.IsNull() && entry.first.Scalar() == key) {
          throw InputError(where(entry.first, name), "text", "nothing");
        }
      }
      fail(node, name, may_be_empty ? "text" : "text that is not empty");
    }
    return node.Scalar();
  }

  [[nodiscard]] std::string required(const YAML::Node& map, const std::string& key,
                                     const std::string& name) const {
    auto value = text(map, key, name, false);
    if (!value) throw InputError(file_.string() + ": " + name, "this key", "none");
    return *value;
  }

  [[nodiscard]] std::vector<std::string> texts(const YAML::Node& map, const std::string& key,
                                               const std::string& name) const {
    const YAML::Node node = map[key];
    std::vector<std::string> list;
    if (!node.IsDefined()) return list;
    if (!node.IsSequence()) fail(node, name, "a list of texts");
    for (const YAML::Node& item : node) {
      if (!item.IsScalar() || item.Scalar().empty()) fail(item, name, "texts that are not empty");
      list.push_back(item.Scalar());
    }
    return list;
  }

  /// One text or a list of at least one; none when the key is not there.
  [[nodiscard]] std::vector<std::string> values(const YAML::Node& map, const std::string& key,
                                                const std::string& name) const {
    const YAML::Node node = map[key];
    if (!node.IsDefined()) return {};
    if (!node.IsSequence()) return {*text(map, key, name, false)};
    if (node.size() == 0) fail(node, name, "at least one value");
    return texts(map, key, name);
  }

  [[nodiscard]] bool flag(const YAML::Node& map, const std::string& key, const std::string& name) const {
    return one_of(map, key, name, {"false", "true"}) == "true";
  }

  [[nodiscard]] std::string one_of(const YAML::Node& map, const std::string& key, const std::string& name,
                                   const std::vector<std::string>& choices) const {
    const auto value = text(map, key, name, false);
    if (!value) return choices.front();
    if (std::find(choices.begin(), choices.end(), *value) == choices.end()) {
      throw InputError(where(map[key], name), "one of " + join(choices, ", "),
                       quoted(*value, 80) + did_you_mean(*value, choices));
    }
    return *value;
  }

  [[nodiscard]] std::optional<std::size_t> count(const YAML::Node& map, const std::string& key,
                                                 const std::string& name) const {
    const auto value = text(map, key, name, false);
    if (!value) return std::nullopt;
    const bool digits = value->size() <= 9 && value->find_first_not_of("0123456789") == std::string::npos;
    const std::size_t number = digits ? std::stoul(*value) : 0;
    if (number == 0) fail(map[key], name, "an integer of at least 1");
    return number;
  }

 private:
  std::filesystem::path file_;
};

void read_prompt(const Reader& reader, const YAML::Node& top, TaskFile& task) {
  const YAML::Node prompt = reader.section(top, "prompt");
  task.prompt_template = reader.required(prompt, "template", "prompt.template");
  task.template_where = reader.where(prompt["template"], "prompt.template");
  task.delimiter = reader.text(prompt, "delimiter", "prompt.delimiter", true).value_or(" ");
  task.separator = reader.text(prompt, "separator", "prompt.separator", true).value_or("\n\n");
  task.system = reader.text(prompt, "system", "prompt.system", true).value_or("");
  const std::string chat =
      reader.one_of(prompt, "chat", "prompt.chat", {"plain", "auto", "chatml", "llama3", "gemma", "mistral"});
  if (chat != "plain") task.chat = chat;
  const YAML::Node shots = prompt["few_shot"];
  if (!shots.IsDefined()) return;
  if (!shots.IsSequence()) reader.fail(shots, "prompt.few_shot", "a list of examples");
  for (const YAML::Node& shot : shots) {
    if (!shot.IsMap()) reader.fail(shot, "prompt.few_shot", "a mapping with an answer");
    std::map<std::string, std::string> fields;
    for (const auto& entry : shot) {
      if (!entry.first.IsScalar() || !entry.second.IsScalar())
        reader.fail(entry.second, "prompt.few_shot", "texts");
      fields[entry.first.Scalar()] = entry.second.Scalar();
    }
    if (!fields.contains("answer")) {
      throw InputError(reader.where(shot, "prompt.few_shot"), "an example with the key answer",
                       "one without it");
    }
    task.few_shot.push_back(std::move(fields));
  }
}

/// A number above 0 and below 1.
double read_share(const Reader& reader, const YAML::Node& node) {
  double share = 0;
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  if (error != std::errc{} || end != text.data() + text.size() || !(share > 0 && share < 1)) {
    reader.fail(node, "split.share", "a number above 0 and below 1");
  }
  return share;
}

std::optional<Split> read_split(const Reader& reader, const YAML::Node& top) {
  const YAML::Node section = reader.section(top, "split");
  if (!top["split"].IsDefined()) return std::nullopt;
  Split split;
  split.where = reader.where(section, "split");
  const auto has = [&](const char* key) { return section[key].IsDefined(); };
  const bool by_share = has("share") && !has("field") && !has("choose") && !has("report");
  const bool by_field = has("field") && has("choose") && has("report") && !has("share");
  if (!by_share && !by_field) {
    std::vector<std::string> given;
    for (const auto& entry : section) given.push_back(entry.first.Scalar());
    throw InputError(split.where, "either share, or field with choose and report",
                     given.empty() ? "neither" : join(given, ", "));
  }
  split.field = reader.text(section, "field", "split.field", false).value_or("");
  split.choose = reader.values(section, "choose", "split.choose");
  split.report = reader.values(section, "report", "split.report");
  if (by_share) split.share = read_share(reader, section["share"]);
  for (const std::string& value : split.choose) {
    if (std::find(split.report.begin(), split.report.end(), value) != split.report.end()) {
      throw InputError(split.where, "different values of " + split.field + " to choose and to report on",
                       quoted(value, 80) + " on both sides");
    }
  }
  return split;
}

}  // namespace

TaskFile read_task_file(const std::filesystem::path& file) {
  Reader reader(file);
  const YAML::Node top = reader.document();
  reader.check_keys(top, "", keys_of(""));
  TaskFile task;
  task.path = file;
  task.name = reader.text(top, "name", "name", false).value_or(file.stem().string());
  task.data = reader.required(top, "data", "data");
  if (task.data.is_relative()) task.data = file.parent_path() / task.data;
  task.data_where = reader.where(top["data"], "data");

  const YAML::Node fields = reader.section(top, "fields");
  task.id_field = reader.text(fields, "id", "fields.id", false);
  task.question_field = reader.text(fields, "question", "fields.question", false).value_or("question");
  task.gold_field = reader.text(fields, "gold", "fields.gold", false).value_or("answer");

  const YAML::Node problems = reader.section(top, "problems");
  task.first = reader.count(problems, "first", "problems.first");
  task.select = reader.texts(problems, "select", "problems.select");
  if (problems["select"].IsDefined() && task.select.empty()) {
    reader.fail(problems["select"], "problems.select", "at least one id");
  }

  read_prompt(reader, top, task);
  task.stop = reader.texts(top, "stop", "stop");

  const YAML::Node answer = reader.section(top, "answer");
  task.checker = reader.one_of(answer, "checker", "answer.checker", {"number"});
  task.extract = reader.texts(answer, "extract", "answer.extract");
  if (task.extract.empty()) task.extract = default_markers();
  task.gold_marker = reader.text(answer, "gold_marker", "answer.gold_marker", false).value_or("");
  task.skip_other_golds = reader.flag(answer, "skip_other_golds", "answer.skip_other_golds");
  task.split = read_split(reader, top);
  return task;
}

std::string task_file_keys_markdown() {
  std::string table = "| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const Key& key : kKeys) {
    table.append("| `").append(key.path).append("` | ").append(key.type).append(" | ").append(key.by_default);
    table.append(" | ").append(key.meaning).append(" |\n");
  }
  return table;
}

}  // namespace wisk::task
