#include "component.hpp"

#include <wisk/core/error.hpp>

#include "unicode.hpp"

namespace wisk::tokenizer {

std::string shown(const nlohmann::json& value) {
  constexpr std::size_t kLongest = 80;
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list of " + std::to_string(value.size());
  std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

Component::Component(const nlohmann::json& value, std::string where)
    : value_(&value), where_(std::move(where)) {
  if (value.is_object()) return;
  if (where_.ends_with(':')) where_.pop_back();
  throw InputError(where_, "an object", shown(value));
}

std::string Component::where(std::string_view key) const {
  std::string name = where_;
  name.append(where_.ends_with(':') ? " " : ".").append(key);
  return name;
}

bool Component::has(std::string_view key) const {
  const auto found = value_->find(std::string(key));
  return found != value_->end() && !found->is_null();
}

void Component::fail(std::string_view key, const std::string& expected) const {
  const auto found = value_->find(std::string(key));
  throw InputError(where(key), expected, found == value_->end() ? "nothing" : shown(*found));
}

std::string Component::string(std::string_view key) const {
  const auto found = value_->find(std::string(key));
  if (found == value_->end() || !found->is_string()) fail(key, "a string");
  return found->get<std::string>();
}

bool Component::boolean(std::string_view key) const {
  const auto found = value_->find(std::string(key));
  if (found == value_->end() || !found->is_boolean()) fail(key, "true or false");
  return found->get<bool>();
}

bool Component::boolean(std::string_view key, bool fallback) const {
  return has(key) ? boolean(key) : fallback;
}

std::int64_t Component::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const auto found = value_->find(std::string(key));
  const std::string expected = "an integer of " + std::to_string(low) + ".." + std::to_string(high);
  if (found == value_->end() || !found->is_number_integer()) fail(key, expected);
  // A value above int64 is stored unsigned: compare before converting.
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > static_cast<std::uint64_t>(high)) {
    fail(key, expected);
  }
  const auto number = found->get<std::int64_t>();
  if (number < low || number > high) fail(key, expected);
  return number;
}

char32_t Component::character(std::string_view key) const {
  const std::string text = string(key);
  if (text.empty() || utf8_length(text[0]) != text.size()) fail(key, "a string of one character");
  return character_at(text, 0);
}

Component Component::child(std::string_view key) const {
  const auto found = value_->find(std::string(key));
  if (found == value_->end()) fail(key, "an object");
  return {*found, where(key)};
}

std::vector<Component> Component::children(std::string_view key) const {
  const auto found = value_->find(std::string(key));
  if (found == value_->end() || !found->is_array()) fail(key, "a list");
  std::vector<Component> all;
  for (std::size_t i = 0; i < found->size(); ++i) {
    all.emplace_back((*found)[i], where(key) + "[" + std::to_string(i) + "]");
  }
  return all;
}

namespace {

void append_flattened(const Component& component, std::string_view list_key, std::vector<Component>& all) {
  if (component.string("type") != "Sequence") {
    all.push_back(component);
    return;
  }
  for (const Component& part : component.children(list_key)) append_flattened(part, list_key, all);
}

}  // namespace

std::vector<Component> flatten(const Component& parent, std::string_view key, std::string_view list_key) {
  std::vector<Component> all;
  if (parent.has(key)) append_flattened(parent.child(key), list_key, all);
  return all;
}

void fail_unknown_type(const Component& component, const std::vector<std::string>& known) {
  component.fail("type", "one of " + join(known, ", ") + " (others are not supported)");
}

}  // namespace wisk::tokenizer
