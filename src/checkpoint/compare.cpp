#include <wisk/checkpoint/compare.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <wisk/checkpoint/names.hpp>
#include <wisk/core/error.hpp>

#include "config_form.hpp"
#include "json.hpp"

namespace wisk::checkpoint {
namespace {

std::string shown(const Json* value) {
  return value == nullptr ? "absent" : printable(value->dump(), 300);
}

/// Walks two objects together; names nested keys "a.b".
void compare_objects(const Json& a, const Json& b, const std::string& prefix,
                     std::vector<std::string>& differences) {
  std::set<std::string> keys;
  for (const auto& [key, value] : a.items()) keys.insert(key);
  for (const auto& [key, value] : b.items()) keys.insert(key);
  for (const std::string& key : keys) {
    const auto in_a = a.find(key), in_b = b.find(key);
    const Json* x = in_a == a.end() ? nullptr : &*in_a;
    const Json* y = in_b == b.end() ? nullptr : &*in_b;
    if (x != nullptr && y != nullptr && x->is_object() && y->is_object()) {
      compare_objects(*x, *y, prefix + key + '.', differences);
    } else if (x == nullptr || y == nullptr || *x != *y) {
      differences.push_back(printable(prefix + key) + ": " + shown(x) + " against " + shown(y));
    }
  }
}

Json config_of(const ModelFolder& folder) {
  return parse_object(folder.config_text(), (folder.path() / "config.json").string());
}

/// Names grouped by what is wrong with them.
class Problems {
 public:
  void add(const std::string& problem, const std::string& name) { names_[problem].push_back(name); }
  void list(std::vector<std::string>& all) {
    for (auto& [problem, names] : names_) {
      for (const std::string& group : summarize_names(std::move(names))) all.push_back(group + ' ' + problem);
    }
  }

 private:
  std::map<std::string, std::vector<std::string>> names_;
};

void list_unusable(const ModelFolder& folder, std::vector<std::string>& all) {
  Problems problems;
  for (const auto& [name, dtype] : folder.unusable_tensors()) {
    problems.add("has dtype " + dtype + " in " + folder.path().string() + ", which wisk cannot blend", name);
  }
  problems.list(all);
}

void compare_tensors(const ModelFolder& first, const ModelFolder& other, bool allow_different_dtypes,
                     std::vector<std::string>& all) {
  std::set<std::string> names;
  for (const auto& [name, view] : first.tensors()) names.insert(name);
  for (const auto& [name, view] : other.tensors()) names.insert(name);
  Problems problems;
  for (const std::string& name : names) {
    const TensorView* a = first.effective(name);
    const TensorView* b = other.effective(name);
    if (a == nullptr || b == nullptr) {
      const ModelFolder& lacking = a == nullptr ? first : other;
      // One that is there in an unusable dtype is reported as such.
      if (!lacking.unusable_tensors().contains(name))
        problems.add("is missing in " + lacking.path().string(), name);
      continue;
    }
    if (a->shape != b->shape) {
      problems.add("has shape " + to_string(a->shape) + " against " + to_string(b->shape), name);
    } else if (a->dtype != b->dtype && !allow_different_dtypes) {
      problems.add(
          "has dtype " + std::string(name_of(a->dtype)) + " against " + std::string(name_of(b->dtype)), name);
    }
  }
  problems.list(all);
}

}  // namespace

ConfigDifferences config_differences(const ModelFolder& first, const ModelFolder& other) {
  const Json a = config_of(first), b = config_of(other);
  ConfigDifferences found;
  compare_objects(computing_form(a), computing_form(b), "", found.computation);
  Json x = Json::object(), y = Json::object();
  for (const char* key :
       {"bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "max_position_embeddings"}) {
    if (a.contains(key) && !a[key].is_null()) x[key] = a[key];
    if (b.contains(key) && !b[key].is_null()) y[key] = b[key];
  }
  compare_objects(x, y, "", found.remarks);
  std::erase_if(found.remarks, [&](const std::string& remark) {
    const auto& strong = found.computation;
    return std::find(strong.begin(), strong.end(), remark) != strong.end();
  });
  return found;
}

std::vector<std::string> hindrances(std::span<const ModelFolder* const> folders,
                                    bool allow_different_dtypes) {
  std::vector<std::string> all;
  for (const ModelFolder* folder : folders) list_unusable(*folder, all);
  for (std::size_t i = 1; i < folders.size(); ++i) {
    std::vector<std::string> differences;
    compare_tensors(*folders[0], *folders[i], allow_different_dtypes, differences);
    for (const std::string& key : config_differences(*folders[0], *folders[i]).computation) {
      differences.push_back("config key " + key);
    }
    for (std::string& difference : differences) {
      if (folders.size() > 2) difference += " (" + folders[i]->path().string() + ')';
      all.push_back(std::move(difference));
    }
  }
  return all;
}

void require_blendable(std::span<const ModelFolder* const> folders, bool allow_different_dtypes) {
  const auto all = hindrances(folders, allow_different_dtypes);
  if (all.empty()) return;
  std::vector<std::string> paths;
  for (const ModelFolder* folder : folders) paths.push_back(folder->path().string());
  throw InputError(
      join(paths, ", "), folders.size() > 1 ? "checkpoints of one model" : "weights that can be blended",
      (all.size() == 1 ? "1 difference: " : std::to_string(all.size()) + " differences: ") + join(all, "; "));
}

}  // namespace wisk::checkpoint
