#pragma once
// Prompt templates: text with {NAME}.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace wisk::task {

/// A parsed template; immutable. "{NAME}" (letters, digits, "_", not beginning with a digit) is a
/// placeholder,
/// "{{NAME}}" the text "{NAME}"; every other brace is itself, so that LaTeX needs no escapes.
class Template {
 public:
  explicit Template(std::string_view text);
  /// Names in the order of their first appearance.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// `value(name)` gives what stands for each placeholder.
  [[nodiscard]] std::string render(const std::function<const std::string&(const std::string&)>& value) const;

 private:
  struct Piece {
    std::string text;
    bool placeholder;
  };
  std::vector<Piece> pieces_;
  std::vector<std::string> names_;
};

}  // namespace wisk::task
