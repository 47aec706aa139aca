#include "job_ends.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <set>
#include <wisk/core/error.hpp>

#include "job_values.hpp"

namespace wisk::run {
namespace {

/// A checkpoint at one end of an interpolation.
struct End {
  merge::Ingredient checkpoint;
  std::filesystem::path real;  ///< its folder without links
  bool by_pattern = false;     ///< not asked for by name
};

std::vector<std::string> names_of(const std::vector<merge::Ingredient>& checkpoints) {
  std::vector<std::string> names;
  for (const merge::Ingredient& checkpoint : checkpoints) names.push_back(checkpoint.name);
  return names;
}

/// The checkpoint called `name`. Throws InputError of `key` with the nearest name.
const merge::Ingredient& named(const Settings& settings, const std::vector<merge::Ingredient>& known,
                               const std::string& name, const std::string& key) {
  for (const merge::Ingredient& checkpoint : known) {
    if (checkpoint.name == name) return checkpoint;
  }
  const bool is_default = settings.where.find(key) == settings.where.end();
  const std::vector<std::string> names = names_of(known);
  throw InputError(
      where_of(settings, is_default ? "blend.delta" : key),
      "a checkpoint named `" + name + "`" + (is_default ? " (or `" + key + "` to name another)" : ""),
      (names.empty() ? "no checkpoints" : join(names, ", ")) + did_you_mean(name, names));
}

bool is_pattern(const std::string& text, const std::vector<std::string>& names) {
  return text.find_first_of("*?[") != std::string::npos &&
         std::find(names.begin(), names.end(), text) == names.end();
}

std::vector<End> ends_of(const Settings& settings, const std::vector<std::string>& texts,
                         const std::string& key) {
  const std::vector<merge::Ingredient> known = known_checkpoints(settings);
  const std::vector<std::string> names = names_of(known);
  std::vector<End> ends;
  const auto add = [&](const merge::Ingredient& checkpoint, bool by_pattern) {
    const auto is_it = [&](const End& end) { return end.checkpoint.name == checkpoint.name; };
    if (std::any_of(ends.begin(), ends.end(), is_it))
      throw InputError(where_of(settings, key), "each checkpoint once", checkpoint.name + " again");
    ends.push_back({checkpoint, real_folder(checkpoint.folder), by_pattern});
  };
  for (const std::string& text : texts) {
    if (!is_pattern(text, names)) {
      add(named(settings, known, text, key), false);
      continue;
    }
    const std::size_t before = ends.size();
    for (const merge::Ingredient& checkpoint : known) {
      if (::fnmatch(text.c_str(), checkpoint.name.c_str(), 0) == 0) add(checkpoint, true);
    }
    if (ends.size() == before) {
      throw InputError(where_of(settings, key), "names of checkpoints that match " + text,
                       "none among " + join(names, ", "));
    }
  }
  return ends;
}

[[noreturn]] void fail_as_both(const Settings& settings, const End& end, const End& other) {
  const std::string& name = end.checkpoint.name;
  throw InputError(where_of(settings, "blend.delta"), "different checkpoints as early and late",
                   name == other.checkpoint.name ? name + " as both"
                                                 : name + " and " + other.checkpoint.name + ", one folder");
}

/// The names of the ends that have another one; a pattern may find some that have none.
std::vector<std::string> with_others(const Settings& settings, const std::vector<End>& ends,
                                     const std::vector<End>& others) {
  std::vector<std::string> names;
  for (const End& end : ends) {
    const auto is_other = [&](const End& other) { return other.real != end.real; };
    if (std::any_of(others.begin(), others.end(), is_other)) {
      names.push_back(end.checkpoint.name);
    } else if (!end.by_pattern) {
      fail_as_both(settings, end, others.front());
    }
  }
  if (names.empty()) fail_as_both(settings, ends.front(), others.front());
  return names;
}

/// A grid that nobody asked for the deltas of would silently not be there.
void check_unused(const Settings& settings, const std::vector<std::string>& texts, const std::string& key) {
  const bool is_list = texts.size() > 1 || is_pattern(texts.front(), names_of(known_checkpoints(settings)));
  if (is_list && settings.where.find("blend.delta") == settings.where.end()) {
    throw InputError(where_of(settings, key), "`blend.delta` beside it, the weights of early", "none");
  }
}

}  // namespace

std::string where_of(const Settings& settings, const std::string& key) {
  const auto given = settings.where.find(key);
  return given == settings.where.end() ? "key `" + key + "`" : given->second;
}

void check_size(const Settings& settings, const std::string& key, std::initializer_list<std::size_t> axes) {
  constexpr double kMostArms = 10000;
  double arms = 1;
  for (const std::size_t axis : axes) arms *= static_cast<double>(axis);
  if (arms > kMostArms) {
    throw InputError(where_of(settings, key), "a grid of at most " + show_number(kMostArms) + " arms",
                     show_number(arms));
  }
}

std::filesystem::path real_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::path real = std::filesystem::canonical(folder, error);
  return error ? folder : real;
}

std::vector<merge::Ingredient> known_checkpoints(const Settings& settings) {
  std::vector<merge::Ingredient> known = settings.checkpoints;
  std::set<std::string> names;
  for (const merge::Ingredient& checkpoint : known) names.insert(checkpoint.name);
  for (const Step& step : settings.trajectory) {
    const std::string name = step.folder.filename().string();
    if (names.insert(name).second) known.push_back({name, step.folder});
  }
  return known;
}

void check_trajectory_names(const Settings& settings, const std::string& where) {
  std::map<std::string, std::filesystem::path> folders;
  for (const merge::Ingredient& checkpoint : settings.checkpoints)
    folders.emplace(checkpoint.name, checkpoint.folder);
  for (const Step& step : settings.trajectory) {
    const auto same = folders.find(step.folder.filename().string());
    if (same == folders.end() || real_folder(same->second) == real_folder(step.folder)) continue;
    throw InputError(where, "another name than a checkpoint's, or the same folder",
                     step.folder.string() + " beside " + same->first + ": " + same->second.string());
  }
}

merge::Ingredient checkpoint_named(const Settings& settings, const std::string& name,
                                   const std::string& key) {
  return named(settings, known_checkpoints(settings), name, key);
}

void resolve_ends(Settings& settings) {
  if (settings.delta.empty()) {
    check_unused(settings, settings.early, "blend.early");
    check_unused(settings, settings.late, "blend.late");
    return;
  }
  const std::vector<End> early = ends_of(settings, settings.early, "blend.early");
  const std::vector<End> late = ends_of(settings, settings.late, "blend.late");
  check_size(settings, "blend.delta", {early.size(), late.size(), settings.delta.size()});
  settings.early = with_others(settings, early, late);
  settings.late = with_others(settings, late, early);
}

std::vector<std::pair<merge::Ingredient, merge::Ingredient>> pairs_of_ends(const Settings& settings) {
  std::vector<std::pair<merge::Ingredient, merge::Ingredient>> pairs;
  const std::vector<End> lates = ends_of(settings, settings.late, "blend.late");
  for (const End& early : ends_of(settings, settings.early, "blend.early")) {
    for (const End& late : lates) {
      if (early.real != late.real) pairs.emplace_back(early.checkpoint, late.checkpoint);
    }
  }
  return pairs;
}

}  // namespace wisk::run
