#include "pattern.hpp"

#include <algorithm>

#include <wisk/core/error.hpp>

namespace wisk::tokenizer {

Pattern::Pattern(const Component& parent, std::string_view key) {
  const Component pattern = parent.child(key);
  if (pattern.has("Regex")) {
    regex_.emplace(pattern.string("Regex"), pattern.where() + ".Regex");
    return;
  }
  if (!pattern.has("String"))
    throw InputError(pattern.where(), "\"String\" or \"Regex\"", shown(pattern.value()));
  std::string text = pattern.string("String");
  if (text.empty()) {  // matches between all characters
    regex_.emplace("", pattern.where());
  } else {
    literal_ = std::move(text);
  }
}

std::vector<ByteRange> Pattern::find_all(std::string_view text) const {
  if (regex_) return regex_->find_all(text);
  std::vector<ByteRange> matches;
  for (std::size_t at = text.find(*literal_); at != std::string_view::npos;
       at = text.find(*literal_, at + literal_->size())) {
    matches.push_back({at, at + literal_->size()});
  }
  return matches;
}

std::string Pattern::replace(std::string_view text, std::string_view content) const {
  std::string result;
  result.reserve(text.size());
  std::size_t at = 0;
  for (const ByteRange match : find_all(text)) {
    result += text.substr(at, match.begin - at);
    result += content;
    at = match.end;
  }
  result += text.substr(at);
  return result;
}

SplitBehavior split_behavior(const Component& parent, std::string_view key) {
  const std::string name = parent.string(key);
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  parent.fail(key, "one of Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous");
}

namespace {

struct Part {
  ByteRange range;
  bool is_delimiter;
};

/// Matches and what lies between them.
std::vector<Part> all_parts(std::size_t size, const std::vector<ByteRange>& matches, bool invert) {
  std::vector<Part> parts;
  parts.reserve(2 * matches.size() + 1);
  std::size_t at = 0;
  for (const ByteRange match : matches) {
    if (at < match.begin) parts.push_back({{at, match.begin}, invert});
    parts.push_back({match, !invert});
    at = match.end;
  }
  if (at < size) parts.push_back({{at, size}, invert});
  return parts;
}

/// A delimiter after something that is none joins what lies before it.
std::vector<ByteRange> merge_with_previous(const std::vector<Part>& parts) {
  std::vector<ByteRange> merged;
  bool after_delimiter = false;
  for (const Part& part : parts) {
    if (part.is_delimiter && !after_delimiter && !merged.empty()) {
      merged.back().end = part.range.end;
    } else {
      merged.push_back(part.range);
    }
    after_delimiter = part.is_delimiter;
  }
  return merged;
}

/// The mirror image of merge_with_previous.
std::vector<ByteRange> merge_with_next(const std::vector<Part>& parts) {
  std::vector<ByteRange> merged;
  bool before_delimiter = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->is_delimiter && !before_delimiter && !merged.empty()) {
      merged.back().begin = part->range.begin;
    } else {
      merged.push_back(part->range);
    }
    before_delimiter = part->is_delimiter;
  }
  std::reverse(merged.begin(), merged.end());
  return merged;
}

std::vector<ByteRange> join_equal(const std::vector<Part>& parts) {
  std::vector<ByteRange> joined;
  bool last_is_delimiter = false;
  for (const Part& part : parts) {
    if (part.is_delimiter == last_is_delimiter && !joined.empty()) {
      joined.back().end = part.range.end;
    } else {
      joined.push_back(part.range);
    }
    last_is_delimiter = part.is_delimiter;
  }
  return joined;
}

}  // namespace

std::vector<ByteRange> split(std::size_t size, const std::vector<ByteRange>& matches, SplitBehavior behavior,
                             bool invert) {
  const std::vector<Part> parts = all_parts(size, matches, invert);
  std::vector<ByteRange> result;
  switch (behavior) {
    case SplitBehavior::kRemoved:
    case SplitBehavior::kIsolated:
      for (const Part& part : parts) {
        if (behavior == SplitBehavior::kIsolated || !part.is_delimiter) result.push_back(part.range);
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      result = merge_with_previous(parts);
      break;
    case SplitBehavior::kMergedWithNext:
      result = merge_with_next(parts);
      break;
    case SplitBehavior::kContiguous:
      result = join_equal(parts);
      break;
  }
  std::erase_if(result, [](const ByteRange& range) { return range.begin == range.end; });
  return result;
}

}  // namespace wisk::tokenizer
