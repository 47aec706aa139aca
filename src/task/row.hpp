#pragma once
// One line of a JSONL file as an object whose bytes stay as they are.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wisk::task {

/// Owns its line; immutable. Values are looked up, not converted: numbers keep every digit.
class Row {
 public:
  /// Throws InputError with `where` for anything but a JSON object in UTF-8 whose keys differ.
  Row(std::string line, std::string where);

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] std::vector<std::string> names() const;
  /// Each text, number or boolean with its name, in the order of the line; values as text() gives them.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> scalars() const;
  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] bool is_null(std::string_view name) const;
  /// The value as text: texts, numbers and booleans as they are written, a list with one element as that
  /// element. `name` that begins with "/" is a JSON pointer (RFC 6901). Throws InputError when it is missing
  /// (with the nearest name) or no text.
  [[nodiscard]] std::string text(const std::string& name) const;
  /// The line with each name set to its JSON value: in place when the row has it, else at the end, in this
  /// order. The rest of the line keeps its bytes. The names differ.
  [[nodiscard]] std::string with(const std::vector<std::pair<std::string, std::string>>& values) const;

 private:
  struct Member {
    std::string name;
    std::size_t begin, end;  ///< of the value in line_
  };
  void find_members();
  [[nodiscard]] const Member* find(std::string_view name) const;
  [[nodiscard]] std::string text_at_pointer(const std::string& pointer) const;

  std::string line_, where_;
  std::vector<Member> members_;
  bool compact_ = false;  ///< written without spaces after ":"
};

}  // namespace wisk::task
