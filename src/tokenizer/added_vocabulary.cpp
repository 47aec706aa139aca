#include "added_vocabulary.hpp"

#include <algorithm>

#include <wisk/core/error.hpp>

#include "unicode.hpp"

namespace wisk::tokenizer {

namespace {

/// Longer tokens would make matching quadratic on hostile files; real ones have at most a few hundred bytes.
constexpr std::size_t kLongestContent = 4096;

AddedToken read_token(const Component& entry) {
  AddedToken token;
  token.id = static_cast<std::int32_t>(entry.integer("id", 0, kLargestId));
  token.content = entry.string("content");
  if (token.content.size() > kLongestContent) {
    throw InputError(entry.where() + ".content", "at most " + std::to_string(kLongestContent) + " bytes",
                     std::to_string(token.content.size()));
  }
  token.special = entry.boolean("special");
  token.normalized = entry.boolean("normalized");
  token.single_word = entry.boolean("single_word");
  token.left_strip = entry.boolean("lstrip");
  token.right_strip = entry.boolean("rstrip");
  return token;
}

/// Whether a token at [begin, end) stands alone: no word character touches it.
bool is_single_word(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0 && is_word(character_at(text, previous_character(text, begin)))) return false;
  return end == text.size() || !is_word(character_at(text, end));
}

/// Ends of runs of white space. Remembers the last run, so that many tokens inside one long run cost one
/// walk.
class WhiteSpaceRuns {
 public:
  explicit WhiteSpaceRuns(std::string_view text) : text_(text) {}
  std::size_t end_after(std::size_t position) {
    if (position >= begin_ && position <= end_) return end_;
    begin_ = end_ = position;
    while (end_ < text_.size() && is_white_space(character_at(text_, end_))) end_ += utf8_length(text_[end_]);
    return end_;
  }

 private:
  std::string_view text_;
  std::size_t begin_ = 1, end_ = 0;  // no run yet
};

std::size_t white_space_before(std::string_view text, std::size_t position, std::size_t lowest) {
  while (position > lowest && is_white_space(character_at(text, previous_character(text, position)))) {
    position = previous_character(text, position);
  }
  return position;
}

}  // namespace

TokenMatcher::TokenMatcher() : nodes_(1), root_child_(256, -1) {}

std::int32_t TokenMatcher::child(std::int32_t node, unsigned char byte) const {
  if (node == 0) return root_child_[byte];
  const auto& children = nodes_[static_cast<std::size_t>(node)].children;
  const auto found =
      std::lower_bound(children.begin(), children.end(), byte,
                       [](const auto& entry, unsigned char value) { return entry.first < value; });
  return found != children.end() && found->first == byte ? found->second : -1;
}

void TokenMatcher::insert(std::string_view pattern, std::size_t token) {
  if (pattern.empty()) return;
  std::int32_t node = 0;
  for (const char c : pattern) {
    const auto byte = static_cast<unsigned char>(c);
    std::int32_t next = child(node, byte);
    if (next < 0) {
      next = static_cast<std::int32_t>(nodes_.size());
      nodes_.emplace_back();
      if (node == 0) {
        root_child_[byte] = next;
      } else {
        auto& children = nodes_[static_cast<std::size_t>(node)].children;
        const std::pair<unsigned char, std::int32_t> entry{byte, next};
        children.insert(std::upper_bound(children.begin(), children.end(), entry), entry);
      }
    }
    node = next;
  }
  std::int32_t& held = nodes_[static_cast<std::size_t>(node)].token;
  if (held < 0) held = static_cast<std::int32_t>(token);
}

std::optional<std::pair<std::size_t, std::size_t>> TokenMatcher::longest_at(std::string_view text,
                                                                            std::size_t position) const {
  std::optional<std::pair<std::size_t, std::size_t>> longest;
  std::int32_t node = 0;
  for (std::size_t i = position; i < text.size(); ++i) {
    node = child(node, static_cast<unsigned char>(text[i]));
    if (node < 0) break;
    const std::int32_t token = nodes_[static_cast<std::size_t>(node)].token;
    if (token >= 0) longest = {static_cast<std::size_t>(token), i + 1 - position};
  }
  return longest;
}

AddedVocabulary::AddedVocabulary(const Component& parent, const BpeModel& model,
                                 const Normalizer& normalizer) {
  if (!parent.has("added_tokens")) return;
  auto next_free = static_cast<std::int32_t>(model.count());
  for (const Component& entry : parent.children("added_tokens")) {
    AddedToken token = read_token(entry);
    if (token.content.empty()) continue;
    if (by_content_.contains(token.content)) {
      throw InputError(entry.where() + ".content", "a token once", shown(token.content) + " again");
    }
    const std::int32_t id = model.id_of(token.content).value_or(next_free);
    if (token.id != id) {
      throw InputError(entry.where() + ".id",
                       std::to_string(id) + " for " + shown(token.content) +
                           (id == next_free ? " (the next free one)" : " (as in model.vocab)"),
                       std::to_string(token.id));
    }
    next_free = std::max(next_free, id + 1);
    size_ = std::max(size_, id + 1);
    by_id_.emplace(id, tokens_.size());
    by_content_.emplace(token.content, tokens_.size());
    tokens_.push_back(std::move(token));
  }
  // Special tokens come first: of two with the same normalised content the first wins.
  for (const bool special : {true, false}) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].special != special) continue;
      NormalizedText content{tokens_[i].content, false};
      if (tokens_[i].normalized) normalizer.apply(content);
      (tokens_[i].normalized ? normalized_ : raw_).insert(content.text, i);
      tokens_[i].text = std::move(content.text);
    }
  }
}

const AddedToken* AddedVocabulary::find(std::int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

std::optional<std::int32_t> AddedVocabulary::id_of(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  if (found == by_content_.end()) return std::nullopt;
  return tokens_[found->second].id;
}

std::vector<AddedSpan> AddedVocabulary::split(std::string_view text, const TokenMatcher& matcher) const {
  std::vector<AddedSpan> spans;
  WhiteSpaceRuns runs(text);
  std::size_t done = 0, at = 0;
  while (at < text.size()) {
    const auto match = matcher.longest_at(text, at);
    if (!match) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[match->first];
    std::size_t begin = at, end = at + match->second;
    at = end;  // matches never overlap, even discarded ones
    if (token.single_word && !is_single_word(text, begin, end)) continue;
    if (token.left_strip) begin = std::max(done, white_space_before(text, begin, std::min(done, begin)));
    if (token.right_strip) end = runs.end_after(end);
    if (done < begin) spans.push_back({done, begin, -1});
    spans.push_back({begin, end, token.id});
    done = end;
  }
  if (done < text.size()) spans.push_back({done, text.size(), -1});
  return spans;
}

}  // namespace wisk::tokenizer
