#pragma once
// Typed access to config.json: every error names the file and the key.

#include <memory>
#include <string>
#include <vector>

namespace wisk::model {

/// A JSON object inside a file; missing members are `empty`. Immutable; copies share the document.
class ConfigReader {
 public:
  /// Throws InputError when the text is no JSON object.
  static ConfigReader parse(const std::string& json, const std::string& where);

  [[nodiscard]] bool empty() const;
  /// Whether the key is there, null included: where an absent key has another meaning than a null.
  [[nodiscard]] bool contains(const std::string& key) const;
  [[nodiscard]] ConfigReader child(const std::string& key) const;

  // Values; a missing or null key gives the fallback, a value of another type is an InputError.
  [[nodiscard]] double number(const std::string& key, double fallback) const;
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t fallback) const;
  [[nodiscard]] bool boolean(const std::string& key, bool fallback) const;
  [[nodiscard]] std::string text(const std::string& key, const std::string& fallback) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& key) const;

  /// A number of at least `least`.
  [[nodiscard]] double number_from(const std::string& key, double least, double fallback) const;

  // Values that must be there (or have a fallback) and be positive.
  [[nodiscard]] double positive_number(const std::string& key, double fallback = 0) const;
  [[nodiscard]] std::int64_t positive(const std::string& key, std::int64_t fallback = 0) const;

  /// "FILE: key `a.b`".
  [[nodiscard]] std::string where(const std::string& key) const;
  /// The value as JSON, or "nothing".
  [[nodiscard]] std::string shown(const std::string& key) const;

 private:
  struct Node;
  std::shared_ptr<const Node> node_;
};

}  // namespace wisk::model
