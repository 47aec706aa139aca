#include <wisk/store/run_directory.hpp>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <set>

#include <wisk/core/error.hpp>
#include <wisk/core/hash.hpp>

namespace wisk::store {
namespace {

constexpr int kFormat = 1;
constexpr std::string_view kMarker =
    "run.json";  // the keys; written last: a folder that has it is a run directory
constexpr std::string_view kLock = "run.lock";

/// Whether a start that was killed half-way could have left exactly this: nothing foreign, no results.
bool is_free(const std::filesystem::path& path) {
  const std::set<std::string> ours = {std::string(kLock), "run.json.tmp", "job.yaml",
                                      "job.yaml.tmp",     "journal",      "log"};
  std::error_code error;
  bool locked_once = false;
  bool empty = true;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    const std::string name = entry.path().filename().string();
    if (!ours.contains(name)) return false;
    if ((name == "journal" || name == "log") && !std::filesystem::is_empty(entry.path(), error)) return false;
    locked_once = locked_once || name == kLock;
    empty = false;
  }
  if (error) throw EnvironmentError::from_errno(path.string(), "read folder", error.value());
  return empty || locked_once;
}

void make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw EnvironmentError::from_errno(path.string(), "make folder", error.value());
}

/// `text` in quotes on one line; a long value is cut, for a message stays readable.
std::string quoted(const std::string& text) {
  constexpr std::size_t kLimit = 120;
  const std::string all = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return all.size() <= kLimit ? all : all.substr(0, kLimit) + "...\"";
}

/// As JSON gives them back: what is not UTF-8 is replaced.
ResultKeys as_stored(const ResultKeys& keys) {
  const auto stored = [](const std::string& text) {
    return nlohmann::json::parse(
               nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))
        .get<std::string>();
  };
  ResultKeys result;
  for (const auto& [key, value] : keys) result.emplace_back(stored(key), stored(value));
  return result;
}

ResultKeys read_marker(const std::filesystem::path& file) {
  const auto json = nlohmann::json::parse(read_text(file, std::size_t{64} << 20), nullptr, false);
  const auto broken = [&](const std::string& found) {
    return InputError(file.string(), "the keys of a wisk run", found);
  };
  if (!json.is_object() || !json.contains("format") || !json.contains("keys")) throw broken("something else");
  if (json["format"] != kFormat) throw broken("format " + json["format"].dump());
  ResultKeys keys;
  if (!json["keys"].is_array()) throw broken("no list of keys");
  for (const auto& pair : json["keys"]) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      throw broken("a key that is no pair of texts");
    }
    keys.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  }
  return keys;
}

void refuse_another_job(const std::filesystem::path& path, const ResultKeys& there, const ResultKeys& here) {
  if (there == here) return;
  const auto find = [](const ResultKeys& keys, const std::string& key) {
    return std::find_if(keys.begin(), keys.end(), [&](const auto& pair) { return pair.first == key; });
  };
  std::vector<std::string> differences;
  for (const auto& [key, value] : there) {
    const auto now = find(here, key);
    if (now == here.end())
      differences.push_back(key + ": " + quoted(value) + " there, not in this job");
    else if (now->second != value)
      differences.push_back(key + ": " + quoted(value) + " there, " + quoted(now->second) + " now");
  }
  for (const auto& [key, value] : here) {
    if (find(there, key) == there.end())
      differences.push_back(key + ": not there, " + quoted(value) + " now");
  }
  if (differences.empty()) differences.push_back("the same keys in another order");
  throw InputError(path.string(), "the job that this run was started with, or another --out",
                   "a job that gives other results (" + join(differences, "; ") + ")");
}

}  // namespace

ResultKeys read_keys(const std::filesystem::path& directory) {
  const std::filesystem::path marker = directory / kMarker;
  if (!std::filesystem::exists(marker))
    throw InputError(directory.string(), "a run directory", "no " + std::string(kMarker) + " in it");
  return read_marker(marker);
}

std::uint64_t hash_of(const ResultKeys& keys) {
  std::string all;
  for (const auto& [key, value] : keys) {  // lengths keep "ab", "c" apart from "a", "bc"
    all += std::to_string(key.size()) + " " + std::to_string(value.size()) + " " + key + value;
  }
  return xxh3(all);
}

RunDirectory RunDirectory::create_or_resume(const std::filesystem::path& path, const ResultKeys& keys,
                                            std::string_view resolved_job_yaml,
                                            const RunLock::Options& lock) {
  std::error_code error;
  if (std::filesystem::exists(path, error) && !std::filesystem::is_directory(path, error)) {
    throw InputError(path.string(), "a run directory, or a name that is free", "a file");
  }
  make_folder(path);
  const auto refuse_foreign = [&] {
    if (std::filesystem::exists(path / kMarker) || is_free(path)) return;
    throw InputError(path.string(), "a run directory, or an empty or new folder",
                     "a folder with other files in it");
  };
  refuse_foreign();  // before anything is written into somebody's folder
  RunLock held = RunLock::take(path, lock);
  refuse_foreign();
  const bool resumed = std::filesystem::exists(path / kMarker);
  if (resumed) {
    refuse_another_job(path, read_marker(path / kMarker), as_stored(keys));
  }
  RunDirectory directory(path, std::move(held), resumed);
  make_folder(directory.journal());
  if (!resumed) {
    replace_file(directory.job(), resolved_job_yaml);
    auto list = nlohmann::json::array();
    for (const auto& [key, value] : as_stored(keys)) list.push_back(nlohmann::json::array({key, value}));
    const nlohmann::json marker = {{"format", kFormat}, {"job_hash", hex64(hash_of(keys))}, {"keys", list}};
    replace_file(path / kMarker, marker.dump(1) + "\n");
  }
  return directory;
}

}  // namespace wisk::store
