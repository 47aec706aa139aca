#pragma once
// The patterns of components, {"String": ...} or {"Regex": ...}, and splitting text along their matches.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "component.hpp"
#include "regex.hpp"

namespace wisk::tokenizer {

/// Owns its text or code; immutable, thread-safe; move-only.
class Pattern {
 public:
  /// Reads parent[key]. Throws InputError.
  Pattern(const Component& parent, std::string_view key);
  /// A regular expression of our own.
  explicit Pattern(std::string_view regex, std::string where)
      : regex_(std::in_place, regex, std::move(where)) {}

  [[nodiscard]] std::vector<ByteRange> find_all(std::string_view text) const;
  /// The literal text, for patterns that have one.
  [[nodiscard]] const std::optional<std::string>& literal() const { return literal_; }
  /// `text` with every match replaced by `content`.
  [[nodiscard]] std::string replace(std::string_view text, std::string_view content) const;

 private:
  std::optional<std::string> literal_;
  std::optional<Regex> regex_;
};

/// What happens to the delimiters of a split.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// Reads parent[key]. Throws InputError.
SplitBehavior split_behavior(const Component& parent, std::string_view key);

/// The parts of a text of `size` bytes, in order and not empty. With `invert` everything but the matches
/// delimits.
std::vector<ByteRange> split(std::size_t size, const std::vector<ByteRange>& matches, SplitBehavior behavior,
                             bool invert);

}  // namespace wisk::tokenizer
