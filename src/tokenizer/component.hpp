#pragma once
// One object of a JSON file together with its name, so that every error says where it is.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace wisk::tokenizer {

/// A view of one JSON object; the JSON must outlive it. Accessors throw InputError at "FILE: path.key".
class Component {
 public:
  /// `where` is "FILE:" for a whole file. Throws when `value` is not an object.
  Component(const nlohmann::json& value, std::string where);

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] bool has(std::string_view key) const;  // present and not null
  [[nodiscard]] std::string string(std::string_view key) const;
  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] bool boolean(std::string_view key, bool fallback) const;
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  [[nodiscard]] char32_t character(std::string_view key) const;  // a string of one character
  [[nodiscard]] Component child(std::string_view key) const;
  [[nodiscard]] std::vector<Component> children(std::string_view key) const;  // a list of objects
  [[nodiscard]] const nlohmann::json& value() const { return *value_; }

  /// The name of a child for errors.
  [[nodiscard]] std::string where(std::string_view key) const;
  /// The error for `key`: expected against what is there.
  [[noreturn]] void fail(std::string_view key, const std::string& expected) const;

 private:
  const nlohmann::json* value_;
  std::string where_;
};

/// A short rendering of a JSON value for error messages.
std::string shown(const nlohmann::json& value);

/// Components of `Sequence` lists in order (key `list_key`), or the one component; an absent one gives an
/// empty list.
std::vector<Component> flatten(const Component& parent, std::string_view key, std::string_view list_key);

/// One entry of the table of known component types.
template <typename Made>
struct Known {
  std::string_view type;
  std::function<Made(const Component&)> make;
};

/// Throws InputError naming the component, the known types and the one found.
[[noreturn]] void fail_unknown_type(const Component& component, const std::vector<std::string>& known);

/// Makes the component by its "type" from a table.
template <typename Made>
Made make_by_type(const Component& component, const std::vector<Known<Made>>& table) {
  const std::string type = component.string("type");
  for (const Known<Made>& known : table) {
    if (known.type == type) return known.make(component);
  }
  std::vector<std::string> names;
  for (const Known<Made>& known : table) names.emplace_back(known.type);
  fail_unknown_type(component, names);
}

}  // namespace wisk::tokenizer
