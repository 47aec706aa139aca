#pragma once
// YAML text as a tree that knows where each value came from. The only place that knows yaml-cpp.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wisk::run {

/// Where text came from.
struct Origin {
  std::string label;           ///< "job.yaml", "--set decode.samples=8"
  bool has_lines;              ///< a file: errors name the line
  std::filesystem::path base;  ///< folder that relative paths start from
};

/// A node of the tree; owns its children. A map keeps its keys in the order of the text.
struct Value {
  enum class Kind { kNothing, kPlain, kQuoted, kList, kMap };
  struct Key {
    std::string name;
    int line;
  };

  [[nodiscard]] std::string where() const { return where(line); }
  [[nodiscard]] std::string where(int at_line) const;
  /// What stands there, for "found ...": `the text "8"`, `fast`, "a list", "a map", "nothing".
  [[nodiscard]] std::string in_words() const;
  [[nodiscard]] bool is_text() const { return kind == Kind::kPlain || kind == Kind::kQuoted; }
  /// The value of a map's key, or null.
  [[nodiscard]] const Value* find(std::string_view name) const;
  /// Sets or adds a map's key.
  void set(std::string_view name, Value value);

  Kind kind = Kind::kNothing;
  std::string text;          // of kPlain and kQuoted
  std::vector<Key> keys;     // of a map: [items.size()]
  std::vector<Value> items;  // of a list or a map
  int line = 1;
  std::shared_ptr<const Origin> origin;
};

/// One document. Aliases are expanded up to a fixed number of nodes; depth is limited; duplicate keys, keys
/// that are not text, and tags are refused. Throws InputError with the line.
Value parse_yaml(const std::string& text, const std::shared_ptr<const Origin>& origin);

}  // namespace wisk::run
