#include <wisk/run/job.hpp>

#include <algorithm>
#include <set>
#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>

#include "job_ends.hpp"
#include "job_keys.hpp"

namespace wisk::run {
namespace {

constexpr std::size_t kLargestFile = std::size_t{1} << 20;

/// "decode.top_p" is {"decode", "top_p"}; "seed" is {"", "seed"}.
std::pair<std::string, std::string> section_and_word(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {"", std::string(name)};
  return {std::string(name.substr(0, dot)), std::string(name.substr(dot + 1))};
}

/// What may stand in a section ("": at the top): words of keys, and names of sections.
std::vector<std::string> words_of(const std::string& section) {
  std::vector<std::string> words;
  for (const JobKey& key : job_keys()) {
    const auto [of, word] = section_and_word(key.name);
    const std::string candidate = of == section ? word : section.empty() ? of : "";
    if (!candidate.empty() && std::find(words.begin(), words.end(), candidate) == words.end()) {
      words.push_back(candidate);
    }
  }
  return words;
}

bool is_section(const std::string& word) {
  return std::any_of(job_keys().begin(), job_keys().end(),
                     [&](const JobKey& key) { return section_and_word(key.name).first == word; });
}

/// " (did you mean `decode.top_p`?)": the nearest word of its section, or the same word in another one.
std::string suggestion(const std::string& section, const std::string& word) {
  std::string nearest = nearest_word(word, words_of(section));
  if (!nearest.empty() && !section.empty()) nearest = section + "." + nearest;
  for (const JobKey& key : job_keys()) {
    const auto [other, same] = section_and_word(key.name);
    if (nearest.empty() && (same == word || key.name == word)) nearest = key.name;
  }
  return nearest.empty() ? "" : " (did you mean `" + nearest + "`?)";
}

/// Names every key that no row of the table knows, in one error.
class UnknownKeys {
 public:
  void look_at(const Value& map, const std::string& section) {
    const std::vector<std::string> known = words_of(section);
    for (const Value::Key& key : map.keys) {
      if (std::find(known.begin(), known.end(), key.name) != known.end()) continue;
      Value name = map;  // for its one-line form
      name.kind = Value::Kind::kPlain;
      name.text = key.name;
      const std::string shown = (section.empty() ? "`" : "`" + section + ".") + name.in_words() + "`";
      where_.push_back(map.find(key.name)->where(key.line) + ": key " + shown);
      found_.push_back(shown + suggestion(section, key.name));
      const std::string expected =
          "one of " + join(known, ", ") + (section.empty() ? "" : " under `" + section + "`");
      if (std::find(expected_.begin(), expected_.end(), expected) == expected_.end())
        expected_.push_back(expected);
    }
  }

  void throw_if_any() const {
    if (!where_.empty()) throw InputError(join(where_, "; "), join(expected_, "; "), join(found_, ", "));
  }

 private:
  std::vector<std::string> where_, expected_, found_;
};

void check_keys(const Value& root) {
  UnknownKeys unknown;
  unknown.look_at(root, "");
  for (std::size_t i = 0; i < root.items.size(); ++i) {
    if (!is_section(root.keys[i].name)) continue;
    if (root.items[i].kind != Value::Kind::kMap) {
      throw InputError(root.items[i].where() + ": key `" + root.keys[i].name + "`",
                       "a map of " + join(words_of(root.keys[i].name), ", "), root.items[i].in_words());
    }
    unknown.look_at(root.items[i], root.keys[i].name);
  }
  unknown.throw_if_any();
}

/// Lays one --set over the tree.
void apply_override(Value& root, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw UsageError("--set " + text + ": expected key=value, for instance decode.samples=8");
  }
  const auto origin =
      std::make_shared<const Origin>(Origin{"--set " + text, false, std::filesystem::current_path()});
  Value value = parse_yaml(text.substr(equals + 1), origin);
  const auto [section, word] = section_and_word(std::string_view(text).substr(0, equals));
  if (section.empty()) {
    root.set(word, std::move(value));
    return;
  }
  if (root.find(section) == nullptr || root.find(section)->kind != Value::Kind::kMap) {
    Value map;
    map.kind = Value::Kind::kMap;
    map.origin = origin;
    root.set(section, std::move(map));
  }
  Value inner = *root.find(section);
  inner.set(word, std::move(value));
  root.set(section, std::move(inner));
}

Value read_tree(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  const std::filesystem::path folder = std::filesystem::absolute(file).lexically_normal().parent_path();
  const auto origin = std::make_shared<const Origin>(Origin{file.string(), true, folder});
  Value root = parse_yaml(read_text(file, kLargestFile), origin);
  if (root.kind != Value::Kind::kMap) throw InputError(root.where(), "a map of keys", root.in_words());
  for (const std::string& text : overrides) apply_override(root, text);
  return root;
}

const Value* find(const Value& root, const JobKey& key) {
  const auto [section, word] = section_and_word(key.name);
  const Value* map = section.empty() ? &root : root.find(section);
  return map == nullptr ? nullptr : map->find(word);
}

Settings read_settings(const Value& root) {
  const auto defaults = std::make_shared<const Origin>(Origin{"default", false, {}});
  Settings settings;
  for (const JobKey& key : job_keys()) {
    if (const Value* value = find(root, key)) {
      const Field field{key.name, *value};
      key.read(field, settings);
      settings.where[key.name] = field.where();
    } else if (*key.fallback != '\0') {
      key.read({key.name, parse_yaml(key.fallback, defaults)}, settings);
    }
  }
  return settings;
}

/// Defaults that follow from other keys, and what keys demand of one another.
void complete(Settings& settings, const std::filesystem::path& file) {
  if (settings.name.empty()) settings.name = file.stem().string();
  const auto missing = [&](const char* key, const char* expected) {
    throw InputError(file.string() + ": key `" + key + "`", expected, "nothing");
  };
  if (settings.checkpoints.empty() && settings.trajectory.empty()) {
    missing("checkpoints", "at least one checkpoint, as a map of names to folders");
  }
  if (settings.task.empty()) missing("task", "the task file");
  const auto samples = static_cast<std::int64_t>(settings.decode.samples);
  if (settings.k.empty()) {
    for (std::int64_t k = 1; k <= samples; k *= 2) settings.k.push_back(k);
  }
  std::vector<std::string> above;
  for (const std::int64_t k : settings.k) {
    if (k > samples) above.push_back(std::to_string(k));
  }
  if (!above.empty()) {
    throw InputError(settings.where.at("k"), "k of at most decode.samples, " + std::to_string(samples),
                     join(above, ", "));
  }
}

/// Keys of the machine, not of the experiment.
bool is_resource(const JobKey& key) {
  const std::string_view name = key.name;
  return name.starts_with("engine.") || name == "durability" || name == "model.tensor_parallel";
}

std::string resolved(const Settings& settings, bool with_resources) {
  std::string text, open_section;
  for (const JobKey& key : job_keys()) {
    if (!with_resources && is_resource(key)) continue;
    const auto [section, word] = section_and_word(key.name);
    if (section != open_section && !section.empty()) text += section + ":\n";
    open_section = section;
    text += (section.empty() ? "" : "  ") + word + ": " + key.show(settings) + "\n";
  }
  return text;
}

}  // namespace

Job load_job(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  const Value root = read_tree(file, overrides);
  check_keys(root);
  Settings settings = read_settings(root);
  complete(settings, file);
  resolve_ends(settings);
  Job job;
  job.arms = make_arms(settings);
  job.resolved_yaml = resolved(settings, true);
  job.experiment_yaml = resolved(settings, false);
  for (const JobKey& key : job_keys()) {
    if (key.identity != nullptr) job.result_keys.emplace_back(key.name, key.identity(settings));
  }
  job.name = std::move(settings.name);
  job.seed = settings.seed;
  job.checkpoints = std::move(settings.checkpoints);
  job.task = std::move(settings.task);
  job.model = settings.model;
  job.engine = settings.engine;
  job.k = std::move(settings.k);
  return job;
}

std::string job_key_reference() {
  std::string table = "| key | type | default | changes results | meaning |\n|---|---|---|---|---|\n";
  for (const JobKey& key : job_keys()) {
    const std::string fallback =
        *key.fallback != '\0' ? std::string("`").append(key.fallback).append("`") : key.otherwise;
    table += "| `" + std::string(key.name) + "` | " + key.type + " | " + fallback + " | " +
             (key.identity != nullptr ? "yes" : "no") + " | " + key.meaning + " |\n";
  }
  return table;
}

}  // namespace wisk::run
