#include "job_yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>
#include <wisk/core/assert.hpp>
#include <wisk/core/error.hpp>

namespace wisk::run {
namespace {

constexpr std::size_t kMostNodes = 20000;  // a job is small; what an alias repeats counts again
constexpr std::size_t kDeepest = 16;
constexpr std::size_t kLongestShown = 60;

/// Builds the tree out of the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const Origin> origin) : origin_(std::move(origin)) {}

  [[nodiscard]] Value take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(make(Value::Kind::kNothing, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto named = anchored_.find(anchor);
    if (named == anchored_.end())
      fail(mark, "an alias of something complete", "an alias inside of what it names");
    count(named->second, mark);
    Value copy = named->second;
    copy.line = mark.line + 1;
    add(std::move(copy), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (tag != "?" && tag != "!" && !tag.empty()) fail(mark, "a value without a tag", "the tag " + tag);
    Value value = make(tag == "!" ? Value::Kind::kQuoted : Value::Kind::kPlain, mark);
    value.text = text;
    add(std::move(value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Value::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Value value;
    YAML::anchor_t anchor;
    std::optional<Value::Key> key;    // of a map: waits for its value
    std::map<std::string, int> seen;  // of a map: its keys and their lines
  };

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& expected,
                         const std::string& found) const {
    Value place;
    place.origin = origin_;
    throw InputError(place.where(mark.line + 1), expected, found);
  }

  Value make(Value::Kind kind, const YAML::Mark& mark) {
    if (++nodes_ > kMostNodes) too_many(mark);
    Value value;
    value.kind = kind;
    value.line = mark.line + 1;
    value.origin = origin_;
    return value;
  }

  [[noreturn]] void too_many(const YAML::Mark& mark) const {
    fail(mark, "at most " + std::to_string(kMostNodes) + " values, aliases written out", "more");
  }

  void count(const Value& value, const YAML::Mark& mark) {
    if (++nodes_ > kMostNodes) too_many(mark);
    for (const Value& item : value.items) count(item, mark);
  }

  void open(Value::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (tag != "?" && !tag.empty()) fail(mark, "a value without a tag", "the tag " + tag);
    if (frames_.size() >= kDeepest) {
      fail(mark, "at most " + std::to_string(kDeepest) + " lists and maps inside one another", "more");
    }
    frames_.push_back({make(kind, mark), anchor, std::nullopt, {}});
  }

  void close() {
    Frame done = std::move(frames_.back());
    frames_.pop_back();
    add(std::move(done.value), done.anchor);
  }

  void add(Value value, YAML::anchor_t anchor) {
    if (anchor != 0) anchored_.insert_or_assign(anchor, value);
    if (frames_.empty()) {
      root_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.kind == Value::Kind::kMap && !frame.key) {
      add_key(frame, value);
      return;
    }
    if (frame.key) {
      // The parser notices that nothing follows a key only at what comes after it.
      if (value.kind == Value::Kind::kNothing) value.line = frame.key->line;
      frame.value.keys.push_back(*std::exchange(frame.key, std::nullopt));
    }
    frame.value.items.push_back(std::move(value));
  }

  static void add_key(Frame& frame, const Value& value) {
    if (!value.is_text() || value.text.empty()) throw InputError(value.where(), "a key", value.in_words());
    const auto [first, is_new] = frame.seen.emplace(value.text, value.line);
    if (!is_new) {
      throw InputError(value.where() + ": key `" + value.text + "`", "it once",
                       "it again (first at line " + std::to_string(first->second) + ")");
    }
    frame.key = {value.text, value.line};
  }

  std::shared_ptr<const Origin> origin_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Value> anchored_;
  Value root_;
  std::size_t nodes_ = 0;
};

}  // namespace

std::string Value::where(int at_line) const {
  WISK_ASSERT(origin != nullptr);
  return origin->has_lines ? origin->label + ":" + std::to_string(at_line) : origin->label;
}

std::string Value::in_words() const {
  switch (kind) {
    case Kind::kNothing:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    default:
      break;
  }
  // One line, whatever the text holds.
  std::string shown;
  for (const char letter : text.substr(0, kLongestShown)) {
    shown += static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f ? ' ' : letter;
  }
  if (text.size() > kLongestShown) shown += "...";
  return kind == Kind::kQuoted ? "the text \"" + shown + "\"" : shown;
}

const Value* Value::find(std::string_view name) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].name == name) return &items[i];
  }
  return nullptr;
}

void Value::set(std::string_view name, Value value) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].name != name) continue;
    items[i] = std::move(value);
    return;
  }
  keys.push_back({std::string(name), value.line});
  items.push_back(std::move(value));
}

Value parse_yaml(const std::string& text, const std::shared_ptr<const Origin>& origin) {
  Value place;
  place.origin = origin;
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder builder(origin);
    if (!parser.HandleNextDocument(builder)) return place;
    TreeBuilder second(origin);
    if (parser.HandleNextDocument(second)) {
      throw InputError(origin->label, "one YAML document", "a second one");
    }
    return builder.take_root();
  } catch (const YAML::Exception& error) {
    throw InputError(place.where(error.mark.line + 1), "YAML", error.msg);
  }
}

}  // namespace wisk::run
