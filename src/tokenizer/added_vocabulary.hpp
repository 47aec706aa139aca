#pragma once
// Added tokens: pieces of text that become one token before the model sees them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bpe.hpp"
#include "component.hpp"
#include "normalizer.hpp"

namespace wisk::tokenizer {

/// One entry of `added_tokens`.
struct AddedToken {
  std::int32_t id;
  std::string content;
  std::string text;  // what it decodes to: the normalised content for normalized tokens, so that the decoder
                     // undoes it
  bool special, normalized, single_word;
  bool left_strip, right_strip;  // swallow white space beside the token
};

/// A range of the text: a token (id >= 0) or text for the model.
struct AddedSpan {
  std::size_t begin, end;
  std::int32_t id;
};

/// Finds tokens in text: leftmost, then longest. Owns a trie over bytes; immutable once filled.
class TokenMatcher {
 public:
  TokenMatcher();
  /// A pattern that is already there keeps its first token. Empty patterns never match.
  void insert(std::string_view pattern, std::size_t token);
  /// Token and length of the longest pattern that starts at `position`.
  [[nodiscard]] std::optional<std::pair<std::size_t, std::size_t>> longest_at(std::string_view text,
                                                                              std::size_t position) const;

 private:
  struct Node {
    std::int32_t token = -1;
    std::vector<std::pair<unsigned char, std::int32_t>> children;  // sorted by byte
  };
  [[nodiscard]] std::int32_t child(std::int32_t node, unsigned char byte) const;
  std::vector<Node> nodes_;               // 0 is the root
  std::vector<std::int32_t> root_child_;  // [256] children of the root: most positions end there
};

/// Owns the tokens; immutable, thread-safe; move-only.
class AddedVocabulary {
 public:
  AddedVocabulary() = default;
  /// Reads parent["added_tokens"]. An id must be the one that the library would give: that of the model's
  /// vocabulary when the content is in it, else the next free one. Throws InputError.
  AddedVocabulary(const Component& parent, const BpeModel& model, const Normalizer& normalizer);

  /// Splits user text along tokens that are matched as they are.
  [[nodiscard]] std::vector<AddedSpan> split_raw(std::string_view text) const { return split(text, raw_); }
  /// Splits normalised text along tokens whose normalised content is matched.
  [[nodiscard]] std::vector<AddedSpan> split_normalized(std::string_view text) const {
    return split(text, normalized_);
  }

  [[nodiscard]] const AddedToken* find(std::int32_t id) const;
  [[nodiscard]] std::optional<std::int32_t> id_of(std::string_view content) const;
  /// Largest id + 1; 0 without tokens.
  [[nodiscard]] std::int32_t size() const { return size_; }

 private:
  [[nodiscard]] std::vector<AddedSpan> split(std::string_view text, const TokenMatcher& matcher) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<std::int32_t, std::size_t> by_id_;      // index in tokens_
  std::unordered_map<std::string, std::size_t> by_content_;  // index in tokens_
  TokenMatcher raw_, normalized_;
  std::int32_t size_ = 0;
};

}  // namespace wisk::tokenizer
