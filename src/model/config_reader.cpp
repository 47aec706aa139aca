#include "config_reader.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include <wisk/core/error.hpp>

namespace wisk::model {

struct ConfigReader::Node {
  nlohmann::json value;
  std::string file, prefix;
  [[nodiscard]] const nlohmann::json* find(const std::string& key) const {
    if (!value.is_object()) return nullptr;
    const auto found = value.find(key);
    return found == value.end() || found->is_null() ? nullptr : &*found;
  }
};

ConfigReader ConfigReader::parse(const std::string& json, const std::string& where) {
  auto node = std::make_shared<Node>();
  node->file = where;
  node->value = nlohmann::json::parse(json, nullptr, false);
  if (!node->value.is_object())
    throw InputError(where, "a JSON object",
                     node->value.is_discarded() ? "text that is not JSON" : "another JSON value");
  ConfigReader reader;
  reader.node_ = std::move(node);
  return reader;
}

bool ConfigReader::empty() const {
  return !node_->value.is_object() || node_->value.empty();
}

bool ConfigReader::contains(const std::string& key) const {
  return node_->value.is_object() && node_->value.contains(key);
}

ConfigReader ConfigReader::child(const std::string& key) const {
  auto node = std::make_shared<Node>();
  node->file = node_->file;
  node->prefix = node_->prefix + key + ".";
  if (const nlohmann::json* found = node_->find(key)) {
    if (!found->is_object()) throw InputError(where(key), "an object", found->dump());
    node->value = *found;
  }
  ConfigReader reader;
  reader.node_ = std::move(node);
  return reader;
}

std::string ConfigReader::where(const std::string& key) const {
  return node_->file + ": key `" + node_->prefix + key + "`";
}

std::string ConfigReader::shown(const std::string& key) const {
  const nlohmann::json* found = node_->find(key);
  return found == nullptr ? "nothing" : found->dump();
}

double ConfigReader::number(const std::string& key, double fallback) const {
  const nlohmann::json* found = node_->find(key);
  if (found == nullptr) return fallback;
  if (!found->is_number() || !std::isfinite(found->get<double>()))
    throw InputError(where(key), "a number", found->dump());
  return found->get<double>();
}

std::int64_t ConfigReader::integer(const std::string& key, std::int64_t fallback) const {
  const double value = number(key, static_cast<double>(fallback));
  constexpr double kLargest = 1e15;
  if (value != std::floor(value) || std::abs(value) > kLargest)
    throw InputError(where(key), "an integer", shown(key));
  return static_cast<std::int64_t>(value);
}

bool ConfigReader::boolean(const std::string& key, bool fallback) const {
  const nlohmann::json* found = node_->find(key);
  if (found == nullptr) return fallback;
  if (!found->is_boolean()) throw InputError(where(key), "true or false", found->dump());
  return found->get<bool>();
}

std::string ConfigReader::text(const std::string& key, const std::string& fallback) const {
  const nlohmann::json* found = node_->find(key);
  if (found == nullptr) return fallback;
  if (!found->is_string()) throw InputError(where(key), "a string", found->dump());
  return found->get<std::string>();
}

std::vector<std::string> ConfigReader::texts(const std::string& key) const {
  std::vector<std::string> items;
  const nlohmann::json* found = node_->find(key);
  if (found == nullptr) return items;
  if (!found->is_array()) throw InputError(where(key), "a list of strings", found->dump());
  for (const nlohmann::json& item : *found) {
    if (!item.is_string()) throw InputError(where(key), "a list of strings", item.dump());
    items.push_back(item.get<std::string>());
  }
  return items;
}

double ConfigReader::number_from(const std::string& key, double least, double fallback) const {
  const double value = number(key, fallback);
  if (value >= least) return value;
  throw InputError(where(key), "a number of at least " + nlohmann::json(least).dump(), shown(key));
}

double ConfigReader::positive_number(const std::string& key, double fallback) const {
  const double value = number(key, fallback);
  if (!(value > 0)) throw InputError(where(key), "a positive number", shown(key));
  return value;
}

std::int64_t ConfigReader::positive(const std::string& key, std::int64_t fallback) const {
  const std::int64_t value = integer(key, fallback);
  constexpr std::int64_t kLargest = std::int64_t{1} << 30;
  if (value < 1 || value > kLargest) throw InputError(where(key), "an integer of 1 to 2^30", shown(key));
  return value;
}

}  // namespace wisk::model
