#include "tokenizer_file.hpp"

#include <wisk/core/error.hpp>
#include <wisk/core/file.hpp>

#include "component.hpp"

namespace wisk::tokenizer {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kDeepest = 64;  // nesting of the JSON; components recurse over it

/// Builds a TokenizerFile from parser events: a document tree of half a million merges costs seconds and
/// hundreds of megabytes, so vocabulary and merges go straight into their vectors.
class Reader : public nlohmann::json_sax<Json> {
 public:
  Reader(TokenizerFile& file, std::string where) : file_(file), where_(std::move(where)) {}

  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(std::int64_t value) override { return scalar(value); }
  bool number_unsigned(std::uint64_t value) override { return scalar(value); }
  bool number_float(double value, const std::string& /*text*/) override { return scalar(value); }
  bool binary(Json::binary_t& /*value*/) override { return false; }
  bool string(std::string& value) override {
    switch (place_) {
      case Place::kMerges:
        return split_merge(value);
      case Place::kMerge:
        return add_part(value);
      default:
        return scalar(std::move(value));
    }
  }
  bool key(std::string& name) override {
    key_ = std::move(name);
    return true;
  }
  bool start_object(std::size_t /*size*/) override { return start(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return start(Json::array()); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const Json::exception& error) override {
    // The library's message ends with the reason after the last colon-separated prefix; the position is ours.
    throw InputError(where_ + ", byte " + std::to_string(position), "JSON", reason(error.what()));
  }

 private:
  enum class Place { kElsewhere, kVocabulary, kMerges, kMerge };

  static std::string reason(std::string_view message) {
    const std::size_t at = message.find("parse error");
    return std::string(at == std::string_view::npos ? message : message.substr(at));
  }

  [[nodiscard]] bool in_model() const { return stack_.size() == 2 && model_ && stack_.back() == model_; }

  bool start(Json empty) {
    if (place_ == Place::kMerges && empty.is_array()) {
      place_ = Place::kMerge;
      parts_.clear();
      return true;
    }
    if (place_ != Place::kElsewhere) return unexpected(shown(empty));
    if (in_model() && key_ == "vocab" && empty.is_object()) {
      if (file_.has_vocabulary) throw InputError(where_ + ": model.vocab", "one vocabulary", "two");
      file_.has_vocabulary = true;
      place_ = Place::kVocabulary;
      return true;
    }
    if (in_model() && key_ == "merges" && empty.is_array()) {
      if (file_.has_merges) throw InputError(where_ + ": model.merges", "one list of merges", "two");
      file_.has_merges = true;
      place_ = Place::kMerges;
      return true;
    }
    if (stack_.size() >= kDeepest) {
      throw InputError(where_, "nesting of at most " + std::to_string(kDeepest) + " levels", "more");
    }
    Json* added = add(std::move(empty));
    if (stack_.size() == 1 && stack_.front()->is_object() && key_ == "model") model_ = added;
    stack_.push_back(added);
    return true;
  }

  bool end() {
    switch (place_) {
      case Place::kMerge:
        if (parts_.size() != 2) return unexpected("a list of " + std::to_string(parts_.size()));
        file_.merges.emplace_back(std::move(parts_[0]), std::move(parts_[1]));
        place_ = Place::kMerges;
        return true;
      case Place::kElsewhere:
        stack_.pop_back();
        return true;
      default:
        place_ = Place::kElsewhere;
        return true;
    }
  }

  bool scalar(Json value) {
    if (place_ == Place::kVocabulary) {
      if (!value.is_number_unsigned() ||
          value.get<std::uint64_t>() > static_cast<std::uint64_t>(kLargestId)) {
        throw InputError(where_ + ": model.vocab[" + shown(key_) + "]",
                         "an id of 0.." + std::to_string(kLargestId), shown(value));
      }
      file_.vocabulary.emplace_back(std::move(key_), static_cast<std::int32_t>(value.get<std::uint64_t>()));
      return true;
    }
    if (place_ != Place::kElsewhere) return unexpected(shown(value));
    add(std::move(value));
    return true;
  }

  /// The old form: "a b". The first line of merges.txt, "#version", may have come along.
  bool split_merge(const std::string& text) {
    if (text.starts_with("#version")) return true;
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
      return unexpected(shown(text));
    file_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    return true;
  }

  bool add_part(std::string& text) {
    if (parts_.size() == 2) return unexpected("more than two parts");
    parts_.push_back(std::move(text));
    return true;
  }

  [[noreturn]] bool unexpected(const std::string& found) const {
    if (place_ == Place::kVocabulary) {
      throw InputError(where_ + ": model.vocab[" + shown(key_) + "]", "an id", found);
    }
    throw InputError(where_ + ": model.merges[" + std::to_string(file_.merges.size()) + "]",
                     "two tokens (\"a b\" or [\"a\", \"b\"])", found);
  }

  Json* add(Json value) {
    if (stack_.empty()) {
      file_.rest = std::move(value);
      return &file_.rest;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) return &parent.emplace_back(std::move(value));
    return &(parent[key_] = std::move(value));
  }

  TokenizerFile& file_;
  std::string where_, key_;
  std::vector<Json*> stack_;  // open containers; pointers stay valid: only the innermost one grows
  const Json* model_ = nullptr;
  Place place_ = Place::kElsewhere;
  std::vector<std::string> parts_;  // of the merge that is being read
};

}  // namespace

TokenizerFile read_tokenizer_file(const std::filesystem::path& file) {
  const std::string text = read_text(file);
  TokenizerFile result;
  Reader reader(result, file.string());
  Json::sax_parse(text, &reader);
  return result;
}

nlohmann::json read_json(const std::filesystem::path& file) {
  const std::string text = read_text(file);
  TokenizerFile result;
  Reader reader(result, file.string());
  Json::sax_parse(text, &reader);
  return std::move(result.rest);
}

}  // namespace wisk::tokenizer
